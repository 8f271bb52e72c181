//! The connections: one that writes, behind a fair queue, and some that read.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::SqliteConfig;
use super::errors::{Failure, PortError, is_busy};

/// How many writes may wait for the connection; more are refused, for they would time out anyway.
const WRITES_WAITING_MAX: usize = 4_096;

/// The log is checkpointed by the job in `checkpoint.rs`. Should nobody run it, SQLite does it itself at this size, in
/// the middle of somebody's commit: 64 MiB.
const LOG_CHECKPOINT_PAGES: u32 = 16_384;

/// How many rows the driver's thread may read ahead, so that a page of rows costs one hand-over, not several.
const ROWS_AHEAD_MAX: usize = 512;

/// How many messages may stand between a task and a connection's thread.
const COMMANDS_AHEAD_MAX: usize = 16;

/// How a connection that writes (or checkpoints) opens the file.
fn writer_options(config: &SqliteConfig, synchronous: SqliteSynchronous) -> SqliteConnectOptions {
    plain_options(config)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("wal_autocheckpoint", LOG_CHECKPOINT_PAGES.to_string())
        // The update trigger raises the version of the row it fired for and must not fire again for that.
        .pragma("recursive_triggers", "OFF")
}

/// Opens the file. While another process creates it, SQLite answers "locked" at once, whatever the busy timeout: the
/// first switch to the log mode is not waited for.
///
/// Its commits survive a power cut once they are answered (DESIGN section 3.1).
pub(super) async fn open_writer(config: &SqliteConfig) -> Result<SqliteConnection, sqlx::Error> {
    open(config, SqliteSynchronous::Full).await
}

/// Opens the file for commits that a power cut may undo, from the last ones back ([`Writer::run_light`]).
pub(super) async fn open_light_writer(config: &SqliteConfig) -> Result<SqliteConnection, sqlx::Error> {
    open(config, SqliteSynchronous::Normal).await
}

async fn open(config: &SqliteConfig, synchronous: SqliteSynchronous) -> Result<SqliteConnection, sqlx::Error> {
    const RETRY: Duration = Duration::from_millis(20);
    let options = writer_options(config, synchronous);
    let give_up = Instant::now() + config.busy_timeout;
    loop {
        match options.connect().await {
            Err(error) if is_busy(&error) && Instant::now() < give_up => tokio::time::sleep(RETRY).await,
            outcome => return outcome,
        }
    }
}

fn plain_options(config: &SqliteConfig) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&config.path)
        .foreign_keys(true)
        .busy_timeout(config.busy_timeout)
        .row_buffer_size(ROWS_AHEAD_MAX)
        .command_buffer_size(COMMANDS_AHEAD_MAX)
        .disable_statement_logging()
}

/// The connections that read. Each of their statements is a snapshot of its own.
pub(super) async fn open_readers(config: &SqliteConfig) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(config.readers.max(1))
        .acquire_timeout(config.busy_timeout)
        // A file does not go away as a network connection does: nothing to test, nothing to renew.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(plain_options(config).read_only(true))
        .await
}

/// The writing connections and the queue before them (first come, first served).
pub(super) struct Writer {
    held: Arc<Mutex<Held>>,
    waiting: Arc<Semaphore>,
}

/// One queue for both connections: they never contend for SQLite's lock, which knows no order.
struct Held {
    /// Waits for the disk with each commit.
    full: Lane,
    /// Leaves that to the next commit of the other one, or to the next checkpoint.
    light: Lane,
}

/// One connection.
struct Lane {
    /// `None` once closed.
    connection: Option<SqliteConnection>,
    /// Work began and did not end: it panicked, and its transaction must not be continued by the next one, nor block it.
    unfinished: bool,
}

/// Whoever awaits a piece of work.
pub(super) struct Caller(Weak<()>);

impl Caller {
    /// Fails if the caller is gone: it was told that its write is not done, and may have acted on that.
    pub(super) fn check<E: PortError>(&self) -> Result<(), E> {
        match self.0.strong_count() {
            0 => Err(E::from_failure(Failure::Timeout)),
            _ => Ok(()),
        }
    }
}

/// Too many writes wait already.
#[derive(Debug, thiserror::Error)]
#[error("{WRITES_WAITING_MAX} writes wait for the database already")]
struct QueueFull;

impl Writer {
    pub(super) fn new(full: SqliteConnection, light: SqliteConnection) -> Self {
        let lane = |connection| Lane { connection: Some(connection), unfinished: false };
        Self {
            held: Arc::new(Mutex::new(Held { full: lane(full), light: lane(light) })),
            waiting: Arc::new(Semaphore::new(WRITES_WAITING_MAX)),
        }
    }

    /// Runs `work` on the connection, in a task of its own: a caller that goes away leaves no open transaction behind.
    /// If `work` fails, what it began is rolled back; if its caller is gone before its turn comes, it is not begun.
    pub(super) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: PortError,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.run_for(|connection, _caller| work(connection)).await
    }

    /// The same for what a power cut may undo: what can be derived again from the rest of the file, or may be done twice.
    /// All commits of the file, of whichever connection, survive up to one of them, and none after it: so nothing that was
    /// written before such work, or what it was derived from, is lost without it (decision 6).
    pub(super) async fn run_light<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: PortError,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.run_in(|held| &mut held.light, |connection, _caller| work(connection)).await
    }

    /// [`Self::run`] for work of several steps, which can ask between them whether its caller is still there.
    pub(super) async fn run_for<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: PortError,
        F: for<'c> FnOnce(&'c mut SqliteConnection, Caller) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        self.run_in(|held| &mut held.full, work).await
    }

    async fn run_in<T, E, F>(&self, lane: fn(&mut Held) -> &mut Lane, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: PortError,
        F: for<'c> FnOnce(&'c mut SqliteConnection, Caller) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            return Err(E::from_failure(Failure::Unavailable(Arc::new(QueueFull))));
        };
        let held = Arc::clone(&self.held);
        // Dropped with this future: so the task knows that nobody awaits it any more.
        let here = Arc::new(());
        let caller = Caller(Arc::downgrade(&here));
        let task = tokio::spawn(async move {
            let mut held = held.lock_owned().await;
            drop(place);
            caller.check()?;
            held.recover().await;
            lane(&mut held).run(|connection| work(connection, caller)).await
        });
        let ended = task.await;
        drop(here);
        match ended {
            Ok(outcome) => outcome,
            Err(lost) => Err(E::from_failure(Failure::Unavailable(Arc::new(lost)))),
        }
    }

    /// Closes the connections after the writes that wait already.
    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        let mut held = self.held.lock().await;
        let light = held.light.close().await;
        held.full.close().await.and(light)
    }
}

