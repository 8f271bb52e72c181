//! The in-process forms pass the suites of their ports.

use std::sync::Arc;

use coherence::backplane::{Backplane, MemoryBackplane, MemoryBackplaneLimits};
use coherence::testing::LossyBackplane;

#[tokio::test]
async fn the_memory_backplane_is_one() {
    let backplane = MemoryBackplane::new(MemoryBackplaneLimits::default()).into_port();
    coherence::backplane::conformance::run_all(&backplane, "memory").await;
}

#[tokio::test]
async fn a_lossy_backplane_that_loses_nothing_is_one() {
    let inner = MemoryBackplane::new(MemoryBackplaneLimits::default()).into_port();
    let backplane: Arc<dyn Backplane> = Arc::new(LossyBackplane::new(inner));
    coherence::backplane::conformance::run_all(&backplane, "lossy").await;
}
