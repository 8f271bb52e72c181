//! Outages under load, with the guarantees C1 to C3 and C7 checked at every read.

use std::time::Duration;

use super::conformance::block_on;
use super::harness::{Backend, Cluster, Options, Server, wait_until};
use super::suite::{Needs, Test};
use super::system::Running;

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "outages::none", needs: Needs::Processes, run: none },
    &Test { name: "outages::killed_for_2_s_and_its_data_lost", needs: Needs::Processes, run: killed_and_empty },
    &Test { name: "outages::killed_for_2_s_and_its_data_kept", needs: Needs::Processes, run: killed_and_kept },
    &Test { name: "outages::killed_for_25_s", needs: Needs::Processes, run: killed_for_long },
    &Test { name: "outages::connections_killed", needs: Needs::Processes, run: connections_killed },
    &Test { name: "outages::frozen_for_10_s", needs: Needs::Processes, run: frozen },
    &Test { name: "outages::emptied", needs: Needs::Processes, run: emptied },
    &Test { name: "outages::a_replica_1_s_behind_is_promoted", needs: Needs::Processes, run: promoted },
    &Test { name: "outages::a_master_of_a_cluster_is_killed", needs: Needs::Processes, run: failed_over },
];

/// How long the system runs before and after a fault.
const CALM: Duration = Duration::from_secs(2);

/// The system on one server, with a fault in the middle.
fn on_one_server(what: &str, options: Options, fault: impl AsyncFnOnce(&mut Server)) {
    let mut server = Server::start(options);
    block_on(async {
        let mut running = Running::start(&server.url(), &server.url());
        running.wait_until_trusted().await;
        running.load();
        running.go_on(CALM).await;
        fault(&mut server).await;
        let recovered = running.wait_until_trusted().await;
        println!("{what}: trusted again {recovered:?} after its end");
        running.go_on(CALM).await;
        running.judge(what).await;
    });
}

fn none(_: &Backend) {
    on_one_server("no outage", Options::default(), async |_| {});
}

async fn kill_for(server: &mut Server, duration: Duration) {
    server.kill();
    tokio::time::sleep(duration).await;
    server.restart();
}

fn killed_and_empty(_: &Backend) {
    let fault = async |server: &mut Server| kill_for(server, Duration::from_secs(2)).await;
    on_one_server("killed for 2 s, data lost", Options::default(), fault);
}

fn killed_and_kept(_: &Backend) {
    let fault = async |server: &mut Server| kill_for(server, Duration::from_secs(2)).await;
    on_one_server("killed for 2 s, data kept", Options { durable: true, ..Options::default() }, fault);
}

fn killed_for_long(_: &Backend) {
    let fault = async |server: &mut Server| kill_for(server, Duration::from_secs(25)).await;
    on_one_server("killed for 25 s", Options::default(), fault);
}

fn connections_killed(_: &Backend) {
    on_one_server("connections killed", Options::default(), async |server| {
        for _ in 0..10 {
            let mut plain = server.plain();
            for kind in ["normal", "pubsub"] {
                plain.must(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]);
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    });
}

fn frozen(_: &Backend) {
    on_one_server("frozen for 10 s", Options::default(), async |server| {
        server.freeze();
        tokio::time::sleep(Duration::from_secs(10)).await;
        server.thaw();
    });
}

fn emptied(_: &Backend) {
    on_one_server("emptied", Options::default(), async |server| {
        server.plain().must(&["FLUSHALL"]);
    });
}

/// The system on a cluster whose masters have replicas.
fn on_a_cluster(what: &str, fault: impl AsyncFnOnce(&mut Cluster)) {
    let mut cluster = Cluster::start(3);
    block_on(async {
        let mut running = Running::start(&cluster.first_url(), &cluster.url());
        running.wait_until_trusted().await;
        running.load();
        running.go_on(CALM).await;
        fault(&mut cluster).await;
        let recovered = running.wait_until_trusted().await;
        println!("{what}: trusted again {recovered:?} after its end");
        running.go_on(CALM).await;
        running.judge(what).await;
    });
}

fn promoted(_: &Backend) {
    on_a_cluster("replicas 1 s behind promoted", async |cluster| {
        for (master, replica) in cluster.masters.iter().zip(&cluster.replicas) {
            // It cannot come back: the master knows no password.
            replica.plain().must(&["CONFIG", "SET", "masterauth", "no"]);
            master.plain().must(&["CLIENT", "KILL", "TYPE", "replica"]);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (master, replica) in cluster.masters.iter_mut().zip(&cluster.replicas) {
            let behind = replica.plain().must(&["INFO", "replication"]);
            assert!(behind.text().contains("master_link_status:down"), "{behind:?}");
            master.kill();
            replica.plain().must(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
        }
    });
}

fn failed_over(_: &Backend) {
    on_a_cluster("a master of a cluster killed", async |cluster| {
        let replica = &cluster.replicas[1];
        cluster.masters[1].kill();
        let took = tokio::task::block_in_place(|| {
            wait_until("the replica takes over", Duration::from_secs(20), || {
                replica.plain().must(&["INFO", "replication"]).text().contains("role:master")
            })
        });
        println!("the replica took over after {took:?}");
    });
}
