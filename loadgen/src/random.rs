//! Seeded randomness: the same scenario with the same seed asks for the same keys in the same order.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub const fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Zipf's law over `0..size`: item `k` is asked for in proportion to `1 / (k + 1)^exponent`; an exponent of 0 is uniform.
#[derive(Debug, Clone)]
pub struct Zipf {
    /// The chance of all items up to this one.
    cumulative: Vec<f64>,
    /// Which item has which rank: popular items lie anywhere in the population.
    items: Vec<u32>,
}

impl Zipf {
    /// The law over this many items; `seed` decides which of them are the popular ones.
    pub fn new(size: usize, exponent: f64, seed: u64) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=size)
            .map(|rank| {
                sum += (rank as f64).powf(-exponent);
                sum
            })
            .collect();
        for chance in &mut cumulative {
            *chance /= sum;
        }
        let mut items: Vec<u32> = (0..u32::try_from(size).unwrap_or(u32::MAX)).collect();
        let mut random = Random::new(seed ^ 0x5ee0_0000);
        for last in (1..items.len()).rev() {
            items.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
        }
        Self { cumulative, items }
    }

    /// An item.
    pub fn sample(&self, random: &mut Random) -> usize {
        let at = random.unit();
        let rank = self.cumulative.partition_point(|chance| *chance <= at).min(self.items.len().saturating_sub(1));
        self.items.get(rank).map_or(0, |item| *item as usize)
    }

    /// The share of requests that the `count` most popular items get.
    pub fn share_of_top(&self, count: usize) -> f64 {
        match count.min(self.cumulative.len()) {
            0 => 0.0,
            count => self.cumulative[count - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_holds_and_repeats() {
        let zipf = Zipf::new(1_000, 1.0, 7);
        let mut random = Random::new(1);
        let mut counts = vec![0_u32; 1_000];
        let draws: Vec<_> = (0..200_000).map(|_| zipf.sample(&mut random)).collect();
        for item in &draws {
            counts[*item] += 1;
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let top = f64::from(counts[..10].iter().sum::<u32>()) / 200_000.0;
        assert!((top - zipf.share_of_top(10)).abs() < 0.01, "{top}");
        assert!((zipf.share_of_top(1_000) - 1.0).abs() < 1e-9);
        let mut again = Random::new(1);
        assert!(draws.iter().all(|item| *item == zipf.sample(&mut again)));
        assert!(draws.iter().any(|item| *item == Zipf::new(1_000, 1.0, 7).items[0] as usize));
    }
}
