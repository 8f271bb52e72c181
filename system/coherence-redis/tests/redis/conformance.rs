//! The conformance suites of both ports, on one server and on a cluster.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use coherence_redis::{Redis, RedisConfig};

use super::harness::{Backend, Cluster, Options, Server};
use super::suite::{Needs, Test};

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "conformance::shared_tier_on_one_server", needs: Needs::Server, run: shared_tier },
    &Test { name: "conformance::backplane_on_one_server", needs: Needs::Server, run: backplane },
    &Test { name: "conformance::both_ports_on_a_cluster", needs: Needs::Processes, run: cluster },
];

/// What two runs on one server do not share.
fn prefix() -> String {
    format!("t{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

/// Runs `test` on a runtime of its own.
pub(crate) fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// The server that was named, or one of its own.
fn server_of(backend: &Backend) -> (String, Option<Server>) {
    match backend {
        Backend::Endpoint(url) => (url.clone(), None),
        Backend::Processes => {
            let server = Server::start(Options::default());
            (server.url(), Some(server))
        }
    }
}

pub(crate) fn open(url: &str) -> Redis {
    Redis::open(url, RedisConfig::default()).unwrap()
}

fn shared_tier(backend: &Backend) {
    let (url, _server) = server_of(backend);
    block_on(async { coherence::shared::conformance::run_all(&open(&url).shared_tier(), &prefix()).await });
}

fn backplane(backend: &Backend) {
    let (url, _server) = server_of(backend);
    block_on(async { coherence::backplane::conformance::run_all(&open(&url).backplane(), &prefix()).await });
}

fn cluster(_: &Backend) {
    let cluster = Cluster::start(0);
    let redis = open(&cluster.url());
    block_on(async {
        // Many prefixes, so that keys and sections lie on all servers.
        for n in 0..4 {
            coherence::shared::conformance::run_all(&redis.shared_tier(), &format!("{}-{n}", prefix())).await;
            let backplane = redis.backplane();
            coherence::backplane::conformance::run_all(&Arc::clone(&backplane), &format!("{}-{n}", prefix())).await;
        }
    });
    for server in &cluster.masters {
        let keys = server.plain().must(&["DBSIZE"]);
        assert!(matches!(keys, super::harness::Reply::Int(1..)), "every server took part: {keys:?}");
    }
}
