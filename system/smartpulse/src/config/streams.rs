//! Section `[streams]`: Server-Sent Events.

use std::time::Duration;

use super::reader::Reader;

/// The settings of event streams and their tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsConfig {
    /// The time between two comments that keep a stream open.
    pub heartbeat: Duration,
    /// How long a client waits before it comes again.
    pub retry: Duration,
    /// How long a ticket lasts.
    pub ticket_life: Duration,
    /// Tickets that wait to be used.
    pub tickets_max: usize,
}

impl StreamsConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            heartbeat: r.millis("streams.heartbeat_ms", 100..=60_000),
            retry: r.millis("streams.retry_ms", 100..=600_000),
            ticket_life: r.seconds("streams.ticket_life_s", 1..=600),
            tickets_max: r.size("streams.tickets_max", 1..=10_000_000),
        }
    }

    /// A stream whose heartbeat comes too late would be closed as stuck.
    pub(super) fn check(&self, r: &mut Reader<'_>, idle_timeout: Duration) {
        if self.heartbeat >= idle_timeout {
            r.combination(
                "`streams.heartbeat_ms` is not shorter than `http.idle_timeout_ms`: streams would be closed as idle",
            );
        }
    }
}
