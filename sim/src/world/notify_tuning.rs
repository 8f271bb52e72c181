//! What a seed decides about notifications.

use std::time::Duration;

use domain::notification::mail::{MailBatchConfig, MailSenderConfig};
use domain::notification::push::{BreakerConfig, PushConfig};
use serde::{Deserialize, Serialize};
use smartpulse::config::Config;

use crate::dice::Dice;

/// Of a thousand seeds so many have notifications.
const SHARE_PERMILLE: u64 = 400;
/// A claim must outlive what is sent under it by 5 s, and time must be left to send.
const CLAIM_MS: (u64, u64) = (8_000, 11_000);
/// A push service that asks to be left alone for longer is left alone for so long.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(4);

/// What one seed decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyTuning {
    /// One event in so many milliseconds, about.
    pub event_every_ms: u64,
    /// How long the callers of an instance think, at most.
    pub think_max_ms: u64,
    /// The life of a claim, in milliseconds.
    pub claim_ms: u64,
    /// How long a push may take, and a mail.
    pub attempt_ms: u64,
    /// How long a broken push service is left alone.
    pub breaker_ms: u64,
    /// How many pushes go to one push service at a time.
    pub per_origin: usize,
    /// How many mails stand as being sent at a time.
    pub chunk: usize,
    /// Mails of which nobody knows whether they were taken are sent again.
    pub resend: bool,
}

impl NotifyTuning {
    /// Drawn from the seed; `None`: nobody is notified of anything.
    pub fn draw(seed: u64) -> Option<Self> {
        let dice = Dice::of(seed, "notify");
        dice.permille(SHARE_PERMILLE).then(|| Self {
            event_every_ms: dice.between(150, 1_500),
            think_max_ms: dice.between(300, 2_000),
            claim_ms: dice.between(CLAIM_MS.0, CLAIM_MS.1),
            attempt_ms: dice.between(500, 1_500),
            breaker_ms: dice.between(500, 3_000),
            per_origin: if dice.permille(300) { 1 } else { 128 },
            chunk: if dice.permille(500) { 1 } else { 16 },
            resend: dice.permille(300),
        })
    }

    /// Lives are short, or they would not end within a run.
    pub(super) fn apply(&self, config: &mut Config) {
        let (claim_life, attempt) = (Duration::from_millis(self.claim_ms), Duration::from_millis(self.attempt_ms));
        config.push.sender = PushConfig {
            attempt_timeout: attempt,
            claim_life,
            per_origin: self.per_origin,
            wait_here_max: Duration::from_secs(1),
            retry_after_max: RETRY_AFTER_MAX,
            breaker: BreakerConfig { failures: 8, open_for: Duration::from_millis(self.breaker_ms) },
            ..PushConfig::default()
        };
        config.mail.batch = MailBatchConfig { claim_life, ..MailBatchConfig::default() };
        config.mail.sender = MailSenderConfig {
            claim_life,
            chunk: self.chunk,
            connect_timeout: attempt,
            send_timeout: attempt,
            idle: Duration::from_secs(2),
            later: Duration::from_secs(1),
            later_max: Duration::from_secs(2),
            ..MailSenderConfig::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_seeds_has_notifications() {
        let with = (0..1_000).filter(|seed| NotifyTuning::draw(*seed).is_some()).count();
        assert!((350..450).contains(&with), "{with}");
    }
}
