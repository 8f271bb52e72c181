//! Three masters, each with a third of the slots, and perhaps replicas.

use std::time::Duration;

use super::plain::Reply;
use super::process::{Options, Server, wait_until};

/// How long a cluster may take to agree.
const AGREE_MAX: Duration = Duration::from_secs(30);
/// The first and the last slot of each master.
const SLOTS: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];

/// A cluster of this test.
pub(crate) struct Cluster {
    /// The masters, in the order of their slots.
    pub(crate) masters: Vec<Server>,
    /// Replicas: as many as asked for, of the masters in their order.
    pub(crate) replicas: Vec<Server>,
}

impl Cluster {
    /// Starts three masters and so many replicas.
    pub(crate) fn start(replicas: usize) -> Self {
        let options = Options { cluster: true, ..Options::default() };
        let start = |count: usize| (0..count).map(|_| Server::start(options)).collect::<Vec<_>>();
        let cluster = Self { masters: start(3), replicas: start(replicas) };
        for (server, (first, last)) in cluster.masters.iter().zip(SLOTS) {
            server.plain().must(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
        let first = &cluster.masters[0];
        for other in cluster.all().skip(1) {
            let (port, bus) = (other.port().to_string(), other.bus().to_string());
            first.plain().must(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        cluster.wait_until_whole();
        for (replica, master) in cluster.replicas.iter().zip(&cluster.masters) {
            let id = master.plain().must(&["CLUSTER", "MYID"]);
            replica.plain().must(&["CLUSTER", "REPLICATE", id.text()]);
            wait_until("the replica is in step", AGREE_MAX, || {
                replica.plain().must(&["INFO", "replication"]).text().contains("master_link_status:up")
            });
        }
        cluster.wait_until_whole();
        let known = || {
            let count = |server: &Server| {
                let slots = server.plain().must(&["CLUSTER", "SLOTS"]);
                slots.list().iter().map(|range| range.list().len() - 3).sum::<usize>()
            };
            cluster.all().all(|server| count(server) == replicas)
        };
        wait_until("every server knows the replicas", AGREE_MAX, known);
        cluster
    }

    /// All servers.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Server> {
        self.masters.iter().chain(&self.replicas)
    }

    /// Its URL, which names all its servers: a test may kill the rest.
    pub(crate) fn url(&self) -> String {
        let servers: Vec<_> = self.all().map(|server| format!("127.0.0.1:{}", server.port())).collect();
        format!("redis+cluster://{}", servers.join(","))
    }

    /// A URL that names one of its masters: the others are to be found.
    pub(crate) fn first_url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.masters[0].port())
    }

    /// Waits until every server knows all others and every slot is served.
    pub(crate) fn wait_until_whole(&self) {
        let count = format!("cluster_known_nodes:{}", self.all().count());
        for server in self.all() {
            wait_until("the cluster is whole", AGREE_MAX, || match server.plain().must(&["CLUSTER", "INFO"]) {
                Reply::Text(info) => info.contains("cluster_state:ok") && info.contains(&count),
                _ => false,
            });
        }
    }
}
