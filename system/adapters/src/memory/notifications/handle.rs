//! The store as its users hold it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coherence::{Timestamp, WallClock};
use domain::model::microseconds;
use domain::ports::NotificationStoreError;
use tokio::time::Instant;

use super::faults::{MemoryNotificationFaults, NotificationFault, unavailable};
use super::tables::Tables;

/// The store of notifications in memory. Clones share everything.
#[derive(Clone)]
pub struct MemoryNotifications {
    shared: Arc<Shared>,
}

struct Shared {
    tables: Mutex<Tables>,
    faults: MemoryNotificationFaults,
    clock: Arc<dyn WallClock>,
}

/// When something happens: what is due follows tokio's time, what people see the wall clock's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Instant,
    pub(super) wall: Timestamp,
}

impl MemoryNotifications {
    /// An empty store that holds as many files as there is memory.
    pub fn new(clock: Arc<dyn WallClock>) -> Self {
        Self::with_tables(Tables::default(), clock)
    }

    /// An empty store that holds so many bytes of files with mails that are not sent.
    pub fn bounded(files_max_bytes: u64, clock: Arc<dyn WallClock>) -> Self {
        Self::with_tables(Tables { files_max: Some(files_max_bytes), ..Tables::default() }, clock)
    }

    fn with_tables(tables: Tables, clock: Arc<dyn WallClock>) -> Self {
        let (tables, faults) = (Mutex::new(tables), MemoryNotificationFaults::default());
        Self { shared: Arc::new(Shared { tables, faults, clock }) }
    }

    /// What goes wrong with its calls.
    pub fn faults(&self) -> MemoryNotificationFaults {
        self.shared.faults.clone()
    }

    /// The lock is never held across an await.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call: a whole transaction, under the faults that are planned for it.
    pub(super) async fn call<T>(
        &self,
        method: &'static str,
        act: impl FnOnce(&mut Tables, Moment) -> Result<T, NotificationStoreError>,
    ) -> Result<T, NotificationStoreError> {
        let fault = self.shared.faults.next(method);
        match fault {
            Some(NotificationFault::Before) => return Err(unavailable()),
            Some(NotificationFault::Hang) => std::future::pending::<()>().await,
            Some(NotificationFault::Corrupt) => return Err(NotificationStoreError::Corrupt("as planned".to_owned())),
            Some(NotificationFault::After | NotificationFault::HangAfter) | None => {}
        }
        let moment = Moment { now: Instant::now(), wall: microseconds(self.shared.clock.now()) };
        let answer = act(&mut self.tables(), moment)?;
        if let Some(late) = self.shared.faults.lateness(method) {
            tokio::time::sleep(late).await;
        }
        match fault {
            Some(NotificationFault::After) => Err(unavailable()),
            Some(NotificationFault::HangAfter) => std::future::pending().await,
            _ => Ok(answer),
        }
    }
}
