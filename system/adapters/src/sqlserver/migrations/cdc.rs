//! Change Data Capture, where the feed reads it: the database, a capture instance of the forecasts and one of the leases
//! (which dates the feed), the jobs.
//!
//! A capture instance has the columns that it was made with. Where a release needs one more, a second instance is made beside
//! the first (the server allows two), from which this release reads; the release before goes on with the first one. That is
//! taken away in the phase `contract`, once the tracker has come as far as the second one reaches back.

use std::fmt;
use std::time::Duration;

use super::list::Phase;
use crate::sqlserver::connection::Session;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::feed::lsn_of;
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{bytes, filled, quoted, small_int, text};
use crate::sqlserver::statements::{
    CDC_CURSOR, CDC_DISABLE_INSTANCE, CDC_ENABLE_DATABASE, CDC_ENABLE_TABLE, CDC_ENABLED, CDC_INSTANCES, CDC_JOBS,
    CDC_START_CAPTURE, CDC_STOP_CAPTURE,
};

/// The columns that the feed reads.
pub(in crate::sqlserver) const CAPTURED: [&str; 16] = [
    "Id",
    "CompanyId",
    "ProductionUnitId",
    "ProviderId",
    "ForecastDate",
    "Demand",
    "Supply",
    "ConfidenceLevel",
    "Status",
    "Tags",
    "CreatedAt",
    "UpdatedAt",
    "VersionId",
    "WrittenAt",
    "WrittenVersion",
    "Traceparent",
];

/// The names of the forecasts' instances; the first one is the specification's.
pub(in crate::sqlserver) const INSTANCES: [&str; 2] = ["dbo_Forecasts", "dbo_Forecasts_2"];

const FORECASTS: &str = "Forecasts";
const LEASES: &str = "ForecastLeases";
const LEASES_INSTANCE: &str = "dbo_ForecastLeases";
const LEASES_COLUMNS: &str = "Name, RenewedAt";

/// What the Agent answers where a job does not stand as it would have to.
const JOB_REFUSED: u32 = 22_022;
/// How often the capture job, which may be about to stop, is asked to start, and how long it is given in between.
const STARTS_MAX: u32 = 10;
const STARTS_EVERY: Duration = Duration::from_secs(1);

/// Something to arrange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Database,
    Leases,
    Forecasts(&'static str),
    Retire(String),
}

impl Step {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Database | Self::Leases | Self::Forecasts(_) => Phase::Expand,
            Self::Retire(_) => Phase::Contract,
        }
    }

    /// What it runs, with the values in it, for whoever runs it by hand.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Database => filled(&CDC_ENABLE_DATABASE, []),
            Self::Leases => {
                filled(&CDC_ENABLE_TABLE, [&quoted(LEASES), &quoted(LEASES_INSTANCE), &quoted(LEASES_COLUMNS)])
            }
            Self::Forecasts(instance) => {
                filled(&CDC_ENABLE_TABLE, [&quoted(FORECASTS), &quoted(instance), &quoted(&CAPTURED.join(", "))])
            }
            Self::Retire(instance) => filled(&CDC_DISABLE_INSTANCE, [&quoted(FORECASTS), &quoted(instance)]),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("enable CDC in the database"),
            Self::Leases => write!(f, "capture dbo.{LEASES} as {LEASES_INSTANCE}"),
            Self::Forecasts(instance) => write!(f, "capture dbo.{FORECASTS} as {instance}"),
            Self::Retire(instance) => write!(f, "end the capture instance {instance}"),
        }
    }
}

/// A capture instance of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// Whether the tracker has come as far as it reaches back.
    pub(super) is_reached: bool,
}

/// What is to be arranged, in this order. Pure: what it answers follows from what there is.
pub(super) fn steps(forecasts: &[Instance], has_leases: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    if !has_leases {
        steps.push(Step::Leases);
    }
    let is_complete = |one: &Instance| CAPTURED.iter().all(|wanted| one.columns.iter().any(|column| column == wanted));
    let complete = forecasts.iter().rfind(|one| is_complete(one));
    let retire = |one: &Instance| Step::Retire(one.name.clone());
    match complete {
        Some(current) => {
            // What stands beside it is the release before's, or older.
            let others = forecasts.iter().filter(|one| one.name != current.name && current.is_reached);
            steps.extend(others.map(retire));
        }
        None => {
            let free = INSTANCES.into_iter().find(|name| forecasts.iter().all(|one| one.name != *name));
            match free {
                Some(name) => steps.push(Step::Forecasts(name)),
                // Two there are already: the older one must go before there can be another.
                None => steps.extend(forecasts.first().map(retire)),
            }
        }
    }
    steps
}

async fn instances(session: &mut Session, table: &str) -> Result<Vec<Instance>, SqlError> {
    let rows = session.rows(&CDC_CURSOR, []).await?;
    let cursor = rows.first().map_or(Ok(0), |row| Columns::of(row).wide())?;
    let values = [text(format!("dbo.{table}")), bytes(lsn_of(cursor))];
    let mut instances: Vec<Instance> = Vec::new();
    for row in session.rows(&CDC_INSTANCES, values).await? {
        let mut columns = Columns::of(&row);
        let (name, column, is_reached) = (columns.string()?, columns.string()?, columns.flag()?);
        match instances.last_mut().filter(|last| last.name == name) {
            Some(last) => last.columns.push(column),
            None => instances.push(Instance { name, columns: vec![column], is_reached }),
        }
    }
    Ok(instances)
}

