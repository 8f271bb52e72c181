//! The leases: ended by tokio's time, which is this store's clock for all that expires.

use std::time::Duration;

use async_trait::async_trait;
use coherence::{FencingToken, mutant};
use domain::ports::{Acquired, FeedPosition, Lease, LeaseName, Leases, StoreError, tokens_before};
use tokio::time::Instant;
use uuid::Uuid;

use super::MemoryStore;

/// One lease, held or not.
#[derive(Debug, Clone, Default)]
pub(super) struct LeaseRow {
    token: FencingToken,
    held: Option<Held>,
    cursor: FeedPosition,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    by: Uuid,
    until: Instant,
}

impl LeaseRow {
    fn is_of(&self, token: FencingToken) -> bool {
        self.held.is_some() && self.token == token
    }

    pub(super) fn end(&mut self) {
        self.held = None;
    }
}

#[async_trait]
impl Leases for MemoryStore {
    async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        let now = Instant::now();
        let mut tables = self.tables();
        let incarnation = tables.incarnation;
        let row = tables.leases.entry(name).or_default();
        let other = row.held.filter(|held| held.by != holder && held.until > now && !mutant!(LeaseShared));
        if let Some(other) = other {
            return Ok(Acquired::Busy { remaining: other.until.saturating_duration_since(now) });
        }
        row.token = row.token.max(tokens_before(incarnation)).next();
        row.held = Some(Held { by: holder, until: now + life });
        Ok(Acquired::Held(Lease { name, token: row.token, incarnation, cursor: row.cursor }))
    }

    async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        let until = Instant::now() + life;
        Ok(self.change(name, token, |row| row.held = row.held.map(|held| Held { until, ..held })))
    }

    async fn release(&self, name: LeaseName, token: FencingToken) -> Result<(), StoreError> {
        self.change(name, token, LeaseRow::end);
        Ok(())
    }

    async fn move_cursor(&self, name: LeaseName, token: FencingToken, to: FeedPosition) -> Result<bool, StoreError> {
        if mutant!(CursorOfAnyToken) {
            self.tables().leases.entry(name).or_default().cursor = to;
            return Ok(true);
        }
        Ok(self.change(name, token, |row| row.cursor = to))
    }
}

impl MemoryStore {
    /// Changes the lease, if it is this token's; answers whether it is.
    fn change(&self, name: LeaseName, token: FencingToken, act: impl FnOnce(&mut LeaseRow)) -> bool {
        let mut tables = self.tables();
        match tables.leases.get_mut(&name).filter(|row| row.is_of(token)) {
            Some(row) => {
                act(row);
                true
            }
            None => false,
        }
    }
}
