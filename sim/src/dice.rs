//! Random numbers of a named source: a function of the seed and the name, so that one source's draws never shift another's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coherence::Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The random numbers of one source.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// The source `name` under `seed`.
    pub fn of(seed: u64, name: &str) -> Self {
        Self(AtomicU64::new(xxh3_64_with_seed(name.as_bytes(), seed)))
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&self, end: u64) -> u64 {
        self.next_u64().checked_rem(end).unwrap_or_default()
    }

    /// A number of `from..=to`.
    pub fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// A duration of `from..=to` milliseconds.
    pub fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.between(from, to))
    }

    /// True with this chance in a thousand.
    pub fn permille(&self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    /// One of `items`, if there are any.
    pub fn pick<'t, T>(&self, items: &'t [T]) -> Option<&'t T> {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap_or_default();
        items.get(index)
    }
}

impl Rng for Dice {
    /// SplitMix64.
    fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
