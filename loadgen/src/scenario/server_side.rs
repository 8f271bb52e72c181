//! What the server counted of the same run.

use crate::engine::Measured;
use crate::http::Level;
use crate::scrape::Scrape;

/// The route of a forecast, as the server labels it.
const ROUTE: &str = "route=\"/api/forecasts/{id}\"";

/// The server's counters over a whole run, warm-up included, beside the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSide {
    /// Reads answered by L1 to L4, as the server counts them.
    pub answers: [i64; 4],
    /// The same as the client counts them, 304s included.
    pub seen: [u64; 4],
    /// GETs of a forecast answered with 200 and 304.
    pub ok: i64,
    /// The 304s of them.
    pub not_modified: i64,
    /// The client's 304s.
    pub seen_not_modified: u64,
    /// Rows that fills read from the store.
    pub loads: i64,
    /// Reads that waited for another's fill.
    pub joins: i64,
    /// Entries in L1 and in L2 at the end, of all instances.
    pub entries: [i64; 2],
    /// Requests that the client knows no answer of.
    pub unanswered: u64,
}

impl ServerSide {
    pub(super) fn of(before: &Scrape, after: &Scrape, measured: &Measured) -> Self {
        let since = |name: &str, labels: &[&str]| after.since(before, name, labels);
        let tier = |level: Level| since("smartpulse_cache_answers_total", &[&format!("tier=\"{}\"", level.name())]);
        let requests = |status| since("smartpulse_http_requests_total", &[ROUTE, "method=\"GET\"", status]);
        let sum = |count: &dyn Fn(&crate::engine::LevelCounts) -> u64| measured.whole_levels.iter().map(count).sum();
        Self {
            answers: Level::ALL.map(tier),
            seen: Level::ALL.map(|level| sum(&|levels| levels.answers(level))),
            ok: requests("status=\"200\""),
            not_modified: requests("status=\"304\""),
            seen_not_modified: sum(&|levels| levels.not_modified.iter().sum()),
            loads: since("smartpulse_cache_loads_total", &[]),
            joins: since("smartpulse_cache_joins_total", &[]),
            entries: ["l1", "l2"].map(|tier| after.sum(&format!("smartpulse_cache_{tier}_entries"), &[]) as i64),
            unanswered: measured.whole_failures.values().sum(),
        }
    }

    /// By how many answers client and server disagree, over all tiers and the 304s.
    pub fn difference(&self) -> u64 {
        let tiers = self.answers.iter().zip(self.seen).map(|(server, client)| server.abs_diff(client as i64));
        tiers.sum::<u64>() + self.not_modified.abs_diff(self.seen_not_modified as i64)
    }
}
