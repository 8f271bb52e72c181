//! One Redis with a replica behind one address, as an operator or a cloud moves it: the address goes to a replica that is
//! 1 s behind, and what the master said last is gone.

use std::sync::Arc;
use std::time::Duration;

use containers::Absence;
use containers::pulsar::Broker;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::calm::block_on;
use crate::group::{Group, own_redis};
use crate::redis::{Options, wait_until};
use crate::scene::Scene;

/// How far behind a replica may be (ALGORITHM.md).
const BEHIND: Duration = Duration::from_secs(1);
const IN_STEP_MAX: Duration = Duration::from_secs(20);

/// An address that leads to one port, and later to another one. Connections end when it moves.
struct Address {
    url: String,
    port: Arc<watch::Sender<u16>>,
}

impl Address {
    async fn of(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let port = Arc::new(watch::Sender::new(port));
        let targets = Arc::clone(&port);
        tokio::spawn(async move {
            while let Ok((mut inward, _)) = listener.accept().await {
                let mut target = targets.subscribe();
                tokio::spawn(async move {
                    let port = *target.borrow_and_update();
                    let Ok(mut outward) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                    let _ = (inward.set_nodelay(true), outward.set_nodelay(true));
                    tokio::select! {
                        _moved = target.changed() => {}
                        _ended = tokio::io::copy_bidirectional(&mut inward, &mut outward) => {}
                    }
                });
            }
        });
        Self { url, port }
    }
}

pub(crate) fn a_replica_is_promoted(broker: &Broker) -> Result<(), Absence> {
    println!();
    let (master, replica) = (own_redis(Options::default())?, own_redis(Options::default())?);
    replica.plain().must(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    let is_up = || replica.plain().must(&["INFO", "replication"]).text().contains("master_link_status:up");
    wait_until("the replica is in step", IN_STEP_MAX, is_up);
    block_on(async {
        let address = Address::of(master.port()).await;
        let group = Group::start(broker, &address.url).await;
        let mut scene = Scene::on(group, master).await;
        scene
            .fault("a replica 1 s behind promoted", async |scene| {
                // It cannot come back: the master knows no password.
                replica.plain().must(&["CONFIG", "SET", "masterauth", "no"]);
                scene.redis.plain().must(&["CLIENT", "KILL", "TYPE", "replica"]);
                tokio::time::sleep(BEHIND).await;
                let link = replica.plain().must(&["INFO", "replication"]);
                assert!(link.text().contains("master_link_status:down"), "{link:?}");
                scene.redis.kill();
                replica.plain().must(&["REPLICAOF", "NO", "ONE"]);
                address.port.send_replace(replica.port());
            })
            .await;
        scene.end().await;
    });
    Ok(())
}
