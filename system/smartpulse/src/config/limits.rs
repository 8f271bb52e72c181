//! Sections `[limits]`, `[drain]`, `[log]` and `[sample]`.

use std::time::Duration;

use domain::model::{BATCH_ITEMS_MAX, TAKE_MAX};
use tracing_subscriber::EnvFilter;

use super::reader::Reader;

/// What clients may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Requests per second and subject; 0 is no limit.
    pub rate_per_s: u32,
    /// Requests at once.
    pub burst: u32,
    /// Subjects told apart.
    pub subjects_max: usize,
    /// How long an idempotency key is remembered.
    pub idempotency_ttl: Duration,
    /// The largest page.
    pub page_max: u32,
    /// The largest batch.
    pub batch_max: usize,
    /// Event streams that are open at the same time.
    pub streams_max: usize,
    /// The same of one subject.
    pub streams_per_subject_max: usize,
}

impl LimitsConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            rate_per_s: r.int32("limits.rate_per_s", 0..=1_000_000),
            burst: r.int32("limits.burst", 1..=1_000_000),
            subjects_max: r.size("limits.subjects_max", 16..=100_000_000),
            idempotency_ttl: r.seconds("limits.idempotency_ttl_s", 1..=2_592_000),
            page_max: r.int32("limits.page_max", 1..=u64::from(TAKE_MAX)),
            batch_max: r.size("limits.batch_max", 1..=BATCH_ITEMS_MAX as u64),
            streams_max: r.size("limits.streams_max", 0..=1_000_000),
            streams_per_subject_max: r.size("limits.streams_per_subject_max", 0..=1_000_000),
        }
    }
}

/// How an instance stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainConfig {
    /// How long readiness says 503 before the listener closes.
    pub delay: Duration,
    /// How long running requests may take after that.
    pub deadline: Duration,
}

impl DrainConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let delay = r.text("drain.delay_ms").trim().parse().ok().filter(|ms| *ms <= 600_000).unwrap_or_else(|| {
            r.bad("drain.delay_ms", "\"auto\" or an integer from 0 to 600000");
            0
        });
        Self { delay: Duration::from_millis(delay), deadline: r.millis("drain.deadline_ms", 0..=3_600_000) }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// A level or a filter.
    pub level: String,
    /// Whether each request is logged.
    pub requests: bool,
}

impl LogConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let level = r.text("log.level");
        if level.trim().is_empty() || EnvFilter::try_new(&level).is_err() {
            r.bad(
                "log.level",
                "a level (error, warn, info, debug, trace) or a filter such as \"info,smartpulse=debug\"",
            );
        }
        Self {
            format: r.choice("log.format", &formats).unwrap_or(LogFormat::Text),
            level,
            requests: r.flag("log.requests"),
        }
    }
}

/// The sample data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleConfig {
    /// Whether the first start loads it.
    pub load: bool,
}

impl SampleConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self { load: r.flag("sample.load") }
    }
}
