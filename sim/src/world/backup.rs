//! The store is put back from a backup, and nobody says so: the tracker has to notice.
//!
//! It notices where the feed ends before what the topic shows (DESIGN section 3.1). Writes of the new life that came
//! sooner than its look could hide that, so those wait, as behind a database that is opened to writers last. Where the
//! topic shows nothing that was lost, the operator raises the incarnation, as `smartpulse restore` always does.

use std::sync::{Arc, Mutex, PoisonError};

use adapters::memory::{MemoryBus, MemorySnapshot};
use coherence::Incarnation;
use domain::event::CdcMessage;
use domain::ports::{Bus, ChangeFeed, FeedPosition, Store, Topic};

use super::store_host::StoreHost;
use crate::log::Event;

/// What the store held, and where the log was.
pub struct Backup {
    snapshot: MemorySnapshot,
    ordinal: u64,
}

/// A store that was put back, until the incarnation is raised. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Unnoticed(Arc<Mutex<Option<FeedPosition>>>);

impl Unnoticed {
    fn set(&self, told: Option<FeedPosition>) -> Option<FeedPosition> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), told)
    }

    fn told(&self) -> Option<FeedPosition> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the topic shows.
struct Told {
    incarnation: Incarnation,
    position: FeedPosition,
}

async fn told(bus: &MemoryBus) -> Option<Told> {
    let last = bus.last(Topic::CdcForecasts).await.ok()??;
    let (incarnation, mark) = CdcMessage::read(&last.message.payload).ok()?.stands()?;
    Some(Told { incarnation, position: mark.position })
}

impl StoreHost {
    /// What it holds now.
    pub fn back_up(&self) -> Backup {
        Backup { snapshot: self.store.snapshot(), ordinal: self.net.log.len() as u64 }
    }

    /// Puts it back. The connections to it break, as no database is put back beneath its users.
    pub async fn put_back(&self, backup: &Backup, bus: &MemoryBus, users: &[String]) {
        users.iter().for_each(|user| self.net.weather.cut(user, &self.net.host));
        let before = self.incarnation().await;
        self.store.restore(&backup.snapshot);
        let (now, end) = (self.incarnation().await, self.store.end().await.unwrap_or_default());
        self.unprune(end);
        let told = told(bus).await;
        // A life that began and was told by nobody would come again, unless it is said how far lives had come.
        let last_life = told.as_ref().is_some_and(|told| told.incarnation >= before);
        let notices = |told: &&Told| told.incarnation > now || (told.incarnation == now && told.position > end);
        let unnoticed = told.as_ref().filter(notices).filter(|_| last_life);
        let announced = unnoticed.is_none();
        self.net.log.record(&self.net.host, None, Event::PutBack { to: backup.ordinal, announced });
        // Of a later life nothing can be hidden.
        let hidden_from = |told: &Told| if told.incarnation > now { FeedPosition(u128::MAX) } else { told.position };
        self.unnoticed.set(unnoticed.map(hidden_from));
        if announced {
            self.net.mark("put_back_announced");
            let above = told.map_or(before, |told| told.incarnation.max(before));
            let raised = self.store.raise_incarnation(above).await;
            debug_assert!(raised.is_ok(), "the memory store does not fail");
            self.began(raised.ok()).await;
        } else {
            self.net.mark("put_back_unannounced");
        }
    }

    /// Whether it was put back, and nobody noticed yet.
    pub fn is_put_back_unnoticed(&self) -> bool {
        self.unnoticed.told().is_some()
    }

    pub(super) fn raised(&self) {
        if self.unnoticed.set(None).is_some() {
            self.net.mark("put_back_noticed");
        }
    }

    /// Whether so many more changes would hide that the store was put back.
    pub(super) async fn would_hide(&self, changes: usize) -> bool {
        let Some(told) = self.unnoticed.told() else { return false };
        let end = self.store.end().await.unwrap_or_default();
        let hides = end.0 + changes as u128 >= told.0;
        if hides {
            self.net.mark("put_back_writer_waits");
        }
        hides
    }
}
