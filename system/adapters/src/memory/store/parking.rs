//! The parked events.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::ports::{PARKED_MAX, ParkedEvent, ParkedId, Parking, StoreError};

use super::MemoryStore;

/// The parked events, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct ParkedTable {
    last: u64,
    events: BTreeMap<u64, ParkedEvent>,
    places: BTreeMap<ParkedId, u64>,
}

impl ParkedTable {
    fn get(&self, id: ParkedId) -> Option<&ParkedEvent> {
        self.places.get(&id).and_then(|place| self.events.get(place))
    }

    /// Answers what had to go.
    fn add(&mut self, event: ParkedEvent) -> Option<ParkedEvent> {
        if self.places.contains_key(&event.id) {
            return None;
        }
        self.last += 1;
        self.places.insert(event.id, self.last);
        self.events.insert(self.last, event);
        let (_, oldest) = (self.events.len() > PARKED_MAX).then(|| self.events.pop_first()).flatten()?;
        self.places.remove(&oldest.id);
        Some(oldest)
    }

    fn remove(&mut self, id: ParkedId) -> bool {
        self.places.remove(&id).and_then(|place| self.events.remove(&place)).is_some()
    }
}

#[async_trait]
impl Parking for MemoryStore {
    async fn park(&self, event: ParkedEvent) -> Result<(), StoreError> {
        let gone = self.tables().parked.add(event);
        if let Some(gone) = gone {
            tracing::warn!(id = %gone.id, reason = gone.reason, "too many events are parked: the oldest is forgotten");
        }
        Ok(())
    }

    async fn parked(&self, limit: u32) -> Result<Vec<ParkedEvent>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.tables().parked.events.values().rev().take(limit).cloned().collect())
    }

    async fn get(&self, id: ParkedId) -> Result<Option<ParkedEvent>, StoreError> {
        Ok(self.tables().parked.get(id).cloned())
    }

    async fn discard(&self, id: ParkedId) -> Result<bool, StoreError> {
        Ok(self.tables().parked.remove(id))
    }
}
