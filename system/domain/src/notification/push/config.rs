//! What can be set about the push sender.

use std::time::Duration;

use super::{BreakerConfig, RemovalGuardConfig};

/// What can be set about the push sender. The defaults are the specification's, where it says something.
#[derive(Debug, Clone, PartialEq)]
pub struct PushConfig {
    /// How long an attempt may take.
    pub attempt_timeout: Duration,
    /// The waits before each further attempt.
    pub retries: Vec<Duration>,
    /// Waits differ by up to this share.
    pub spread: f64,
    /// What a push service asks us to wait is waited for here up to this; beyond, the push goes back to the store.
    pub wait_here_max: Duration,
    /// It cannot ask for more than this.
    pub retry_after_max: Duration,
    /// A push that is so old, and was tried, is given up; one that is as old as `ttl` in any case.
    pub give_up_after: Duration,
    /// How many quick attempts run at a time.
    pub concurrency: usize,
    /// An attempt that takes longer is not quick: it gives its place back.
    pub slow_after: Duration,
    /// How many attempts that are not quick may run beside the others.
    pub slow_max: usize,
    /// How many quick attempts run at a time for each origin.
    pub per_origin: usize,
    /// How many attempts that are not quick may run beside those, for each origin. Beyond, they take places of quick ones:
    /// an origin of which nothing answers has no more than both.
    pub slow_per_origin: usize,
    /// How many pushes are claimed at a time.
    pub claim_limit: u32,
    /// How many pushes are held at a time.
    pub held_max: usize,
    /// How long a claim lives.
    pub claim_life: Duration,
    /// How long a push service keeps a message for a device that is off.
    pub ttl: Duration,
    /// The picture beside a message, a URL.
    pub icon: Option<String>,
    /// The breaker of each origin.
    pub breaker: BreakerConfig,
    /// When devices are not removed any more.
    pub guard: RemovalGuardConfig,
}

impl Default for PushConfig {
    fn default() -> Self {
        Self {
            attempt_timeout: Duration::from_secs(5),
            retries: [100, 200, 400, 800].map(Duration::from_millis).to_vec(),
            spread: 0.2,
            wait_here_max: Duration::from_secs(5),
            retry_after_max: Duration::from_secs(60 * 60),
            give_up_after: Duration::from_secs(60 * 60),
            concurrency: 512,
            slow_after: Duration::from_millis(250),
            slow_max: 4_096,
            per_origin: 128,
            slow_per_origin: 1_024,
            claim_limit: 500,
            held_max: 10_000,
            claim_life: Duration::from_secs(90),
            ttl: Duration::from_secs(24 * 60 * 60),
            icon: None,
            breaker: BreakerConfig::default(),
            guard: RemovalGuardConfig::default(),
        }
    }
}
