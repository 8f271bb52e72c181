//! The tiers, simulated: L1 and L2 of each instance are moka caches bounded by weight, asked and filled in the order in which
//! a read of the server asks and fills them; L3 is shared, first in, first out, with a life. Nothing of the server is linked:
//! what it does is stated here.

use std::collections::VecDeque;

use moka::ops::compute::Op;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::http::Level;
use crate::random::Random;

/// Head of a ready response and its place in L1, beside its body, in bytes.
const L1_OVERHEAD_BYTES: u64 = 1_600 + 320;
/// A document's place in L2, beside its body.
const L2_OVERHEAD_BYTES: u64 = 160 + 320;
/// A value's place in L3, its key (`forecast:<uuid>`) included, beside its body.
const L3_OVERHEAD_BYTES: u64 = 256 + 45;

/// The sizing that a scenario states.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// L1 of each instance, in bytes.
    pub l1_bytes: u64,
    /// L2 of each instance, in bytes.
    pub l2_bytes: u64,
    /// The shared tier, in bytes.
    pub l3_bytes: u64,
    /// Life in L1, in seconds.
    pub l1_ttl_s: u64,
    /// Life in the shared tier, in seconds.
    pub l3_ttl_s: u64,
    /// The share by which lives in L1 are shortened at random, at most.
    pub jitter: f64,
    /// A document's body, in bytes.
    pub body_bytes: u64,
}

impl Sizes {
    /// How many entries fit into L1, L2 and L3.
    pub fn entries(&self) -> [usize; 3] {
        let count =
            |bytes: u64, overhead: u64| usize::try_from(bytes / (overhead + self.body_bytes)).unwrap_or(usize::MAX);
        [
            count(self.l1_bytes, L1_OVERHEAD_BYTES),
            count(self.l2_bytes, L2_OVERHEAD_BYTES),
            count(self.l3_bytes, L3_OVERHEAD_BYTES),
        ]
    }
}

struct Instance {
    /// An entry is the time at which it expires.
    l1: Cache<u32, u64>,
    l2: Cache<u32, ()>,
    /// When each item's floor is over; the server then looks whether L2 holds something below it, and L2 counts that look as
    /// a use.
    floors_ns: Vec<u64>,
    /// Items by the end of their floors; one that was raised again is further back.
    ends: VecDeque<(u32, u64)>,
}

struct Shared {
    /// When each item expires; zero where it is not held.
    expires_ns: Vec<u64>,
    /// Items in the order in which they were stored, with that expiry: one that was stored anew is further back.
    queue: VecDeque<(u32, u64)>,
    held: usize,
    capacity: usize,
}

/// All tiers of all instances.
pub struct Tiers {
    sizes: Sizes,
    instances: Vec<Instance>,
    shared: Shared,
    random: Random,
}

const NS_PER_S: u64 = 1_000_000_000;
/// How long a floor lives once L3 is known to have reached it.
const FLOOR_NS: u64 = 15 * NS_PER_S;
/// About how long before the run the feed told of the seeding.
const SEEDED_BEFORE_NS: u64 = 2 * NS_PER_S;
/// Floors that one raise looks at.
const SWEEP_STEPS_MAX: usize = 4;

impl Tiers {
    /// Empty L1 and L2, and an L3 that holds the last of `seeded` items (in this order), as the change feed leaves it.
    pub fn new(sizes: Sizes, instances: usize, seeded: usize) -> Self {
        let [_, _, capacity] = sizes.entries();
        let cache = |bytes: u64, weight: u64| {
            let weight = u32::try_from(weight).unwrap_or(u32::MAX);
            (bytes, weight)
        };
        let (l1_bytes, l1_weight) = cache(sizes.l1_bytes, L1_OVERHEAD_BYTES + sizes.body_bytes);
        let (l2_bytes, l2_weight) = cache(sizes.l2_bytes, L2_OVERHEAD_BYTES + sizes.body_bytes);
        let items = u32::try_from(seeded).unwrap_or(u32::MAX);
        // The feed has just told all of them.
        let first_end = FLOOR_NS - SEEDED_BEFORE_NS;
        let instance = |_| Instance {
            floors_ns: vec![first_end; seeded],
            ends: (0..items).map(|item| (item, first_end)).collect(),
            l1: Cache::builder().max_capacity(l1_bytes).weigher(move |_, _| l1_weight).build(),
            l2: Cache::builder().max_capacity(l2_bytes).weigher(move |_, ()| l2_weight).build(),
        };
        let mut shared = Shared { expires_ns: vec![0; seeded], queue: VecDeque::new(), held: 0, capacity };
        for item in 0..items {
            shared.store(item, sizes.l3_ttl_s * NS_PER_S);
        }
        Self { sizes, instances: (0..instances).map(instance).collect(), shared, random: Random::new(1) }
    }

