//! What a deterministic run must control: wall time and randomness, as ports.

use jiff::Timestamp;

/// Wall time. It stamps things for people and messages; it orders nothing and expires nothing (that is
/// [`tokio::time::Instant`]'s work).
pub trait WallClock: Send + Sync + 'static {
    /// The time now, UTC.
    fn now(&self) -> Timestamp;
}

/// Random numbers: seeds of hashers, fill tokens, jitter. The production form must be unpredictable (seeds defend hash
/// tables, tokens defend fills).
pub trait Rng: Send + Sync + 'static {
    /// The next 64 random bits.
    fn next_u64(&self) -> u64;

    /// A random factor in `1.0 - spread ..= 1.0 + spread`, for jitter.
    fn factor(&self, spread: f64) -> f64 {
        // 53 bits are what an f64 holds exactly.
        let unit = (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        1.0 + spread * (2.0 * unit - 1.0)
    }
}
