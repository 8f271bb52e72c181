//! What an attempt leads to.

use std::time::Duration;

use coherence::{Rng, mutant};

use super::PushConfig;
use crate::ports::{PushError, PushOutcome};

/// What an attempt leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This is written down.
    Report(PushOutcome),
    /// The device seems gone: the guard decides.
    Gone(String),
    /// Another attempt, after this.
    Again(Duration, String),
}

/// What the end of the `attempts`th attempt, with `error`, leads to.
pub(super) fn verdict(error: &PushError, attempts: u32, config: &PushConfig, rng: &dyn Rng) -> Verdict {
    let text = error.to_string();
    match error {
        PushError::Gone { .. } if !mutant!(GoneRetried) => return Verdict::Gone(text),
        PushError::SenderMismatch { .. } => return Verdict::Report(PushOutcome::MustResubscribe { error: text }),
        error if !error.is_retryable() && !matches!(error, PushError::Gone { .. }) => {
            return Verdict::Report(PushOutcome::Failed { error: text });
        }
        _ => {}
    }
    let retry = usize::try_from(attempts).ok().and_then(|attempts| config.retries.get(attempts.checked_sub(1)?));
    let Some(own) = retry else { return Verdict::Report(PushOutcome::Failed { error: text }) };
    let own = own.mul_f64(rng.factor(config.spread));
    // It says how long at least: what we would wait anyway is no less.
    match error.retry_after().map(|wait| wait.min(config.retry_after_max).max(own)) {
        Some(wait) if wait > config.wait_here_max => Verdict::Report(PushOutcome::Retry { after: wait, error: text }),
        wait => Verdict::Again(wait.unwrap_or(own), text),
    }
}

/// What the end of an attempt says about its origin: that it works, that it does not, or nothing.
pub(super) fn origin_works<T>(result: &Result<T, PushError>) -> Option<bool> {
    match result {
        Ok(_) => Some(true),
        Err(error) if error.blames_the_origin() => Some(false),
        // The address policy, and what is no target, never got there.
        Err(PushError::Blocked(_) | PushError::Invalid(_)) => None,
        Err(_) => Some(true),
    }
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

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_schedule_is_the_specifications() {
        let config = PushConfig::default();
        let after = |attempts| verdict(&PushError::Timeout, attempts, &config, &Middle);
        for (attempts, wait) in [(1, 100), (2, 200), (3, 400), (4, 800)] {
            assert!(matches!(after(attempts), Verdict::Again(waits, _) if waits == ms(wait)), "{attempts}");
        }
        assert!(matches!(after(5), Verdict::Report(PushOutcome::Failed { .. })));
    }

    #[test]
    fn a_push_service_that_asks_to_wait_is_left_alone() {
        let config = PushConfig::default();
        let asks = |seconds| PushError::Throttled { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        let after = |seconds, attempts| verdict(&asks(seconds), attempts, &config, &Middle);
        assert!(matches!(after(2, 1), Verdict::Again(wait, _) if wait == ms(2_000)));
        assert!(matches!(after(0, 2), Verdict::Again(wait, _) if wait == ms(200)), "no sooner than by our schedule");
        let back = |verdict| match verdict {
            Verdict::Report(PushOutcome::Retry { after, .. }) => after,
            other => panic!("{other:?}"),
        };
        assert_eq!(back(after(60, 1)), ms(60_000));
        assert_eq!(back(after(1 << 40, 1)), config.retry_after_max);
        assert!(matches!(after(60, 5), Verdict::Report(PushOutcome::Failed { .. })));
    }

    #[test]
    fn what_cannot_succeed_is_not_tried_again() {
        let config = PushConfig::default();
        let reason = || "no".to_owned();
        assert!(matches!(verdict(&PushError::Gone { status: 410 }, 1, &config, &Middle), Verdict::Gone(_)));
        let mismatch = verdict(&PushError::SenderMismatch { status: 403 }, 1, &config, &Middle);
        assert!(matches!(mismatch, Verdict::Report(PushOutcome::MustResubscribe { .. })));
        for error in [
            PushError::Unauthorized { status: 401, reason: reason() },
            PushError::Rejected { status: 413, reason: reason() },
            PushError::Blocked(reason()),
            PushError::Invalid(reason()),
        ] {
            let verdict = verdict(&error, 1, &config, &Middle);
            assert!(matches!(verdict, Verdict::Report(PushOutcome::Failed { .. })), "{error:?}");
        }
    }
}
