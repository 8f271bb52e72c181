//! SQL Server and the database on it.

use std::time::Duration;

use adapters::sqlserver::{
    Capture, Due, Examination, FeedMode, Phase, SqlServerConfig, SqlServerError, Tracking, examine as ask,
};
use adapters::system::SystemClock;

use crate::config::Config;
use crate::doctor::{Finding, Verdict, clock, days, duration, round_trip};
use crate::error_text::chain;
use crate::wiring::sqlserver;

const BACKEND: &str = "sqlserver";
const USUAL: Duration = Duration::from_millis(5);
/// What no edition but these captures with is refused by the server itself.
const EDITIONS_WITHOUT_CDC: [&str; 2] = ["Express", "Web"];
/// A running service renews its leases three times a second, and capture looks each second.
const SEEN_MAX: Duration = Duration::from_secs(5);
const CAPTURE_INTERVAL_MAX: Duration = Duration::from_secs(1);
const MIGRATE: &str = "`smartpulse migrate` brings it";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let settings = match sqlserver::settings(config) {
        Ok(settings) => settings,
        Err(error) => return vec![Finding::error(BACKEND, "address", &error, "mend store.url")],
    };
    match ask(&settings, &SystemClock).await {
        Ok(found) => judge(&found, &settings, config),
        Err(error) => vec![Finding::failure(BACKEND, "connection", chain(&error), advice(&error))],
    }
}

fn advice(error: &SqlServerError) -> &'static str {
    match error {
        SqlServerError::Ahead { .. } => "use the release that migrated it, or a later one",
        SqlServerError::Changed(_) => "this is no release: its migrations are not those that the database had",
        _ => "is store.url right, the server up, the database there, and may the login use it?",
    }
}

fn judge(found: &Examination, settings: &SqlServerConfig, config: &Config) -> Vec<Finding> {
    let server = &found.settings;
    let what = format!("{}, {}, at {}", server.version, server.edition, settings.address());
    let mut all = vec![Finding::ok(BACKEND, "version", what), migrations(&found.due)];
    let complaints = server.complaints(settings.feed);
    all.push(match complaints.is_empty() {
        true => Finding::ok(BACKEND, "settings", format!("compatibility level {}, snapshots on", server.compatibility)),
        false => Finding::failure(BACKEND, "settings", complaints.join(", "), MIGRATE),
    });
    all.extend(match settings.feed {
        FeedMode::ChangeTracking => tracking(found.tracking.as_ref(), config),
        FeedMode::Cdc => capture(found, config),
    });
    all.push(clock(BACKEND, found.clock_ahead_us, found.clock_within));
    all.push(round_trip(BACKEND, &found.round_trips, USUAL));
    all.push(Finding::ok(BACKEND, "connections", format!("{} at most (store.connections)", config.store.connections)));
    all
}

fn migrations(due: &[Due]) -> Finding {
    let of = |phase| due.iter().filter(|one| one.phase == phase).map(|one| one.name.as_str()).collect::<Vec<_>>();
    let (expand, contract) = (of(Phase::Expand), of(Phase::Contract));
    if !expand.is_empty() {
        let advice = "`smartpulse migrate`, by an operator or a job: `serve` refuses a database that is behind";
        return Finding::failure(BACKEND, "migrations", format!("due: {}", expand.join(", ")), advice);
    }
    if !contract.is_empty() {
        let advice = "`smartpulse migrate --phase contract`, once no process of the release before runs";
        return Finding::warning(BACKEND, "migrations", format!("to take away: {}", contract.join(", ")), advice);
    }
    Finding::ok(BACKEND, "migrations", "none is due")
}

