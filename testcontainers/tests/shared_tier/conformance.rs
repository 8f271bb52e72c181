//! `coherence::shared::conformance` and `coherence::backplane::conformance`.

use coherence_redis::{Redis, RedisConfig};
use uuid::Uuid;

use crate::found::Found;

fn block_on(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(case);
}

fn open(found: &Found) -> Redis {
    Redis::open(found.url(), RedisConfig::default()).unwrap()
}

/// What two runs on one server do not share.
fn prefix() -> String {
    format!("t{}", Uuid::new_v4().simple())
}

pub(crate) fn the_shared_tier_conforms(found: &Found) {
    block_on(async { coherence::shared::conformance::run_all(&open(found).shared_tier(), &prefix()).await });
}

pub(crate) fn the_backplane_conforms(found: &Found) {
    block_on(async { coherence::backplane::conformance::run_all(&open(found).backplane(), &prefix()).await });
}
