//! What an answer of the mail server leads to.

use std::time::Duration;

use coherence::Rng;

use super::MailSenderConfig;
use crate::notification::model::{DELIVERY_ERROR_CHARS_MAX, cut};
use crate::ports::{MailError, MailOutcome};

/// What the end of the `attempts`th attempt of a mail of this age leads to.
pub(super) fn outcome(
    error: &MailError,
    attempts: u32,
    age: Duration,
    config: &MailSenderConfig,
    rng: &dyn Rng,
) -> MailOutcome {
    let text = cut(&error.to_string(), DELIVERY_ERROR_CHARS_MAX).to_owned();
    match error {
        MailError::Transient { .. } | MailError::Unreachable(_) if age < config.give_up_after => {
            MailOutcome::Retry { after: wait(attempts, config).mul_f64(rng.factor(config.spread)), error: text }
        }
        MailError::Transient { .. } | MailError::Unreachable(_) | MailError::Invalid(_) => {
            MailOutcome::Failed { error: text, suppress: false }
        }
        MailError::Permanent { recipient, .. } => MailOutcome::Failed { error: text, suppress: *recipient },
        MailError::Unknown => MailOutcome::Unknown { error: text, after: config.later },
    }
}

/// How long a mail waits after its `attempts`th attempt: first as the specification says, then minutes.
fn wait(attempts: u32, config: &MailSenderConfig) -> Duration {
    let before = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    if let Some(wait) = config.retries.get(before) {
        return *wait;
    }
    let doublings = u32::try_from(before - config.retries.len()).unwrap_or(u32::MAX).min(16);
    config.later.saturating_mul(1 << doublings).min(config.later_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Middle;

    impl Rng for Middle {
        fn next_u64(&self) -> u64 {
            1 << 63
        }
    }

    #[test]
    fn first_quickly_then_in_minutes_then_never() {
        let config = MailSenderConfig::default();
        let busy = MailError::Transient { code: 451, answer: "later".to_owned() };
        let after = |attempts| match outcome(&busy, attempts, Duration::ZERO, &config, &Middle) {
            MailOutcome::Retry { after, .. } => after.as_millis(),
            other => panic!("{other:?}"),
        };
        let waits: Vec<_> = (1..=12).map(after).collect();
        let minutes = [1, 2, 4, 8, 16, 30, 30, 30].map(|minutes| minutes * 60_000);
        assert_eq!(waits, [&[100, 200, 400, 800][..], &minutes].concat());
        let old = outcome(&busy, 3, config.give_up_after, &config, &Middle);
        assert!(matches!(old, MailOutcome::Failed { suppress: false, .. }), "{old:?}");
    }

    #[test]
    fn only_a_refused_recipient_is_suppressed() {
        let config = MailSenderConfig::default();
        let of = |error| outcome(&error, 1, Duration::ZERO, &config, &Middle);
        let refused = |recipient| MailError::Permanent { code: 550, answer: "no".to_owned(), recipient };
        assert!(matches!(of(refused(true)), MailOutcome::Failed { suppress: true, .. }));
        assert!(matches!(of(refused(false)), MailOutcome::Failed { suppress: false, .. }));
        assert!(matches!(of(MailError::Invalid("x".to_owned())), MailOutcome::Failed { suppress: false, .. }));
        assert!(matches!(of(MailError::Unknown), MailOutcome::Unknown { .. }));
        assert!(matches!(of(MailError::Unreachable(None)), MailOutcome::Retry { .. }));
    }
}
