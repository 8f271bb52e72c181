//! Quantiles of a sample.

use std::time::Duration;

/// The `q`-quantile (0 to 1) of `sample`, by the nearest rank.
pub fn quantile(sample: &mut [Duration], q: f64) -> Duration {
    sample.sort_unstable();
    let last = sample.len().saturating_sub(1);
    sample.get((last as f64 * q).round() as usize).copied().unwrap_or_default()
}

/// The median of numbers.
pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
