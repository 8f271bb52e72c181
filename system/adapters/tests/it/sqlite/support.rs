//! A database in a folder of its own, and a clock that a test can move.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use coherence::{Timestamp, WallClock};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

/// One hour in microseconds.
pub(crate) const HOURS: i64 = 3_600_000_000;

/// The machine's clock, ahead by what a test wants.
#[derive(Default)]
pub(crate) struct Clock {
    ahead_micros: AtomicI64,
}

impl Clock {
    pub(crate) fn advance(&self, micros: i64) {
        self.ahead_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl WallClock for Clock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now().as_microsecond() + self.ahead_micros.load(Ordering::Relaxed);
        Timestamp::from_microsecond(now).unwrap()
    }
}

/// An open database.
pub(crate) struct Database {
    pub(crate) sqlite: Sqlite,
    pub(crate) config: SqliteConfig,
    pub(crate) clock: Arc<Clock>,
    pub(crate) folder: TempDir,
}

impl Database {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings that suit tests, changed by `set`.
    pub(crate) async fn with(set: impl FnOnce(&mut SqliteConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = SqliteConfig::new(folder.path().join("smartpulse.db"));
        config.redelivery_timeout = Duration::from_millis(300);
        config.redelivery_delay = Duration::from_millis(50);
        set(&mut config);
        let clock = Arc::new(Clock::default());
        let sqlite = Sqlite::open(config.clone(), clock.clone()).await.unwrap();
        Self { sqlite, config, clock, folder }
    }

    /// Opens the file once more, as another process would.
    pub(crate) async fn another(&self) -> Sqlite {
        Sqlite::open(self.config.clone(), self.clock.clone()).await.unwrap()
    }

    /// The file and its log.
    pub(crate) fn files(&self) -> (PathBuf, PathBuf) {
        let mut log = self.config.path.clone().into_os_string();
        log.push("-wal");
        (self.config.path.clone(), log.into())
    }

    /// A connection as a database administrator opens it, without our settings.
    pub(crate) async fn bare(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(&self.config.path).connect().await.unwrap()
    }
}
