//! Tickets for event streams: a browser cannot send a header there, and a token in a URL would end up in logs. A ticket is
//! good for one stream and for a moment; what is kept of it is its hash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coherence::Rng;
use tokio::time::Instant;
use uuid::Uuid;

use super::caller::Caller;

/// Unused tickets of one subject, at most: nobody opens so many streams at a time.
pub const TICKETS_PER_SUBJECT_MAX: usize = 32;
/// A text that is longer is no ticket.
const TICKET_BYTES_MAX: usize = 64;

/// What is kept of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketHash([u8; SHA256_OUTPUT_LEN]);

impl TicketHash {
    /// The hash of what a client sent; `None`, if that can be no ticket.
    pub fn of(text: &str) -> Option<Self> {
        let hash = digest(&SHA256, text.as_bytes());
        let hash = hash.as_ref().try_into().ok()?;
        (text.len() <= TICKET_BYTES_MAX).then_some(Self(hash))
    }
}

#[cfg(feature = "production")]
impl TicketHash {
    /// As text.
    pub(crate) fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A ticket with 128 random bits, and its hash.
pub fn new_ticket(rng: &dyn Rng) -> Option<(String, TicketHash)> {
    let mut bytes = [0; 16];
    let (first, second) = bytes.split_at_mut(8);
    first.copy_from_slice(&rng.next_u64().to_le_bytes());
    second.copy_from_slice(&rng.next_u64().to_le_bytes());
    let text = URL_SAFE_NO_PAD.encode(bytes);
    let hash = TicketHash::of(&text)?;
    Some((text, hash))
}

/// Why a ticket is not given, or not looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// The subject holds too many that it does not use.
    #[error("too many unused tickets; use them or wait until they expire")]
    TooMany,
    /// There is no room.
    #[error("there is no room for another ticket")]
    Full,
    /// Where tickets are kept cannot be reached.
    #[error("tickets cannot be given or taken now")]
    Unavailable,
}

impl TicketError {
    /// Whether another attempt may succeed: tickets expire, and servers come back.
    pub const fn is_retryable(self) -> bool {
        true
    }
}

/// Where tickets wait to be used. Shared by the instances that a client may be sent to.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Keeps a ticket of `caller` for `life`.
    ///
    /// # Errors
    /// There is no room for it.
    async fn keep(&self, ticket: TicketHash, caller: Arc<Caller>, life: Duration) -> Result<(), TicketError>;

    /// Takes the ticket: whose it is, if it was given out, not used and not expired.
    ///
    /// # Errors
    /// That cannot be known now: nobody is let in on a guess, and nobody is told that the ticket is none.
    async fn take(&self, ticket: TicketHash) -> Result<Option<Arc<Caller>>, TicketError>;
}

#[derive(Debug)]
struct Kept {
    caller: Arc<Caller>,
    until: Instant,
}

#[derive(Debug, Default)]
struct Table {
    tickets: BTreeMap<TicketHash, Kept>,
    of_subject: BTreeMap<Uuid, usize>,
}

impl Table {
    fn remove(&mut self, ticket: TicketHash) -> Option<Kept> {
        let kept = self.tickets.remove(&ticket)?;
        let subject = kept.caller.identity.user.0;
        if let Some(count) = self.of_subject.get_mut(&subject) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_subject.remove(&subject);
            }
        }
        Some(kept)
    }

    fn sweep(&mut self, now: Instant) {
        let over: Vec<TicketHash> =
            self.tickets.iter().filter(|(_, kept)| kept.until <= now).map(|(ticket, _)| *ticket).collect();
        for ticket in over {
            self.remove(ticket);
        }
    }

    fn has_room(&self, subject: Uuid, max: usize) -> Result<(), TicketError> {
        if self.of_subject.get(&subject).is_some_and(|count| *count >= TICKETS_PER_SUBJECT_MAX) {
            return Err(TicketError::TooMany);
        }
        if self.tickets.len() >= max { Err(TicketError::Full) } else { Ok(()) }
    }
}

/// The tickets of one process, for all its instances.
#[derive(Debug)]
pub struct MemoryTickets {
    max: usize,
    table: Mutex<Table>,
}

impl MemoryTickets {
    /// Room for `max` tickets.
    pub fn new(max: usize) -> Self {
        Self { max, table: Mutex::default() }
    }
}

#[async_trait]
impl Tickets for MemoryTickets {
    async fn keep(&self, ticket: TicketHash, caller: Arc<Caller>, life: Duration) -> Result<(), TicketError> {
        let now = Instant::now();
        let subject = caller.identity.user.0;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Only who finds no room pays for the walk.
        if table.has_room(subject, self.max).is_err() {
            table.sweep(now);
            table.has_room(subject, self.max)?;
        }
        table.tickets.insert(ticket, Kept { caller, until: now + life });
        *table.of_subject.entry(subject).or_default() += 1;
        Ok(())
    }

    async fn take(&self, ticket: TicketHash) -> Result<Option<Arc<Caller>>, TicketError> {
        // The order of hashes tells nothing about tickets, so that the time of the lookup does not matter.
        let kept = self.table.lock().unwrap_or_else(PoisonError::into_inner).remove(ticket);
        Ok(kept.filter(|kept| Instant::now() < kept.until).map(|kept| kept.caller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Identity, Scope};
    use adapters::system::SeededRng;
    use domain::model::UserId;
    use std::collections::BTreeSet;

    const LIFE: Duration = Duration::from_secs(30);

    fn caller(n: u128) -> Arc<Caller> {
        let identity =
            Identity { user: UserId(Uuid::from_u128(n)), scope: Scope::All, roles: BTreeSet::new(), traceparent: None };
        Arc::new(Caller { identity, expires_at_unix_s: 100 })
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_its_life() {
        let (rng, tickets) = (SeededRng::new(7), MemoryTickets::new(10));
        let (text, hash) = new_ticket(&rng).unwrap();
        assert!(!format!("{hash:?}").contains(&text) && text.len() == 22, "{text}");
        tickets.keep(hash, caller(1), LIFE).await.unwrap();
        assert_eq!(tickets.take(TicketHash::of("other").unwrap()).await, Ok(None));
        assert_eq!(tickets.take(TicketHash::of(&text).unwrap()).await, Ok(Some(caller(1))));
        assert_eq!(tickets.take(hash).await, Ok(None), "used");
        tickets.keep(hash, caller(1), LIFE).await.unwrap();
        tokio::time::advance(LIFE).await;
        assert_eq!(tickets.take(hash).await, Ok(None), "expired");
        assert_eq!(TicketHash::of(&"x".repeat(65)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded_for_all_and_for_each() {
        let (rng, tickets) = (SeededRng::new(7), MemoryTickets::new(TICKETS_PER_SUBJECT_MAX + 1));
        let keep = async |n| tickets.keep(new_ticket(&rng).unwrap().1, caller(n), LIFE).await;
        for _ in 0..TICKETS_PER_SUBJECT_MAX {
            keep(1).await.unwrap();
        }
        assert_eq!(keep(1).await, Err(TicketError::TooMany));
        keep(2).await.unwrap();
        assert_eq!(keep(3).await, Err(TicketError::Full));
        tokio::time::advance(LIFE).await;
        for n in 1..4 {
            keep(n).await.unwrap();
        }
    }
}
