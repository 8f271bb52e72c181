//! The services under load, and one fault after the other.

use std::time::{Duration, Instant};

use containers::Absence;
use containers::pulsar::Broker;

use crate::group::{Group, NODES, own_redis};
use crate::load::{Load, write};
use crate::redis::{Options, Server};

/// How long it runs before and after a fault.
const CALM: Duration = Duration::from_secs(3);
const WRITERS: usize = 2;
const WRITE_PAUSE: Duration = Duration::from_millis(60);
/// From the moment when everything is there again until all nodes are as before.
const RECOVERY_MAX: Duration = Duration::from_secs(5);
/// What a second of that carries of what was left behind.
const BACKLOG_PER_S: u32 = 200;
/// What a second of that carries of what was left behind, in a build with its assertions.
const BACKLOG_PER_S_DEBUG: u32 = 100;
/// What an idle machine takes for the same without a fault. One that is busy with other things takes longer for both, and
/// gets as many times as long for what it must do afterwards.
const CALM_WHEN_IDLE: Duration = Duration::from_millis(500);
/// But not more: what is as slow as this is not the machine.
const SLOWNESS_MAX: f64 = 2.0;
/// Without a fault, also on a busy machine.
const CALM_MAX: Duration = Duration::from_secs(5);
/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Scene {
    pub(crate) group: Group,
    pub(crate) redis: Server,
    load: Option<Load>,
}

impl Scene {
    /// With a Redis that keeps its data over a kill, or not.
    pub(crate) async fn begin(broker: &Broker, durable: bool) -> Result<Self, Absence> {
        let redis = own_redis(Options { durable, ..Options::default() })?;
        let group = Group::start(broker, &redis.url()).await;
        Ok(Self::on(group, redis).await)
    }

    /// On services that run.
    pub(crate) async fn on(group: Group, redis: Server) -> Self {
        let load = Load::reads(&group.world).and_writes(&group.world, WRITERS, WRITE_PAUSE);
        tokio::time::sleep(CALM).await;
        Self { group, redis, load: Some(load) }
    }

    /// Something breaks; `fault` ends when it is whole again. Then all must be as before, by itself.
    pub(crate) async fn fault(&mut self, what: &str, fault: impl AsyncFnOnce(&mut Self)) {
        let calm = Instant::now();
        self.flows(PATIENCE).await;
        let calm = calm.elapsed();
        let (begun, before) = (Instant::now(), self.group.world.ledger.counts());
        fault(self).await;
        let (back, during) = (Instant::now(), self.group.world.ledger.counts());
        let backlog = u32::try_from(during.acked - before.acked).unwrap();
        self.flows(PATIENCE).await;
        let took = back.elapsed();
        let after = self.group.world.ledger.counts();
        println!(
            "  {what}: away for {:.1?}, {backlog} writes meanwhile; all as before {took:.1?} after (calm: {calm:.1?}); refused: {} reads, {} writes; \
             {} marked as stale, {} resets",
            back - begun,
            after.reads_refused - before.reads_refused,
            after.writes_refused - before.writes_refused,
            after.stale - before.stale,
            after.resets - before.resets,
        );
        let violations = self.group.world.ledger.violations();
        assert!(violations.is_empty(), "{what}: {}\n{}", violations.join("\n"), self.group.logs());
        assert!(calm < CALM_MAX, "{what}: {calm:?} without a fault\n{}", self.group.logs());
        let slowness = (calm.as_secs_f64() / CALM_WHEN_IDLE.as_secs_f64()).clamp(1.0, SLOWNESS_MAX);
        let per_s = if cfg!(debug_assertions) { BACKLOG_PER_S_DEBUG } else { BACKLOG_PER_S };
        let at_most = (RECOVERY_MAX + Duration::from_secs(1) * backlog / per_s).mul_f64(slowness);
        assert!(took < at_most, "{what}: {took:?}, at most {at_most:?}\n{}", self.group.logs());
        tokio::time::sleep(CALM).await;
    }

    /// Waits until all nodes are trusted and a new write on each of them has come to the streams of all.
    async fn flows(&mut self, within: Duration) {
        let begun = Instant::now();
        self.group.until_trusted(within).await;
        let (world, mut n) = (self.group.world.clone(), 0);
        for node in 0..NODES {
            // The n-th goes to this node, and to a forecast of which `newest` is at least what it made.
            while n % NODES != node || write(&world, n).await.is_err() {
                n += 1;
                assert!(begun.elapsed() < within, "node {node} takes no writes\n{}", self.group.logs());
            }
            let id = world.ids[n % world.ids.len()];
            let version = world.ledger.newest(id);
            for other in 0..NODES {
                while world.ledger.newest_told(other, id) < version {
                    let waits = begun.elapsed() < within;
                    assert!(waits, "node {other} was not told of {version:?} of {id}\n{}", self.group.logs());
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }

    /// Nothing was lost, and no guarantee was broken.
    pub(crate) async fn end(mut self) {
        if let Some(load) = self.load.take() {
            load.end().await;
        }
        let converged = self.group.converged(RECOVERY_MAX).await;
        println!("  every process equal to the store {converged:?} after the last write");
        self.group.finish().await;
    }
}
