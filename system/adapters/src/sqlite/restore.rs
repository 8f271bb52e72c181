//! A backup takes the place of the database.

use std::fs::File;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::backup::copy;
use super::errors::{SqliteError, is_busy};
use super::files::{beside, keep, partial, remove, sync_folder};
use super::migrations::{migrate, schema_of};

/// What stands beside the name of a database that was replaced.
const BEFORE_RESTORE: &str = ".before-restore";

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The incarnation of the database now.
    pub incarnation: u64,
    /// Where the database is that was replaced; `None` if there was none.
    pub kept: Option<PathBuf>,
}

/// Puts a copy of `from` in the place of the database `to`, which no service may have open, under an incarnation above
/// both: versions of the past come again, and caches must not take them for the old ones. What `to` was is kept beside it
/// as `<to>.before-restore`, in the place of an older one.
///
/// # Errors
/// [`SqliteError`], if `from` is damaged, of a later release or another program, or if `to` is in use. `to` is then what
/// it was.
pub async fn restore(from: &Path, to: &Path) -> Result<Restored, SqliteError> {
    // The file itself, not a link to it, is replaced.
    let to = &to.canonicalize().unwrap_or_else(|_| to.to_owned());
    let partial = partial(to)?;
    let prepared = prepare(from, to, &partial).await;
    // Whatever happened, nothing half done stays.
    let removed = remove(&partial);
    let restored = prepared?;
    removed.map(|()| restored)
}

async fn prepare(from: &Path, to: &Path, partial: &Path) -> Result<Restored, SqliteError> {
    if !from.exists() {
        return Err(SqliteError::Damaged { path: from.display().to_string(), reason: "there is no such file".into() });
    }
    check(from).await?;
    copy(from, partial).await?;
    let mut copied = open(partial).await?;
    migrate(&mut copied, &from.display().to_string()).await?;
    // From here to its end nobody else can open `to`.
    let replaced = lock_replaced(to).await?;
    let past = match replaced {
        Some((_, incarnation)) => incarnation,
        None => 0,
    };
    let raised: Vec<i64> =
        sqlx::query_scalar("UPDATE meta SET incarnation = max(incarnation, ?) + 1 RETURNING incarnation")
            .bind(past)
            .fetch_all(&mut copied)
            .await
            .map_err(|error| SqliteError::io("raising the incarnation")(error.into()))?;
    copied.close().await.map_err(|error| SqliteError::io("closing the copy")(error.into()))?;
    let kept = replaced.is_some().then(|| beside(to, BEFORE_RESTORE));
    put(partial, to, kept.as_deref())
        .map_err(|error| SqliteError::io(format!("writing {}", to.display()))(error.into()))?;
    if let Some((lock, _)) = replaced {
        // Its file is gone by now, but it removes the journal of that name: not while a service opens the new one.
        lock.close().await.map_err(|error| SqliteError::io("closing the replaced database")(error.into()))?;
    }
    Ok(Restored { incarnation: raised.first().copied().unwrap_or_default().unsigned_abs(), kept })
}

async fn open(path: &Path) -> Result<SqliteConnection, SqliteError> {
    SqliteConnectOptions::new()
        .filename(path)
        // The copy is one file until it has its place.
        .journal_mode(SqliteJournalMode::Delete)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|error| SqliteError::io(format!("opening {}", path.display()))(error.into()))
}

/// The copy would not show all damage: SQLite builds its indexes anew.
async fn check(from: &Path) -> Result<(), SqliteError> {
    let failed = |error: sqlx::Error| SqliteError::io(format!("checking {}", from.display()))(error.into());
    let options = SqliteConnectOptions::new().filename(from).disable_statement_logging();
    let mut source = options.connect().await.map_err(failed)?;
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut source).await.map_err(failed)?;
    source.close().await.map_err(failed)?;
    match found.as_slice() {
        [only] if only == "ok" => Ok(()),
        _ => Err(SqliteError::Damaged { path: from.display().to_string(), reason: found.join("; ") }),
    }
}

/// Takes the database that is to be replaced for ourselves alone, and reads its incarnation; `None` if there is none.
async fn lock_replaced(to: &Path) -> Result<Option<(SqliteConnection, i64)>, SqliteError> {
    if !to.exists() {
        return Ok(None);
    }
    let failed = |error: sqlx::Error| match is_busy(&error) {
        true => SqliteError::InUse(to.display().to_string()),
        false => SqliteError::io(format!("locking {}", to.display()))(error.into()),
    };
    let options = SqliteConnectOptions::new().filename(to).disable_statement_logging();
    let mut lock = options.connect().await.map_err(failed)?;
    if schema_of(&mut lock, &to.display().to_string()).await? == 0 {
        return Ok(None);
    }
    // Leaving the log mode needs the file alone: it fails while any other connection is open, and empties the log.
    sqlx::query("PRAGMA locking_mode = EXCLUSIVE").execute(&mut lock).await.map_err(failed)?;
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut lock).await.map_err(failed)?;
    let incarnation: i64 =
        sqlx::query_scalar("SELECT incarnation FROM meta").fetch_one(&mut lock).await.map_err(failed)?;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut lock).await.map_err(failed)?;
    Ok(Some((lock, incarnation)))
}

/// Puts the file on disk and in its place, from which the old one goes to `kept`. What is left of the old database's log
/// would be taken for the new one's; it is empty, since the old database left the log mode.
fn put(partial: &Path, to: &Path, kept: Option<&Path>) -> std::io::Result<()> {
    File::open(partial)?.sync_all()?;
    if let Some(kept) = kept {
        keep(to, kept)?;
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        match std::fs::remove_file(beside(to, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(partial, to)?;
    sync_folder(to)
}