/// What is to be arranged in this database.
pub(super) async fn due(session: &mut Session, is_enabled: bool, has_tables: bool) -> Result<Vec<Step>, SqlError> {
    if !is_enabled || !has_tables {
        return Ok([Step::Database].into_iter().chain(steps(&[], false)).collect());
    }
    let has_leases = !instances(session, LEASES).await?.is_empty();
    Ok(steps(&instances(session, FORECASTS).await?, has_leases))
}

/// Arranges it, up to `phase`; answers what was done.
pub(super) async fn arrange(session: &mut Session, retention: Duration, phase: Phase) -> Result<Vec<String>, SqlError> {
    let rows = session.rows(&CDC_ENABLED, []).await?;
    let is_enabled = rows.first().map_or(Ok(false), |row| Columns::of(row).flag())?;
    let mut done = Vec::new();
    if !is_enabled {
        session.rows(&CDC_ENABLE_DATABASE, []).await?;
        done.push(Step::Database.to_string());
    }
    for step in due(session, true, true).await?.into_iter().filter(|step| step.phase() <= phase) {
        match &step {
            Step::Database => {}
            Step::Leases => {
                let values = [text(LEASES), text(LEASES_INSTANCE), text(LEASES_COLUMNS)];
                session.rows(&CDC_ENABLE_TABLE, values).await?;
            }
            Step::Forecasts(instance) => {
                let values = [text(FORECASTS), text(*instance), text(CAPTURED.join(", "))];
                session.rows(&CDC_ENABLE_TABLE, values).await?;
            }
            Step::Retire(instance) => {
                session.rows(&CDC_DISABLE_INSTANCE, [text(FORECASTS), text(&**instance)]).await?;
            }
        }
        done.push(step.to_string());
    }
    // Each time: an earlier call may have come as far as the instances and no farther, and nothing else would show it.
    session.rows(&CDC_JOBS, [small_int(minutes(retention))]).await?;
    restart_capture(session).await?;
    done.push("the capture job looks each second".to_owned());
    Ok(done)
}

async fn restart_capture(session: &mut Session) -> Result<(), SqlError> {
    session.rows(&CDC_STOP_CAPTURE, []).await?;
    for _ in 1..STARTS_MAX {
        match session.rows(&CDC_START_CAPTURE, []).await {
            Err(SqlError::Server { number: JOB_REFUSED, .. }) => tokio::time::sleep(STARTS_EVERY).await,
            outcome => return outcome.map(drop),
        }
    }
    session.rows(&CDC_START_CAPTURE, []).await.map(drop)
}

fn minutes(retention: Duration) -> u32 {
    u32::try_from(retention.as_secs().div_ceil(60)).unwrap_or(u32::MAX)
}

/// What is run about the jobs, whatever else is due.
pub(super) fn jobs_texts(retention: Duration) -> [String; 3] {
    [
        filled(&CDC_JOBS, [&minutes(retention).to_string()]),
        filled(&CDC_STOP_CAPTURE, []),
        filled(&CDC_START_CAPTURE, []),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str, columns: &[&str], is_reached: bool) -> Instance {
        Instance { name: name.to_owned(), columns: columns.iter().map(|one| (*one).to_owned()).collect(), is_reached }
    }

    /// A new database, a column more, the release before gone, and one instance too many.
    #[test]
    fn a_capture_instance_is_renewed_beside_the_old_one() {
        let all = CAPTURED;
        let fewer = &all[..all.len() - 1];
        let retire = |name: &str| Step::Retire(name.to_owned());
        assert_eq!(steps(&[], false), [Step::Leases, Step::Forecasts("dbo_Forecasts")]);
        let old = instance("dbo_Forecasts", fewer, true);
        assert_eq!(steps(std::slice::from_ref(&old), true), [Step::Forecasts("dbo_Forecasts_2")]);
        let fresh = instance("dbo_Forecasts_2", &all, false);
        assert_eq!(steps(&[old.clone(), fresh], true), [], "the tracker still reads the old one");
        let reached = instance("dbo_Forecasts_2", &all, true);
        assert_eq!(steps(&[old.clone(), reached.clone()], true), [retire("dbo_Forecasts")]);
        assert_eq!(steps(std::slice::from_ref(&reached), true), []);
        // The next renewal takes the name that is free.
        let outgrown = instance("dbo_Forecasts_2", fewer, true);
        assert_eq!(steps(std::slice::from_ref(&outgrown), true), [Step::Forecasts("dbo_Forecasts")]);
        assert_eq!(steps(&[outgrown, old], true), [retire("dbo_Forecasts_2")], "two that are of no use");
        assert_eq!(retire("x").phase(), Phase::Contract);
        assert_eq!(Step::Forecasts("x").phase(), Phase::Expand);
    }
}