fn tracking(found: Option<&Result<Tracking, SqlServerError>>, config: &Config) -> Vec<Finding> {
    const WHAT: &str = "Change Tracking";
    let tracking = match found {
        None => return vec![Finding::failure(BACKEND, WHAT, "is off", MIGRATE)],
        Some(Err(error)) => {
            return vec![Finding::error(BACKEND, WHAT, error, "may the login see sys.change_tracking_databases?")];
        }
        Some(Ok(tracking)) => tracking,
    };
    let otherwise = match () {
        () if !tracking.is_tracked => Some((Verdict::Failure, MIGRATE)),
        () if !tracking.may_ask => {
            Some((Verdict::Failure, "GRANT VIEW CHANGE TRACKING ON dbo.Forecasts to the login, and SELECT"))
        }
        () if tracking.retention < config.bus.retention => Some((
            Verdict::Warning,
            "less than the topics keep (bus.retention_days): after an outage that long everything is compared. ALTER \
             DATABASE CURRENT SET CHANGE_TRACKING (CHANGE_RETENTION = 8 DAYS)",
        )),
        () if !tracking.auto_cleanup => {
            Some((Verdict::Warning, "old changes stay for ever: SET CHANGE_TRACKING (AUTO_CLEANUP = ON)"))
        }
        () => None,
    };
    let found = match (tracking.is_tracked, tracking.may_ask) {
        (false, _) => "dbo.Forecasts is not tracked".to_owned(),
        (true, false) => "we may not ask what changed".to_owned(),
        (true, true) => format!("on, changes are kept for {}", days(tracking.retention)),
    };
    vec![Finding::judged(BACKEND, WHAT, found, otherwise)]
}

fn capture(found: &Examination, config: &Config) -> Vec<Finding> {
    const WHAT: &str = "CDC";
    let edition = &found.settings.edition;
    if EDITIONS_WITHOUT_CDC.iter().any(|without| edition.starts_with(without)) {
        let advice = "use cdc.mode = \"change_tracking\", or another edition";
        return vec![Finding::failure(BACKEND, WHAT, format!("{edition} has none"), advice)];
    }
    let capture = match &found.capture {
        None => return vec![Finding::failure(BACKEND, WHAT, "is off", MIGRATE)],
        Some(Err(error)) => {
            return vec![Finding::error(BACKEND, WHAT, error, "may the login read the schema cdc (db_owner may)?")];
        }
        Some(Ok(capture)) => capture,
    };
    let instance = (!capture.has_instance).then_some((Verdict::Failure, MIGRATE));
    let shown =
        if capture.has_instance { "on, with a capture instance of ours" } else { "no instance has all columns" };
    vec![Finding::judged(BACKEND, WHAT, shown, instance), jobs(capture, config), agent(capture)]
}

fn jobs(capture: &Capture, config: &Config) -> Finding {
    const WHAT: &str = "capture jobs";
    let (Some(interval), Some(kept)) = (capture.interval, capture.retention) else {
        let advice = "GRANT SELECT ON msdb.dbo.cdc_jobs to see them; without jobs nothing is captured";
        return Finding::warning(BACKEND, WHAT, "there are none that we may see", advice);
    };
    let otherwise = match () {
        () if interval > CAPTURE_INTERVAL_MAX => Some((
            Verdict::Warning,
            "each change waits for it: EXEC sys.sp_cdc_change_job N'capture', @pollinginterval = 1, then restart the job",
        )),
        () if kept < config.bus.retention => Some((
            Verdict::Warning,
            "less than the topics keep (bus.retention_days): after an outage that long everything is compared. EXEC \
             sys.sp_cdc_change_job N'cleanup', @retention = <minutes>",
        )),
        () => None,
    };
    let found = format!("look each {}, keep changes for {}", duration(interval), days(kept));
    Finding::judged(BACKEND, WHAT, found, otherwise)
}

fn agent(capture: &Capture) -> Finding {
    const WHAT: &str = "capture";
    let advice = "with a running service this means that the capture job, or the Agent, stands still: EXEC \
                  sys.sp_cdc_help_jobs, sys.dm_cdc_errors, and is the SQL Server Agent up?";
    match capture.seen_ago {
        None => Finding::warning(BACKEND, WHAT, "has seen no lease renewed yet", advice),
        Some(ago) => {
            let otherwise = (ago > SEEN_MAX).then_some((Verdict::Warning, advice));
            Finding::judged(BACKEND, WHAT, format!("saw a lease renewed {} ago", duration(ago)), otherwise)
        }
    }
}
