//! New ids.

use std::sync::Arc;

use coherence::{Rng, WallClock};
use domain::ports::Ids;
use uuid::{Builder, Uuid};

/// Time-ordered random UUIDs (version 7): new rows go to the end of an index.
pub struct SystemIds {
    clock: Arc<dyn WallClock>,
    rng: Arc<dyn Rng>,
}

impl SystemIds {
    /// Ids from this clock and these random numbers; with seeded ones the ids are the seed's.
    pub fn new(clock: Arc<dyn WallClock>, rng: Arc<dyn Rng>) -> Self {
        Self { clock, rng }
    }
}

impl Ids for SystemIds {
    fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default();
        let mut random = [0; 10];
        let (first, second) = random.split_at_mut(8);
        first.copy_from_slice(&self.rng.next_u64().to_le_bytes());
        second.copy_from_slice(&self.rng.next_u64().to_le_bytes()[..2]);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{SeededRng, SystemClock};

    #[test]
    fn version_7_of_this_moment() {
        let ids = SystemIds::new(Arc::new(SystemClock), Arc::new(SeededRng::new(7)));
        let (first, second) = (ids.uuid(), ids.uuid());
        assert_eq!(first.get_version_num(), 7);
        assert_ne!(first, second);
        let millis = first.as_u128() >> 80;
        let now = SystemClock.now().as_millisecond().unsigned_abs();
        assert!(u128::from(now).abs_diff(millis) < 60_000);
    }
}
