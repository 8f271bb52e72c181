//! A token bucket per subject, in a bounded table.
//!
//! A bucket is one instant, as in GCRA: the time at which it is full again. An absent subject has a full bucket, so a
//! bucket that is full may be forgotten at any time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::code::Code;
use super::problem::Problem;

const SHARDS: usize = 16;

/// Limits how often each subject may come.
#[derive(Debug)]
pub struct RateLimiter {
    interval: Duration,
    burst_span: Duration,
    subjects_per_shard: usize,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Debug, Default)]
struct Shard {
    full_at: BTreeMap<Uuid, Instant>,
    /// The one bucket that all subjects share who do not fit in the table.
    overflow_full_at: Option<Instant>,
    swept_at: Option<Instant>,
}

/// The subject came too often; it may come again after this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// How long to wait.
    pub retry_after: Duration,
}

impl From<TooMany> for Problem {
    fn from(too_many: TooMany) -> Self {
        Problem::new(Code::RateLimited).retry_after(too_many.retry_after)
    }
}

impl RateLimiter {
    /// `rate_per_s` tokens come back each second, at most `burst` are held. A rate of 0 limits nothing: then this is
    /// `None`, so that nothing is looked up either.
    pub fn new(rate_per_s: u32, burst: u32, subjects_max: usize) -> Option<Self> {
        if rate_per_s == 0 {
            return None;
        }
        let interval = Duration::from_secs(1) / rate_per_s;
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let subjects_per_shard = subjects_max.div_ceil(SHARDS).max(1);
        Some(Self { interval, burst_span: interval * burst.max(1), subjects_per_shard, shards })
    }

    /// Takes one token of the subject's bucket.
    ///
    /// # Errors
    /// The bucket is empty.
    pub fn check(&self, subject: Uuid, now: Instant) -> Result<(), TooMany> {
        let index = usize::from(subject.as_bytes()[15]) % SHARDS;
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = shard.full_at.get_mut(&subject) {
            return self.take(full_at, now);
        }
        if shard.full_at.len() >= self.subjects_per_shard {
            self.sweep(&mut shard, now);
        }
        if shard.full_at.len() >= self.subjects_per_shard {
            return self.take(shard.overflow_full_at.get_or_insert(now), now);
        }
        self.take(shard.full_at.entry(subject).or_insert(now), now)
    }

    fn take(&self, full_at: &mut Instant, now: Instant) -> Result<(), TooMany> {
        let next = (*full_at).max(now) + self.interval;
        let ahead = next.duration_since(now);
        if ahead > self.burst_span {
            return Err(TooMany { retry_after: ahead - self.burst_span });
        }
        *full_at = next;
        Ok(())
    }

    /// Forgets full buckets, at most once in the time that any bucket needs to fill: more often would find nothing new
    /// and would let a crowd of subjects buy a walk of the table with each request.
    fn sweep(&self, shard: &mut Shard, now: Instant) {
        if shard.swept_at.is_some_and(|at| now.duration_since(at) < self.burst_span) {
            return;
        }
        shard.swept_at = Some(now);
        shard.full_at.retain(|_, full_at| *full_at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn subject(n: u128) -> Uuid {
        // All in one shard, so that the table can be filled.
        Uuid::from_u128(n << 8)
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limiter = RateLimiter::new(10, 3, 100).unwrap();
        let start = Instant::now();
        let passed = (0..5).filter(|_| limiter.check(subject(1), start).is_ok()).count();
        assert_eq!(passed, 3);
        let refused = limiter.check(subject(1), start).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_millis(100));
        assert!(limiter.check(subject(1), start + refused.retry_after).is_ok());
        assert!(limiter.check(subject(1), start + refused.retry_after).is_err());
    }

    #[test]
    fn subjects_do_not_share_a_bucket() {
        let limiter = RateLimiter::new(1, 1, 100).unwrap();
        let now = Instant::now();
        assert!(limiter.check(subject(1), now).is_ok());
        assert!(limiter.check(subject(1), now).is_err());
        assert!(limiter.check(subject(2), now).is_ok());
    }

    #[test]
    fn a_full_table_is_bounded_and_still_limits() {
        let limiter = RateLimiter::new(1, 1, SHARDS * 2).unwrap();
        let now = Instant::now();
        assert!(limiter.check(subject(1), now).is_ok());
        assert!(limiter.check(subject(2), now).is_ok());
        assert!(limiter.check(subject(3), now).is_ok(), "the shared bucket has one token");
        assert!(limiter.check(subject(4), now).is_err(), "and no second");
        assert!(limiter.check(subject(1), now).is_err(), "a known subject was not forgotten for them");
        let later = now + Duration::from_secs(2);
        assert!(limiter.check(subject(5), later).is_ok());
        assert!(limiter.check(subject(6), later).is_ok(), "idle subjects made room");
    }

    #[test]
    fn a_rate_of_zero_limits_nothing() {
        assert!(RateLimiter::new(0, 5, 100).is_none());
    }
}
