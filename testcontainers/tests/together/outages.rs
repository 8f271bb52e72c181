//! What breaks, and for how long.

use std::time::Duration;

use containers::Absence;
use containers::pulsar::Broker;

use crate::calm::block_on;
use crate::group::NODES;
use crate::scene::Scene;
use crate::tickets;

const STARTS_MAX: Duration = Duration::from_secs(60);

async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Everything that passes quickly, on one group, one after the other.
pub(crate) fn short(broker: &Broker) -> Result<(), Absence> {
    println!();
    block_on(async {
        let mut scene = Scene::begin(broker, true).await?;
        scene
            .fault("redis killed for 2 s", async |scene| {
                let ticket = tickets::new(&scene.group.world).await;
                scene.redis.kill();
                tickets::cannot_be_judged(&scene.group.world, &ticket).await;
                sleep(2).await;
                scene.redis.restart();
                tickets::is_good(&scene.group.world, &ticket).await;
            })
            .await;
        scene
            .fault("redis emptied", async |scene| {
                scene.redis.plain().must(&["FLUSHALL"]);
            })
            .await;
        scene
            .fault("connections to redis killed", async |scene| {
                for kind in ["normal", "pubsub"] {
                    scene.redis.plain().must(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]);
                }
            })
            .await;
        let namespace = scene.group.namespace.clone();
        scene
            .fault("topics of pulsar unloaded", async |_| {
                broker.admin().expect("PUT", &format!("namespaces/{namespace}/unload"), "");
            })
            .await;
        for role in ["tracker", "sync"] {
            let what = format!("the process of the {role} killed and started again");
            scene.fault(&what, async |scene| killed(scene, scene.group.leader(role).await).await).await;
        }
        let (tracker, sync) = (scene.group.leader("tracker").await, scene.group.leader("sync").await);
        let other = (0..NODES).find(|node| ![tracker, sync].contains(node)).unwrap();
        scene.fault("another process killed and started again", async |scene| killed(scene, other).await).await;
        scene.end().await;
        Ok(())
    })
}

/// The others must go on without it: a new leader, if it was one, and trust everywhere.
async fn killed(scene: &mut Scene, node: usize) {
    scene.group.kill(node);
    sleep(2).await;
    for other in (0..NODES).filter(|other| *other != node) {
        assert!(scene.group.is_trusted(other).await, "node {other} lost its lease\n{}", scene.group.logs());
    }
    scene.group.start_again(node);
    scene.group.until_answers(node, STARTS_MAX).await;
}

fn once(
    broker: &Broker,
    durable: bool,
    what: &str,
    fault: impl AsyncFnOnce(&mut Scene) -> Result<(), Absence>,
) -> Result<(), Absence> {
    println!();
    block_on(async {
        let mut scene = Scene::begin(broker, durable).await?;
        let mut outcome = Ok(());
        scene.fault(what, async |scene| outcome = fault(scene).await).await;
        outcome?;
        scene.end().await;
        Ok(())
    })
}

pub(crate) fn redis_is_away(broker: &Broker) -> Result<(), Absence> {
    once(broker, true, "redis killed for 25 s", async |scene| {
        scene.redis.kill();
        sleep(25).await;
        scene.redis.restart();
        Ok(())
    })
}

pub(crate) fn redis_comes_back_empty(broker: &Broker) -> Result<(), Absence> {
    once(broker, false, "redis killed for 2 s, its data lost", async |scene| {
        scene.redis.kill();
        sleep(2).await;
        scene.redis.restart();
        Ok(())
    })
}

pub(crate) fn redis_is_frozen(broker: &Broker) -> Result<(), Absence> {
    once(broker, false, "redis frozen for 10 s", async |scene| {
        scene.redis.freeze();
        sleep(10).await;
        scene.redis.thaw();
        Ok(())
    })
}

/// Longer than the client's own supervision lasts, which ends without a word after 41 s.
pub(crate) fn pulsar_is_away(broker: &Broker) -> Result<(), Absence> {
    let mut process = broker.process()?;
    once(broker, false, "pulsar killed for 50 s", async |_| {
        process.kill();
        sleep(50).await;
        process.start_again()
    })
}

/// Longer than the client's patience: half-open connections.
pub(crate) fn pulsar_is_frozen(broker: &Broker) -> Result<(), Absence> {
    let process = broker.process()?;
    once(broker, false, "pulsar frozen for 12 s", async |_| {
        process.freeze();
        sleep(12).await;
        process.thaw();
        Ok(())
    })
}