impl Held {
    /// Rolls back what panicked on either connection: it would hold SQLite's lock for ever.
    async fn recover(&mut self) {
        for lane in [&mut self.full, &mut self.light] {
            if lane.unfinished
                && let Some(connection) = lane.connection.as_mut()
            {
                roll_back(connection).await;
                lane.unfinished = false;
            }
        }
    }
}

impl Lane {
    async fn run<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        E: PortError,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>>,
    {
        let Some(connection) = self.connection.as_mut() else { return Err(E::from_failure(Failure::Closed)) };
        self.unfinished = true;
        let outcome = work(connection).await;
        if outcome.is_err() {
            roll_back(connection).await;
        }
        self.unfinished = false;
        outcome
    }

    async fn close(&mut self) -> Result<(), sqlx::Error> {
        match self.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

async fn roll_back(connection: &mut SqliteConnection) {
    // Fails where no transaction is open, which is what is wanted.
    if let Err(error) = sqlx::query("ROLLBACK").execute(connection).await {
        tracing::trace!(%error, "nothing to roll back");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use domain::ports::StoreError;

    use super::*;

    async fn writer(config: &SqliteConfig) -> Writer {
        Writer::new(open_writer(config).await.unwrap(), open_light_writer(config).await.unwrap())
    }

    #[tokio::test]
    async fn work_that_panics_leaves_no_transaction_behind() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("db"));
        let writer = writer(&config).await;
        let run = async |sql: &'static str, panics: bool| {
            let ran: Result<Vec<i64>, StoreError> = writer
                .run(move |connection| {
                    Box::pin(async move {
                        let rows = sqlx::query_scalar(sql).fetch_all(connection).await;
                        assert!(!panics, "as the test wants it");
                        rows.map_err(StoreError::from_driver)
                    })
                })
                .await;
            ran
        };
        run("CREATE TABLE t (a)", false).await.unwrap();
        assert!(matches!(run("BEGIN; INSERT INTO t VALUES (1)", true).await, Err(StoreError::Unavailable(Some(_)))));
        assert_eq!(run("BEGIN; INSERT INTO t VALUES (2); COMMIT; SELECT a FROM t", false).await.unwrap(), [2]);
        // What fails is rolled back as well.
        run("BEGIN; INSERT INTO t VALUES (3); SELECT nothing", false).await.unwrap_err();
        assert_eq!(run("BEGIN; COMMIT; SELECT a FROM t", false).await.unwrap(), [2]);
    }

    #[tokio::test]
    async fn only_light_work_leaves_the_disk_to_others() {
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&SqliteConfig::new(folder.path().join("db"))).await;
        fn ask(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<i64, StoreError>> {
            let query = sqlx::query_scalar("PRAGMA synchronous");
            Box::pin(async move { query.fetch_one(connection).await.map_err(StoreError::from_driver) })
        }
        assert_eq!(writer.run(ask).await.unwrap(), FULL);
        assert_eq!(writer.run_light(ask).await.unwrap(), NORMAL);
    }

    #[tokio::test]
    async fn work_that_panics_blocks_the_other_connection_no_longer_than_itself() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = SqliteConfig::new(folder.path().join("db"));
        config.busy_timeout = Duration::from_millis(50);
        let writer = writer(&config).await;
        fn write(connection: &mut SqliteConnection, panics: bool) -> BoxFuture<'_, Result<(), StoreError>> {
            Box::pin(async move {
                let begun =
                    sqlx::query("BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS t (a)").execute(&mut *connection).await;
                begun.map_err(StoreError::from_driver)?;
                assert!(!panics, "as the test wants it");
                sqlx::query("COMMIT").execute(connection).await.map(drop).map_err(StoreError::from_driver)
            })
        }
        writer.run_light(|connection| write(connection, true)).await.unwrap_err();
        writer.run(|connection| write(connection, false)).await.unwrap();
        writer.run(|connection| write(connection, true)).await.unwrap_err();
        writer.run_light(|connection| write(connection, false)).await.unwrap();
    }

    #[tokio::test]
    async fn work_whose_caller_is_gone_is_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("db"));
        let writer = writer(&config).await;
        let begun = Arc::new(AtomicBool::new(false));
        let busy = writer.held.lock().await;
        let begins = Arc::clone(&begun);
        let call = writer.run(move |_| {
            begins.store(true, Ordering::Relaxed);
            Box::pin(async { Ok::<(), StoreError>(()) })
        });
        tokio::time::timeout(Duration::from_millis(20), call).await.unwrap_err();
        drop(busy);
        // The queue is fair: this one's turn comes after the other's.
        writer.run(|_| Box::pin(async { Ok::<(), StoreError>(()) })).await.unwrap();
        assert!(!begun.load(Ordering::Relaxed));
    }
}
