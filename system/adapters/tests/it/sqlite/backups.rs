//! Backup and restore.

use std::sync::Arc;

use adapters::sqlite::{Restored, Sqlite, SqliteConfig, SqliteError, backup, migrate_file, restore};
use adapters::system::SystemClock;
use domain::conformance::samples::{changed, committed, look, put, row};
use domain::ports::{ChangeFeed, Store};

use super::Database;

#[tokio::test]
async fn a_backup_is_a_database_of_that_moment_and_replaces_nothing() {
    let database = Database::new().await;
    committed(&database.sqlite.store(), vec![put(&row(1))]).await;
    let to = database.folder.path().join("backup.db");
    backup(&database.config.path, &to).await.unwrap();
    committed(&database.sqlite.store(), vec![put(&row(2))]).await;
    let again = backup(&database.config.path, &to).await.unwrap_err();
    assert!(matches!(again, SqliteError::Exists(_)), "{again}");
    let copy = Sqlite::open(SqliteConfig::new(&to), Arc::new(SystemClock)).await.unwrap();
    assert_eq!(look(&copy.store(), row(1).id).await.0, Some(row(1)));
    assert_eq!(look(&copy.store(), row(2).id).await.0, None);
    assert_eq!(copy.feed().end().await.unwrap().0, 1);
    // Triggers and all: the copy is a database to go on with.
    committed(&copy.store(), vec![put(&changed(&row(1), |row| row.demand = 1.0))]).await;
    assert_eq!(copy.feed().end().await.unwrap().0, 2);
    let left: Vec<_> = std::fs::read_dir(database.folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test]
async fn a_restored_database_is_in_an_incarnation_above_both() {
    let database = Database::new().await;
    let (path, saved) = (database.config.path.clone(), database.folder.path().join("backup.db"));
    committed(&database.sqlite.store(), vec![put(&row(1))]).await;
    backup(&path, &saved).await.unwrap();
    let later = changed(&row(1), |row| row.demand = 1.0);
    committed(&database.sqlite.store(), vec![put(&later), put(&row(2))]).await;
    for _ in 0..3 {
        database.sqlite.store().raise_incarnation(coherence::Incarnation(0)).await.unwrap();
    }
    let used = restore(&saved, &path).await.unwrap_err();
    assert!(matches!(used, SqliteError::InUse(_)), "{used}");
    assert_eq!(look(&database.sqlite.store(), row(1).id).await.0, Some(later), "it is what it was");

    database.sqlite.close().await.unwrap();
    assert_eq!(restore(&saved, &path).await.unwrap().incarnation, 5);
    let restored = database.another().await;
    assert_eq!(restored.store().incarnation().await.unwrap().0, 5);
    assert_eq!(look(&restored.store(), row(1).id).await.0, Some(row(1)));
    assert_eq!(look(&restored.store(), row(2).id).await.0, None);
    // The backup itself stays in its own incarnation; restored once more, it is raised once more.
    restored.close().await.unwrap();
    assert_eq!(restore(&saved, &path).await.unwrap().incarnation, 6);
}

/// SQLite's default.
const PAGE_BYTES: usize = 4_096;

/// The number of an index's first page, counted from 1. Keys of the index fill a page from its end.
async fn index_root(path: &std::path::Path) -> usize {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let root: i64 = sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE name = 'forecasts_by_date'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    root.try_into().unwrap()
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_the_database_stays() {
    let database = Database::new().await;
    let (path, saved) = (database.config.path.clone(), database.folder.path().join("backup.db"));
    committed(&database.sqlite.store(), (1..=500).map(|n| put(&row(n))).collect()).await;
    backup(&path, &saved).await.unwrap();
    database.sqlite.close().await.unwrap();
    let mut bytes = std::fs::read(&saved).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 20_000].fill(0x5a);
    let damaged = database.folder.path().join("damaged.db");
    std::fs::write(&damaged, bytes).unwrap();
    // Only an index is: a copy would look sound.
    let lopsided = database.folder.path().join("lopsided.db");
    let mut bytes = std::fs::read(&saved).unwrap();
    let end = index_root(&saved).await * PAGE_BYTES;
    bytes[end - 8..end].fill(0x5a);
    std::fs::write(&lopsided, bytes).unwrap();
    let text = database.folder.path().join("text.db");
    std::fs::write(&text, "no database").unwrap();
    for from in [&damaged, &lopsided, &text, &database.folder.path().join("nowhere.db")] {
        restore(from, &path).await.expect_err("it is damaged");
    }
    let still = database.another().await;
    assert_eq!(
        look(&still.store(), row(500).id).await,
        (Some(row(500)), coherence::Incarnation(1), row(500).version_id)
    );
}

#[tokio::test]
async fn a_backup_can_be_restored_where_nothing_is() {
    let database = Database::new().await;
    let saved = database.folder.path().join("backup.db");
    committed(&database.sqlite.store(), vec![put(&row(1))]).await;
    backup(&database.config.path, &saved).await.unwrap();
    let path = database.folder.path().join("new.db");
    assert_eq!(restore(&saved, &path).await.unwrap(), Restored { incarnation: 2, kept: None });
    let restored = Sqlite::open(SqliteConfig::new(&path), Arc::new(SystemClock)).await.unwrap();
    assert_eq!(look(&restored.store(), row(1).id).await.0, Some(row(1)));
}

#[tokio::test]
async fn what_a_restore_replaces_is_kept_beside_it() {
    let database = Database::new().await;
    let (path, saved) = (database.config.path.clone(), database.folder.path().join("backup.db"));
    backup(&path, &saved).await.unwrap();
    let mut open = database.sqlite;
    for demand in [1.0, 2.0] {
        let kept_row = domain::model::Forecast { demand, ..row(1) };
        committed(&open.store(), vec![put(&kept_row)]).await;
        open.close().await.unwrap();
        let kept = restore(&saved, &path).await.unwrap().kept.unwrap();
        assert_eq!(kept, database.folder.path().canonicalize().unwrap().join("smartpulse.db.before-restore"));
        let before = Sqlite::open(SqliteConfig::new(&kept), Arc::new(SystemClock)).await.unwrap();
        assert_eq!(look(&before.store(), row(1).id).await.0, Some(kept_row), "the newest takes the place of the other");
        before.close().await.unwrap();
        open = Sqlite::open(database.config.clone(), Arc::new(SystemClock)).await.unwrap();
        assert_eq!(look(&open.store(), row(1).id).await.0, None, "the backup is empty");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_what_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::new().await;
    let (path, saved) = (database.config.path.clone(), database.folder.path().join("backup.db"));
    committed(&database.sqlite.store(), vec![put(&row(1))]).await;
    let assert_private = |files: usize| {
        let mut seen = 0;
        for file in std::fs::read_dir(database.folder.path()).unwrap().map(Result::unwrap) {
            let metadata = file.metadata().unwrap();
            seen += usize::from(metadata.is_file());
            assert!(metadata.is_dir() || metadata.permissions().mode() & 0o077 == 0, "{file:?}: {metadata:?}");
        }
        assert_eq!(seen, files);
    };
    assert_private(3);
    backup(&path, &saved).await.unwrap();
    assert_private(4);
    database.sqlite.close().await.unwrap();
    restore(&saved, &path).await.unwrap();
    restore(&saved, &database.folder.path().join("new.db")).await.unwrap();
    migrate_file(&database.folder.path().join("migrated.db")).await.unwrap();
    // The database, the one before, the backup, and the two new ones.
    assert_private(5);
}
