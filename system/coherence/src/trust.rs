//! Whether the local tiers may be trusted now: the lease as the read path sees it.
//!
//! A lease is held as a monotonic and a wall deadline, and the earlier counts (DESIGN section 3.5): the monotonic one
//! stands still where a machine sleeps, the wall one jumps where a clock is set. A hit compares both with two loads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::ambient::WallClock;
use crate::mutant;
use crate::version::StreamEpoch;

/// Until when something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) monotonic: Instant,
    pub(crate) wall: Timestamp,
}

#[derive(Debug, Default)]
struct Term {
    /// Nanoseconds since [`Trust::base`]; zero: not held.
    monotonic: AtomicU64,
    /// Microseconds since 1970.
    wall: AtomicI64,
}

/// The lease of one cache. Where the policy has none, everything is trusted always.
pub(crate) struct Trust {
    leased: bool,
    base: Instant,
    /// The wall clock at `base`.
    base_wall: Timestamp,
    clock: Arc<dyn WallClock>,
    local: Term,
    shared: Term,
    /// When the source was last read to its end, as far as the local tiers show it; nanoseconds since `base`.
    verified: AtomicU64,
    epoch: AtomicU64,
}

impl Trust {
    pub(crate) fn new(leased: bool, clock: Arc<dyn WallClock>) -> Self {
        Self {
            leased,
            // A moment before now, so that zero is always the past.
            base: Instant::now().checked_sub(Duration::from_nanos(1)).unwrap_or_else(Instant::now),
            base_wall: clock.now(),
            clock,
            local: Term::default(),
            shared: Term::default(),
            verified: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_leased(&self) -> bool {
        self.leased
    }

    pub(crate) fn clock(&self) -> &Arc<dyn WallClock> {
        &self.clock
    }

    /// Whether L1, L2 and the output cache may answer.
    pub(crate) fn may_answer(&self, now: Instant) -> bool {
        self.is_held(now) || mutant!(LocalTrustedWhileSuspect)
    }

    /// Whether the lease holds, where there is one.
    pub(crate) fn is_held(&self, now: Instant) -> bool {
        let ever = mutant!(LeaseNeverExpires) && self.ends() > self.base;
        !self.leased || self.is_before(&self.local, now) || ever
    }

    /// Whether L3 may answer: its head is fresh, or the local tiers, which follow it, are trusted.
    pub(crate) fn shared_is_held(&self, now: Instant) -> bool {
        self.is_held(now) || self.is_before(&self.shared, now)
    }

    fn is_before(&self, term: &Term, now: Instant) -> bool {
        let lasts = self.nanos(now) < term.monotonic.load(Ordering::Acquire);
        (lasts || mutant!(LeaseByWallClock)) && self.clock.now().as_microsecond() < term.wall.load(Ordering::Acquire)
    }

    /// When the local tiers lost, or will lose, their trust.
    pub(crate) fn ends(&self) -> Instant {
        self.instant(self.local.monotonic.load(Ordering::Acquire))
    }

    /// Prolongs the lease; it never gets shorter by this.
    pub(crate) fn extend(&self, until: Deadline, verified: Instant) {
        self.prolong(&self.local, until);
        self.verified.fetch_max(self.nanos(verified), Ordering::AcqRel);
    }

    /// The stored head is fresh until then.
    pub(crate) fn extend_shared(&self, until: Deadline) {
        self.prolong(&self.shared, until);
    }

    /// Ends all trust now.
    #[cfg(test)]
    pub(crate) fn revoke(&self) {
        for term in [&self.local, &self.shared] {
            term.monotonic.store(0, Ordering::Release);
            term.wall.store(0, Ordering::Release);
        }
    }

    fn prolong(&self, term: &Term, until: Deadline) {
        term.monotonic.fetch_max(self.nanos(until.monotonic), Ordering::AcqRel);
        term.wall.fetch_max(until.wall.as_microsecond(), Ordering::AcqRel);
    }

    /// How old an answer from a local tier is: its source was read at `read_at`, and the tiers were verified since.
    pub(crate) fn age(&self, read_at: Instant, now: Instant) -> Duration {
        let verified = if self.leased { self.instant(self.verified.load(Ordering::Acquire)) } else { read_at };
        now.saturating_duration_since(read_at.max(verified))
    }

    /// The moment that entries' lives are compared with: `now`, which no clock that is set moves.
    pub(crate) fn life_clock(&self, now: Instant) -> Instant {
        match mutant!(TtlByWallClock) {
            true => self.base + Duration::try_from(self.clock.now().duration_since(self.base_wall)).unwrap_or_default(),
            false => now,
        }
    }

    /// The epoch of the stream that the local tiers follow.
    pub(crate) fn epoch(&self) -> StreamEpoch {
        StreamEpoch(self.epoch.load(Ordering::Acquire))
    }

    pub(crate) fn set_epoch(&self, epoch: StreamEpoch) {
        self.epoch.store(epoch.0, Ordering::Release);
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.base).as_nanos()).unwrap_or(u64::MAX)
    }

    fn instant(&self, nanos: u64) -> Instant {
        self.base + Duration::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestClock;

    fn until(clock: &TestClock, life: Duration) -> Deadline {
        Deadline { monotonic: Instant::now() + life, wall: clock.now().checked_add(life).unwrap() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_deadlines_counts() {
        let clock = TestClock::new();
        let trust = Trust::new(true, clock.clone());
        assert!(!trust.is_held(Instant::now()), "nobody said anything yet");
        trust.extend(until(&clock, Duration::from_secs(3)), Instant::now());
        assert!(trust.is_held(Instant::now()));
        clock.step(Duration::from_secs(3));
        assert!(!trust.is_held(Instant::now()), "the wall clock says it is over");
        clock.step_back(Duration::from_secs(3));
        assert!(trust.is_held(Instant::now()));
        tokio::time::advance(Duration::from_secs(3)).await;
        clock.step_back(Duration::from_secs(3));
        assert!(!trust.is_held(Instant::now()), "the monotonic clock says it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_beacon_shortens_nothing_and_a_revocation_ends_all() {
        let clock = TestClock::new();
        let trust = Trust::new(true, clock.clone());
        trust.extend(until(&clock, Duration::from_secs(3)), Instant::now());
        trust.extend(until(&clock, Duration::from_secs(1)), Instant::now());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(trust.is_held(Instant::now()) && trust.shared_is_held(Instant::now()));
        trust.revoke();
        assert!(!trust.is_held(Instant::now()) && !trust.shared_is_held(Instant::now()));
        trust.extend_shared(until(&clock, Duration::from_secs(1)));
        assert!(!trust.is_held(Instant::now()) && trust.shared_is_held(Instant::now()));
    }
}
