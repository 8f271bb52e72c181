//! Scripts for the [`Fake`](super::Fake): what a server would answer whose statements do nothing, and what one does that
//! holds a database which is ready for this release.

use coherence::{Timestamp, WallClock};

use super::{Cell, Kind, Reply, Request, Table};
use crate::sqlserver::migrations::{CAPTURED, MIGRATIONS, Migration};
use crate::system::SystemClock;

/// What a server does whose statements do nothing.
pub fn willing(request: &Request) -> Reply {
    match request.kind {
        Kind::Batch if request.text.contains("SELECT TOP 0") => Reply::Columns,
        Kind::Batch | Kind::Load => Reply::Done,
        Kind::Rpc => Reply::Number(1),
        Kind::Transaction => Reply::Transaction,
    }
}

/// As `script` says, but for requests whose text holds `part`.
pub fn but(
    part: &'static str,
    reply: Reply,
    script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| if request.text.contains(part) { reply.clone() } else { script(request) }
}

/// How the scripted database is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// How many of the migrations it has.
    pub migrations: usize,
    /// The phases of those that a later release brought.
    pub later: Vec<&'static str>,
    /// Its compatibility level.
    pub compatibility: i64,
    /// Whether statements read snapshots.
    pub read_committed_snapshot: bool,
    /// Whether transactions may read one.
    pub snapshot_isolation: bool,
    /// Whether Change Tracking is on.
    pub change_tracking: bool,
    /// Whether Change Data Capture is on.
    pub cdc: bool,
    /// What it says of its edition.
    pub edition: String,
    /// By how many seconds its clock is ahead of ours.
    pub clock_ahead_s: i64,
    /// For how many days Change Tracking keeps changes.
    pub tracking_days: i64,
    /// For how many minutes CDC does.
    pub capture_minutes: i64,
    /// How long ago capture saw a lease renewed, in microseconds.
    pub captured_us_ago: Option<i64>,
}

impl Database {
    /// One that is as it must be in both modes of the feed.
    pub fn ready() -> Self {
        Self {
            migrations: MIGRATIONS.len(),
            later: Vec::new(),
            compatibility: 160,
            read_committed_snapshot: true,
            snapshot_isolation: true,
            change_tracking: true,
            cdc: true,
            edition: "Developer Edition (64-bit)".to_owned(),
            clock_ahead_s: 0,
            tracking_days: 8,
            capture_minutes: 10_080,
            captured_us_ago: Some(900_000),
        }
    }

    fn now(&self) -> Timestamp {
        let ours = SystemClock.now();
        Timestamp::from_microsecond(ours.as_microsecond() + self.clock_ahead_s * 1_000_000).unwrap_or(ours)
    }

    /// Its script: it has no rows but those about itself.
    pub fn script(self) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
        move |request| self.reply(request)
    }

    fn reply(&self, request: &Request) -> Reply {
        if request.kind != Kind::Rpc {
            return willing(request);
        }
        let flag = |value: bool| Cell::int(i64::from(value));
        let rows = |table: Table| Reply::Tables(vec![table]);
        let says = |part: &str| request.text.contains(part);
        if says("AS IsThere") {
            return Reply::Number(i64::from(self.migrations > 0));
        }
        if says("FROM dbo.SmartPulseMigrations AS m") {
            let applied = MIGRATIONS.iter().take(self.migrations);
            let row = |one: &Migration| {
                vec![Cell::int(one.number.into()), Cell::text(one.name), Cell::text(one.hash()), Cell::text("expand")]
            };
            let later = self.later.iter().zip(MIGRATIONS.len() + 1..).map(|(phase, number)| {
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                vec![
                    Cell::int(number),
                    Cell::text("of a later release"),
                    Cell::text("0".repeat(64)),
                    Cell::text(*phase),
                ]
            });
            return rows(applied.map(row).chain(later).collect());
        }
        if says("AS CompatibilityLevel") {
            return rows(vec![vec![
                Cell::int(self.compatibility),
                flag(self.read_committed_snapshot),
                flag(self.snapshot_isolation),
                flag(self.change_tracking),
                flag(self.cdc),
                Cell::text("16.0.4131.2"),
                Cell::text(&*self.edition),
                Cell::Time(Some(self.now())),
            ]]);
        }
        if says("recovery_fork_guid") {
            return rows(vec![vec![Cell::int(1), Cell::int(0)]]);
        }
        if says("AS RetentionPeriod") {
            let row = [self.tracking_days, 3, 1, 1, 0];
            return rows(vec![row.map(Cell::int).into()]);
        }
        self.about_capture(request)
    }

    fn about_capture(&self, request: &Request) -> Reply {
        let says = |part: &str| request.text.contains(part);
        if says("AS SeenUsAgo") {
            let lsn = || Cell::Bytes(Some(vec![0, 0, 0, 1, 0, 0, 0, 1, 0, 1]));
            return Reply::Tables(vec![
                vec![vec![Cell::Int(self.captured_us_ago)]],
                vec![vec![Cell::int(1), lsn()]],
                vec![vec![Cell::text("dbo_Forecasts"), lsn()]],
            ]);
        }
        if says("msdb.dbo.cdc_jobs") {
            let job =
                |kind: &str, interval, retention| vec![Cell::text(kind), Cell::int(interval), Cell::int(retention)];
            return Reply::Tables(vec![vec![job("capture", 1, 0), job("cleanup", 0, self.capture_minutes)]]);
        }
        if says("FROM dbo.ForecastLeases AS l WHERE l.Name") {
            return Reply::Tables(vec![vec![vec![Cell::Bytes(Some(vec![0; 16]))]]]);
        }
        if says("FROM cdc.change_tables AS i") {
            let row = |column: &&str| vec![Cell::text("dbo_Forecasts"), Cell::text(*column), Cell::int(1)];
            return Reply::Tables(vec![CAPTURED.iter().map(row).collect()]);
        }
        Reply::Done
    }
}
