//! Which migrations are due, and whether the database is as it must be.

use coherence::Timestamp;

use super::cdc;
use super::list::{MIGRATIONS, Migration, Phase};
use crate::sqlserver::connection::{Pool, Session};
use crate::sqlserver::errors::{SqlError, SqlServerError};
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{filled, quoted};
use crate::sqlserver::statements::{
    MIGRATIONS_APPLIED, MIGRATIONS_EXISTS, MIGRATIONS_HISTORY, MIGRATIONS_NOTE, SESSION_SETTINGS,
};
use crate::sqlserver::{FeedMode, SqlServerConfig};

/// The first that has JSON: SQL Server 2016.
const COMPATIBILITY_MIN: i64 = 130;

/// A migration that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its number; 0 for what is arranged about CDC.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// When it is brought.
    pub phase: Phase,
}

/// What the server says about itself and the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Such as `16.0.4131.2`.
    pub version: String,
    /// Such as `Developer Edition (64-bit)`.
    pub edition: String,
    /// The database's compatibility level.
    pub compatibility: i64,
    /// Whether each statement reads a snapshot.
    pub read_committed_snapshot: bool,
    /// Whether transactions may read one.
    pub snapshot_isolation: bool,
    /// Whether Change Tracking is on.
    pub change_tracking: bool,
    /// Whether CDC is on.
    pub cdc: bool,
    /// The server's clock.
    pub now: Timestamp,
}

impl Settings {
    /// What must be otherwise for this mode of the feed.
    pub fn complaints(&self, feed: FeedMode) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.compatibility < COMPATIBILITY_MIN {
            wrong.push(format!("compatibility level {}, at least {COMPATIBILITY_MIN} is needed", self.compatibility));
        }
        if !self.read_committed_snapshot {
            wrong.push("READ_COMMITTED_SNAPSHOT is off".to_owned());
        }
        match feed {
            FeedMode::ChangeTracking if !self.change_tracking => wrong.push("CHANGE_TRACKING is off".to_owned()),
            FeedMode::ChangeTracking if !self.snapshot_isolation => {
                wrong.push("ALLOW_SNAPSHOT_ISOLATION is off".to_owned());
            }
            FeedMode::Cdc if !self.cdc => wrong.push("CDC is off".to_owned()),
            FeedMode::ChangeTracking | FeedMode::Cdc => {}
        }
        wrong
    }
}

pub(in crate::sqlserver) async fn settings(session: &mut Session) -> Result<Settings, SqlError> {
    let rows = session.rows(&SESSION_SETTINGS, []).await?;
    let row = rows.first().ok_or_else(|| SqlError::Unreadable("the database is not ours to see".to_owned()))?;
    let mut columns = Columns::of(row);
    Ok(Settings {
        compatibility: columns.int()?,
        read_committed_snapshot: columns.flag()?,
        snapshot_isolation: columns.flag()?,
        change_tracking: columns.flag()?,
        cdc: columns.flag()?,
        version: columns.string()?,
        edition: columns.string()?,
        now: columns.time()?,
    })
}

/// A migration that the database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sqlserver) struct Applied {
    pub(in crate::sqlserver) number: u32,
    pub(in crate::sqlserver) hash: String,
    /// Whether it took something away.
    pub(in crate::sqlserver) is_contract: bool,
}

/// The migrations that are due, in their order. Refuses a database from which a later release took what this one may need,
/// and one whose past is not ours.
pub(in crate::sqlserver) async fn due(session: &mut Session) -> Result<Vec<&'static Migration>, SqlServerError> {
    let failed = || SqlServerError::during("looking at the migrations");
    let exists = session.rows(&MIGRATIONS_EXISTS, []).await.map_err(failed())?;
    let is_there = exists.first().map_or(Ok(false), |row| Columns::of(row).flag()).map_err(failed())?;
    let mut applied = Vec::new();
    if is_there {
        for row in session.rows(&MIGRATIONS_APPLIED, []).await.map_err(failed())? {
            let read = || {
                let mut columns = Columns::of(&row);
                let number = u32::try_from(columns.counter()?).unwrap_or(u32::MAX);
                columns.skip(1);
                let (hash, phase) = (columns.string()?, columns.string()?);
                // What it does not know it takes for the worse.
                Ok(Applied { number, hash, is_contract: phase != Phase::Expand.as_str() })
            };
            applied.push(read().map_err(failed())?);
        }
    }
    compare(&applied)
}

/// What is due where these were applied. A later release may have expanded the database: this one runs on it as before, or
/// the two could not run side by side, nor this one come back.
pub(in crate::sqlserver) fn compare(applied: &[Applied]) -> Result<Vec<&'static Migration>, SqlServerError> {
    let known = MIGRATIONS.last().map_or(0, |last| last.number);
    if let Some(taken) = applied.iter().find(|one| one.number > known && one.is_contract) {
        return Err(SqlServerError::Ahead { found: taken.number, known });
    }
    let mut due = Vec::new();
    for migration in MIGRATIONS {
        match applied.iter().find(|one| one.number == migration.number) {
            None => due.push(migration),
            Some(one) if one.hash == migration.hash() => {}
            Some(_) => return Err(SqlServerError::Changed(migration.number)),
        }
    }
    Ok(due)
}

