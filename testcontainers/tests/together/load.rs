//! Readers, listeners and writers on all nodes, at a pace that a small machine holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use containers::check::By;
use tokio::task::JoinHandle;

use crate::client::Refused;
use crate::group::{NODES, World};
use crate::stream::Listener;

const READ_PAUSE: Duration = Duration::from_millis(15);
/// After a refusal.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
/// Every so many reads of a node one is a list, or names a minimum.
const LIST_EACH: usize = 20;
const MINIMUM_EACH: usize = 7;

/// What runs until it is ended.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    listeners: Vec<JoinHandle<()>>,
}

impl Load {
    /// A reader and a listener of each node.
    pub(crate) fn reads(world: &Arc<World>) -> Self {
        let (mut tasks, mut listeners) = (Vec::new(), Vec::new());
        let stop = Arc::new(AtomicBool::new(false));
        for node in 0..NODES {
            tasks.push(tokio::spawn(read(Arc::clone(world), node, Arc::clone(&stop))));
            let listener = Listener::new(node, &world.bases[node], &world.client, &world.ledger);
            listeners.push(tokio::spawn(listener.run()));
        }
        Self { stop, tasks, listeners }
    }

    /// So many writers beside them, each with a pause after every write.
    pub(crate) fn and_writes(mut self, world: &Arc<World>, writers: usize, pause: Duration) -> Self {
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..writers {
            let (world, count, stop) = (Arc::clone(world), Arc::clone(&count), Arc::clone(&self.stop));
            self.tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let _refusals_are_counted = write(&world, count.fetch_add(1, Ordering::Relaxed)).await;
                    tokio::time::sleep(pause).await;
                }
            }));
        }
        self
    }

    /// Ends it.
    pub(crate) async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        for listener in self.listeners {
            listener.abort();
        }
    }
}

/// The n-th write, round robin over nodes and forecasts.
pub(crate) async fn write(world: &World, n: usize) -> Result<(), Refused> {
    let World { client, ledger, bases, ids } = world;
    let (node, id) = (n % NODES, ids[n % ids.len()]);
    let (before, number) = (ledger.newest(id), ledger.number());
    let (asked, _) = ledger.asking(node, &[]);
    ledger.sending(id, number);
    match client.patch(&bases[node], id, number).await {
        Ok(shown) => {
            ledger.acked(&asked, before, id, number, shown);
            Ok(())
        }
        Err(refused) => {
            ledger.write_refused();
            Err(refused)
        }
    }
}

async fn read(world: Arc<World>, node: usize, stop: Arc<AtomicBool>) {
    let mut n = node;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let answered = match n {
            n if n.is_multiple_of(LIST_EACH) => read_list(&world, node).await,
            n => read_one(&world, node, n).await,
        };
        if answered.is_err() {
            world.ledger.read_refused();
        }
        tokio::time::sleep(if answered.is_ok() { READ_PAUSE } else { REFUSED_PAUSE }).await;
    }
}

async fn read_one(world: &World, node: usize, n: usize) -> Result<(), Refused> {
    let World { client, ledger, bases, ids } = world;
    let id = ids[n % ids.len()];
    let least = ledger.newest(id).filter(|_| n.is_multiple_of(MINIMUM_EACH));
    let (asked, bounds) = ledger.asking(node, &[id]);
    let shown = client.get(&bases[node], id, least).await?;
    ledger.seen(&asked, &bounds[0], shown, least.map_or(By::Get, By::Minimum));
    Ok(())
}

async fn read_list(world: &World, node: usize) -> Result<(), Refused> {
    let World { client, ledger, bases, ids } = world;
    let (asked, bounds) = ledger.asking(node, ids);
    let (items, _) = client.list(&bases[node]).await?;
    for bounds in &bounds {
        let item = items.iter().find(|(id, _)| *id == bounds.id);
        let (_, shown) = item.expect("nothing was deleted");
        ledger.seen(&asked, bounds, *shown, By::List);
    }
    Ok(())
}