    /// A read of an item on an instance, at a time: which tier answers. The tiers are changed as the read changes them.
    pub fn read(&mut self, instance: usize, item: usize, now_ns: u64) -> Level {
        let key = u32::try_from(item).unwrap_or(u32::MAX);
        let expires_ns = now_ns + self.life_ns();
        let own = &self.instances[instance];
        let in_l1 = |own: &Instance| own.l1.get(&key).is_some_and(|expires| now_ns < expires);
        if in_l1(own) {
            return Level::L1;
        }
        if own.l2.get(&key).is_some() {
            own.put_l1(key, expires_ns);
            // The server looks once more while it stores.
            own.l2.get(&key);
            own.settle();
            return Level::L2;
        }
        // The flight looks again before it leaves the process.
        in_l1(own);
        own.l2.get(&key);
        let level = if self.shared.expires_ns.get(item).is_some_and(|expires| now_ns < *expires) {
            Level::L3
        } else {
            self.shared.store(key, now_ns + self.sizes.l3_ttl_s * NS_PER_S);
            Level::L4
        };
        let own = &mut self.instances[instance];
        own.raise(key, now_ns);
        // Learning of the version looks for older views of it.
        own.l1.entry(key).and_compute_with(|_| Op::Nop);
        own.l2.entry(key).and_compute_with(|_| Op::Put(()));
        own.put_l1(key, expires_ns);
        own.settle();
        level
    }

    fn life_ns(&mut self) -> u64 {
        let share = 1.0 - self.sizes.jitter * self.random.unit();
        (self.sizes.l1_ttl_s as f64 * share * 1e9) as u64
    }
}

impl Instance {
    /// Raises an item's floor, and looks at some of those that are over.
    fn raise(&mut self, key: u32, now_ns: u64) {
        let mut looked = 0;
        while looked < SWEEP_STEPS_MAX {
            let Some((item, end)) = self.ends.front().copied().filter(|(_, end)| *end <= now_ns) else { break };
            self.ends.pop_front();
            if self.floors_ns[item as usize] == end {
                looked += 1;
                self.floors_ns[item as usize] = 0;
                self.l2.get(&item);
            }
        }
        let end = now_ns + FLOOR_NS;
        if let Some(floor) = self.floors_ns.get_mut(key as usize) {
            *floor = end;
            self.ends.push_back((key, end));
        }
    }

    fn put_l1(&self, key: u32, expires_ns: u64) {
        self.l1.entry(key).and_compute_with(|_| Op::Put(expires_ns));
    }

    fn settle(&self) {
        self.l1.run_pending_tasks();
        self.l2.run_pending_tasks();
    }
}

impl Shared {
    fn store(&mut self, item: u32, expires_ns: u64) {
        let Some(held) = self.expires_ns.get_mut(item as usize) else { return };
        if *held == 0 {
            self.held += 1;
        }
        *held = expires_ns.max(1);
        self.queue.push_back((item, *held));
        while self.held > self.capacity {
            let Some((oldest, expires)) = self.queue.pop_front() else { return };
            if self.expires_ns[oldest as usize] == expires {
                self.expires_ns[oldest as usize] = 0;
                self.held -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(l1: u64, l2: u64, l3: u64) -> Sizes {
        let body_bytes = 400;
        Sizes {
            l1_bytes: l1 * (L1_OVERHEAD_BYTES + body_bytes),
            l2_bytes: l2 * (L2_OVERHEAD_BYTES + body_bytes),
            l3_bytes: l3 * (L3_OVERHEAD_BYTES + body_bytes),
            l1_ttl_s: 60,
            l3_ttl_s: 300,
            jitter: 0.0,
            body_bytes,
        }
    }

    #[test]
    fn a_key_climbs_the_tiers_and_comes_down_as_they_forget() {
        let mut tiers = Tiers::new(sizes(10, 100, 5), 2, 20);
        assert_eq!(tiers.read(0, 19, 0), Level::L3, "the last of the feed are in L3");
        assert_eq!(tiers.read(0, 19, 1), Level::L1);
        assert_eq!(tiers.read(0, 3, 2), Level::L4, "the first are not");
        assert_eq!(tiers.read(1, 3, 3), Level::L3, "the other instance finds what this one has shared");
        assert_eq!(tiers.read(0, 19, 60 * NS_PER_S), Level::L2, "after its life in L1");
        assert_eq!(tiers.read(1, 19, 300 * NS_PER_S), Level::L4, "after its life in L3");
    }

    #[test]
    fn l3_forgets_the_oldest_first() {
        let mut tiers = Tiers::new(sizes(1_000, 1_000, 5), 2, 20);
        for item in 0..5 {
            assert_eq!(tiers.read(0, item, 0), Level::L4);
        }
        assert_eq!(tiers.read(1, 4, 1), Level::L3);
        assert_eq!(tiers.read(1, 19, 1), Level::L4, "five newer ones came");
    }

    #[test]
    fn what_fits_is_what_the_sizes_say() {
        assert_eq!(sizes(10, 100, 5).entries(), [10, 100, 5]);
    }
}
