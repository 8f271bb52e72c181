//! What can be set about the database file and the bus in it.

use std::path::PathBuf;
use std::time::Duration;

/// How often the app should call [`super::Sqlite::checkpoint`]: often enough that the write-ahead log stays small.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// How often the app should call [`super::Sqlite::prune`].
pub const PRUNE_INTERVAL: Duration = Duration::from_secs(10);

/// Settings of the embedded store and bus. [`SqliteConfig::new`] gives the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteConfig {
    /// The database file; beside it lie its `-wal` and `-shm` files and the folder `<file>.subscriptions` with a lock
    /// file for each durable subscription.
    pub path: PathBuf,
    /// How many connections read at the same time.
    pub readers: u32,
    /// How long a statement waits for another process's write lock, and a read for a free connection. Shorter than the
    /// caller's deadline, so that the lock is not still waited for when nobody wants it any more.
    pub busy_timeout: Duration,
    /// How long topics and the change feed retain, acknowledged or not.
    pub retention: Duration,
    /// How long tombstones are kept; must be longer than `retention`.
    pub tombstone_retention: Duration,
    /// How many bytes the topics may retain in all; what is published beyond is refused as full. The same holds for the
    /// events in the outbox that are not sent.
    pub max_bytes: u64,
    /// How many bytes of files may wait with mails that are not sent, in all; mails with more are refused as full.
    pub files_max_bytes: u64,
    /// Whether the bus is elsewhere: the events of commits then go to the outbox, and not to the topics of this file.
    pub outbox: bool,
    /// A message that is not acknowledged for so long is delivered again.
    pub redelivery_timeout: Duration,
    /// A message that a consumer gave back is delivered again after this time.
    pub redelivery_delay: Duration,
    /// How often the bus looks for what other processes published; its own process's messages come at once.
    pub poll_interval: Duration,
    /// Acknowledgements are written together after this time; a crash before means a redelivery.
    pub flush_interval: Duration,
}

impl SqliteConfig {
    /// The defaults for the database at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            path: path.into(),
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            retention: 7 * DAY,
            tombstone_retention: 30 * DAY,
            max_bytes: 1 << 30,
            files_max_bytes: 1 << 30,
            outbox: false,
            redelivery_timeout: Duration::from_secs(60),
            redelivery_delay: Duration::from_secs(1),
            poll_interval: Duration::from_millis(100),
            flush_interval: Duration::from_millis(50),
        }
    }
}
