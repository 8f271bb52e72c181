//! What can be set.

use std::time::Duration;

/// Bounds of everything that waits, is kept, or is tried again.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// After this long a call has failed, whatever it waited for (a connection, an answer, a cluster that fails over).
    pub call_timeout: Duration,
    /// After this long an attempt to connect has failed. Shorter than [`Self::call_timeout`].
    pub connect_timeout: Duration,
    /// The first wait after a failed attempt to connect; it doubles up to [`Self::reconnect_max`]. Meanwhile calls fail
    /// at once, so that reads go on to the source without delay.
    pub reconnect: Duration,
    /// The longest wait between two attempts to connect.
    pub reconnect_max: Duration,
    /// After so many timeouts in a row a connection is given up: what it leads to may be gone without a word.
    pub timeouts_max: u32,
    /// How often a subscription is asked whether its server is there.
    pub ping_every: Duration,
    /// How long the versions of a key outlive their last change. Values never outlive them.
    pub versions_life: Duration,
    /// Fill tokens that one key keeps; the oldest goes first (its fill is then refused).
    pub fill_tokens_max: usize,
    /// Messages that a repair stream keeps; the oldest go. Who is further behind compares everything.
    pub stream_messages_max: usize,
    /// The same in bytes.
    pub stream_bytes_max: usize,
    /// Deliveries that wait for a slow subscriber; then it is told that it lost some.
    pub backlog_max: usize,
    /// The same in bytes.
    pub backlog_bytes_max: usize,
}

impl Default for RedisConfig {
    /// Calls of at most 500 ms, an attempt to connect of at most 400 ms, another after 50 ms to 1 s; versions live for an
    /// hour; streams of 20,000 messages or 16 MiB; a backlog of 8,192 deliveries or 64 MiB.
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_millis(400),
            reconnect: Duration::from_millis(50),
            reconnect_max: Duration::from_secs(1),
            timeouts_max: 3,
            ping_every: Duration::from_secs(1),
            versions_life: Duration::from_secs(3_600),
            fill_tokens_max: 16,
            stream_messages_max: 20_000,
            stream_bytes_max: 16 << 20,
            backlog_max: 8_192,
            backlog_bytes_max: 64 << 20,
        }
    }
}
