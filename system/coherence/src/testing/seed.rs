//! A random generator that is the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ambient::Rng;

/// SplitMix64 from a seed.
#[derive(Debug)]
pub struct Seed(AtomicU64);

impl Seed {
    /// The generator of this seed, as the port.
    pub fn rng(seed: u64) -> Arc<dyn Rng> {
        Arc::new(Self(AtomicU64::new(seed)))
    }
}

impl Rng for Seed {
    fn next_u64(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
