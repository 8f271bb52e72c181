//! Random numbers: the operating system's, and seeded ones for tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use coherence::Rng;

/// How many bytes are taken from the operating system at a time: one call for 64 numbers.
const BUFFER_BYTES: usize = 512;

/// The size of one number.
const NUMBER_BYTES: usize = size_of::<u64>();

/// The operating system's generator, buffered.
#[derive(Debug, Default)]
pub struct SystemRng {
    unused: Mutex<Vec<u8>>,
}

impl Rng for SystemRng {
    // Without randomness there are no unguessable tokens: going on would be worse than stopping.
    #[allow(clippy::panic)]
    fn next_u64(&self) -> u64 {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        if unused.len() < NUMBER_BYTES {
            unused.resize(BUFFER_BYTES, 0);
            if let Err(error) = getrandom::fill(&mut unused) {
                panic!("the operating system gives no random numbers: {error}");
            }
        }
        let rest = unused.len() - NUMBER_BYTES;
        let mut number = [0; NUMBER_BYTES];
        number.copy_from_slice(&unused[rest..]);
        unused.truncate(rest);
        u64::from_le_bytes(number)
    }
}

/// SplitMix64: the same numbers for the same seed. For tests and simulations; anyone can predict it.
#[derive(Debug)]
pub struct SeededRng {
    state: AtomicU64,
}

impl SeededRng {
    /// Starts the sequence of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }
}

impl Rng for SeededRng {
    fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn system_numbers_do_not_repeat_across_the_buffer() {
        let rng = SystemRng::default();
        let numbers: BTreeSet<u64> = (0..1_000).map(|_| rng.next_u64()).collect();
        assert_eq!(numbers.len(), 1_000);
    }

    #[test]
    fn seeded_numbers_are_splitmix64() {
        // The reference implementation's first numbers for this seed.
        let rng = SeededRng::new(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