/// What is due in the database, and how it is set. Changes nothing.
///
/// # Errors
/// [`SqlServerError`].
pub async fn check(config: &SqlServerConfig) -> Result<(Settings, Vec<Due>), SqlServerError> {
    let failed = || SqlServerError::during("looking at the database");
    let pool = Pool::new(config.clone())?;
    let mut session = pool.session().await.map_err(failed())?;
    let settings = settings(&mut session).await.map_err(failed())?;
    let due = due(&mut session).await?;
    let told = told(&mut session, config.feed, &settings, &due).await?;
    Ok((settings, told))
}

/// The migrations and, where the feed reads CDC, what is to be arranged about it.
pub(in crate::sqlserver) async fn told(
    session: &mut Session,
    feed: FeedMode,
    settings: &Settings,
    due: &[&Migration],
) -> Result<Vec<Due>, SqlServerError> {
    let mut told: Vec<Due> =
        due.iter().map(|one| Due { number: one.number, name: one.name.to_owned(), phase: one.phase() }).collect();
    if feed == FeedMode::Cdc {
        let steps = cdc::due(session, settings.cdc, due.is_empty()).await;
        let steps = steps.map_err(SqlServerError::during("looking at the database"))?;
        told.extend(steps.into_iter().map(|step| Due { number: 0, name: step.to_string(), phase: step.phase() }));
    }
    Ok(told)
}

/// The texts that a migration would run, without running any: what [`migrate`](super::migrate) does up to `phase`.
///
/// # Errors
/// [`SqlServerError`].
pub async fn dry_run(config: &SqlServerConfig, phase: Phase) -> Result<Vec<String>, SqlServerError> {
    let failed = || SqlServerError::during("looking at the database");
    let pool = Pool::new(config.clone())?;
    let mut session = pool.session().await.map_err(failed())?;
    let due = due(&mut session).await?;
    let mut texts = vec![MIGRATIONS_HISTORY.text.to_owned()];
    for migration in due.iter().filter(|one| one.phase() <= phase) {
        texts.extend(migration.batches());
        texts.push(noted(migration));
    }
    if config.feed == FeedMode::Cdc {
        let settings = settings(&mut session).await.map_err(failed())?;
        let steps = cdc::due(&mut session, settings.cdc, due.is_empty()).await.map_err(failed())?;
        let steps = steps.into_iter().filter(|step| step.phase() <= phase);
        texts.extend(steps.map(|step| format!("-- {step}\n{}", step.text())));
        texts.extend(cdc::jobs_texts(config.retention));
    }
    Ok(texts)
}

/// Noting a migration, as one would by hand.
fn noted(migration: &Migration) -> String {
    let texts = [migration.name, &migration.hash(), migration.phase().as_str()].map(quoted);
    let [name, hash, phase] = &texts;
    filled(&MIGRATIONS_NOTE, [&migration.number.to_string(), name, hash, phase])
}

/// Refuses a database that is not ready for this release. What is to be taken away may still be there.
pub(in crate::sqlserver) async fn require(pool: &Pool, feed: FeedMode) -> Result<(), SqlServerError> {
    let failed = || SqlServerError::during("looking at the database");
    let mut session = pool.session().await.map_err(failed())?;
    let missing = due(&mut session).await?.iter().filter(|one| one.phase() == Phase::Expand).count();
    if missing > 0 {
        return Err(SqlServerError::Behind(missing));
    }
    let wrong = settings(&mut session).await.map_err(failed())?.complaints(feed);
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(SqlServerError::Setting(wrong.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each setting by itself, as far as the mode needs it.
    #[test]
    fn a_database_that_is_not_set_as_it_must_be_is_refused() {
        let good = Settings {
            version: "16.0.4131.2".to_owned(),
            edition: "Developer Edition (64-bit)".to_owned(),
            compatibility: 160,
            read_committed_snapshot: true,
            snapshot_isolation: true,
            change_tracking: true,
            cdc: true,
            now: Timestamp::UNIX_EPOCH,
        };
        let (tracking, cdc) = (FeedMode::ChangeTracking, FeedMode::Cdc);
        for feed in [tracking, cdc] {
            assert_eq!(good.complaints(feed), [""; 0]);
            let old = Settings { compatibility: 120, ..good.clone() };
            assert!(old.complaints(feed)[0].contains("130"), "{:?}", old.complaints(feed));
            let locking = Settings { read_committed_snapshot: false, ..good.clone() };
            assert_eq!(locking.complaints(feed), ["READ_COMMITTED_SNAPSHOT is off"]);
        }
        let no_cdc = Settings { cdc: false, ..good.clone() };
        assert_eq!((no_cdc.complaints(tracking).len(), no_cdc.complaints(cdc)), (0, vec!["CDC is off".to_owned()]));
        let no_tracking = Settings { change_tracking: false, snapshot_isolation: false, ..good };
        assert_eq!(no_tracking.complaints(cdc).len(), 0);
        assert_eq!(no_tracking.complaints(tracking), ["CHANGE_TRACKING is off"]);
    }
}
