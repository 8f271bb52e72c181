//! A look at the server and the database for an operator. It changes nothing, and each step has the deadlines of the pool.

use std::time::Duration;

use coherence::{Timestamp, WallClock};
use tokio::time::Instant;

use super::config::{FeedMode, SqlServerConfig};
use super::connection::{Pool, Session};
use super::errors::{SqlError, SqlServerError};
use super::migrations::{self, CAPTURED, Due, Settings};
use super::row::Columns;
use super::statement::text;
use super::statements::{
    EXAMINE_CAPTURE_JOBS, EXAMINE_CHANGE_TRACKING, FEED_CDC_WINDOW, MIGRATIONS_EXISTS, SESSION_SETTINGS,
};

/// How often the server is asked something small.
const ROUND_TRIPS: usize = 11;

const MINUTE: Duration = Duration::from_secs(60);

/// How Change Tracking is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// How long changes are kept.
    pub retention: Duration,
    /// Whether old ones are removed at all.
    pub auto_cleanup: bool,
    /// Whether `dbo.Forecasts` is tracked.
    pub is_tracked: bool,
    /// Whether our login may ask what changed.
    pub may_ask: bool,
}

/// How Change Data Capture is set, and how it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capture {
    /// How long the capture job waits between two looks; absent: there is no job, or we may not see it.
    pub interval: Option<Duration>,
    /// How long the cleanup job keeps changes.
    pub retention: Option<Duration>,
    /// Whether a capture instance has all columns that are read.
    pub has_instance: bool,
    /// How long ago that renewal of a lease was made that capture saw last: with a running service it is a second or two.
    pub seen_ago: Option<Duration>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Examination {
    /// What the server says about itself and the database.
    pub settings: Settings,
    /// The migrations that are due.
    pub due: Vec<Due>,
    /// The server's clock minus ours, in microseconds, in the middle of the question.
    pub clock_ahead_us: i64,
    /// How long the question took: the clocks cannot be compared better than that.
    pub clock_within: Duration,
    /// Change Tracking, in that mode of the feed; an error where we may not look.
    pub tracking: Option<Result<Tracking, SqlServerError>>,
    /// Change Data Capture, in that mode.
    pub capture: Option<Result<Capture, SqlServerError>>,
    /// How long small questions took, the quickest first.
    pub round_trips: Vec<Duration>,
}

/// Looks at the server that `config` names, over one connection.
///
/// # Errors
/// It cannot be reached, refuses us, or the database is not ours.
pub async fn examine(config: &SqlServerConfig, clock: &dyn WallClock) -> Result<Examination, SqlServerError> {
    let failed = || SqlServerError::during("looking at the database");
    let mut config = config.clone();
    config.connections = 1;
    let feed = config.feed;
    let pool = Pool::new(config)?;
    let mut session = pool.session().await.map_err(SqlServerError::during("connecting"))?;
    let mut round_trips = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        session.rows(&MIGRATIONS_EXISTS, []).await.map_err(failed())?;
        round_trips.push(begun.elapsed());
    }
    round_trips.sort();
    let (asked, begun) = (clock.now(), Instant::now());
    let settings = migrations::settings(&mut session).await.map_err(SqlServerError::during(SESSION_SETTINGS.path))?;
    let clock_within = begun.elapsed();
    let clock_ahead_us = ahead_us(asked, clock_within, settings.now);
    let due = migrations::due(&mut session).await?;
    let due = migrations::told(&mut session, feed, &settings, &due).await?;
    let has_tables = due.iter().all(|one| one.number == 0);
    let (mut tracking_found, mut capture_found) = (None, None);
    match feed {
        FeedMode::ChangeTracking if settings.change_tracking => {
            tracking_found = Some(tracking(&mut session).await.map_err(failed()));
        }
        FeedMode::Cdc if settings.cdc && has_tables => {
            capture_found = Some(capture(&mut session).await.map_err(failed()));
        }
        FeedMode::ChangeTracking | FeedMode::Cdc => {}
    }
    Ok(Examination {
        settings,
        due,
        clock_ahead_us,
        clock_within,
        tracking: tracking_found,
        capture: capture_found,
        round_trips,
    })
}

/// By how much another clock is ahead that was read somewhere in the `within` after `asked`: as if in the middle.
fn ahead_us(asked: Timestamp, within: Duration, theirs: Timestamp) -> i64 {
    let half = i64::try_from(within.as_micros() / 2).unwrap_or(i64::MAX);
    theirs.as_microsecond() - asked.as_microsecond().saturating_add(half)
}

async fn tracking(session: &mut Session) -> Result<Tracking, SqlError> {
    let rows = session.rows(&EXAMINE_CHANGE_TRACKING, []).await?;
    let row = rows.first().ok_or_else(|| SqlError::Unreadable("CHANGE_TRACKING is off".to_owned()))?;
    let mut columns = Columns::of(row);
    let (period, unit) = (columns.counter()?, columns.int()?);
    let minutes = match unit {
        1 => 1,
        2 => 60,
        3 => 24 * 60,
        other => return Err(SqlError::Unreadable(format!("the unit of retention is {other}"))),
    };
    Ok(Tracking {
        retention: Duration::from_secs(period.saturating_mul(minutes * 60)),
        auto_cleanup: columns.flag()?,
        is_tracked: columns.flag()?,
        may_ask: columns.optional_int()?.is_some(),
    })
}

async fn capture(session: &mut Session) -> Result<Capture, SqlError> {
    let columns = text(serde_json::Value::from(CAPTURED.to_vec()).to_string());
    let answers = session.answers(&FEED_CDC_WINDOW, [columns]).await?;
    let [seen, _, instances] = &answers[..] else {
        return Err(SqlError::Unreadable("CDC answers otherwise than it should".to_owned()));
    };
    let seen_us = seen.first().map(|row| Columns::of(row).optional_int()).transpose()?.flatten();
    let mut found = Capture {
        has_instance: !instances.is_empty(),
        seen_ago: seen_us.map(|us| Duration::from_micros(us.max(0).unsigned_abs())),
        ..Capture::default()
    };
    // The jobs lie in msdb: whoever may not look there learns the rest all the same.
    let jobs = match session.rows(&EXAMINE_CAPTURE_JOBS, []).await {
        Ok(jobs) => jobs,
        Err(error) if error.spares_the_connection() => Vec::new(),
        Err(error) => return Err(error),
    };
    for job in &jobs {
        let mut columns = Columns::of(job);
        let (kind, interval, retention) = (columns.string()?, columns.optional_int()?, columns.optional_int()?);
        let number = |value: Option<i64>| u32::try_from(value.unwrap_or_default()).unwrap_or_default();
        match kind.as_str() {
            "capture" => found.interval = Some(Duration::from_secs(number(interval).into())),
            "cleanup" => found.retention = Some(MINUTE * number(retention)),
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_compared_in_the_middle_of_the_question() {
        let at = |us| Timestamp::from_microsecond(us).unwrap();
        assert_eq!(ahead_us(at(1_000_000), Duration::from_micros(10), at(1_000_005)), 0);
        assert_eq!(ahead_us(at(1_000_000), Duration::from_micros(10), at(2_000_005)), 1_000_000);
        assert_eq!(ahead_us(at(1_000_000), Duration::from_micros(10), at(900_005)), -100_000);
    }
}
