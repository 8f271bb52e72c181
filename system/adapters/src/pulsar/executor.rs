//! The client's executor: tokio's, which also counts the tasks.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use pulsar::executor::{Delay, ExecutorKind, Interval, JoinHandle};
use pulsar::{Executor, TokioExecutor};
use tokio::sync::watch;

/// Tokio, and how many tasks a client spawned.
///
/// A consumer that rests spawns none; one that joins again after a loss must, for the messages of its new stay, and does so
/// before the first of them can be seen. So a task is the one sign of a reconnection that the crate gives.
#[derive(Clone)]
pub(super) struct Watched {
    tasks: watch::Sender<u64>,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self { tasks: watch::Sender::new(0) }
    }

    /// The count; what is spawned from now on is a change.
    pub(super) fn tasks(&self) -> watch::Receiver<u64> {
        self.tasks.subscribe()
    }
}

impl Executor for Watched {
    fn spawn(&self, f: Pin<Box<dyn Future<Output = ()> + Send>>) -> Result<(), ()> {
        self.tasks.send_modify(|tasks| *tasks += 1);
        TokioExecutor.spawn(f)
    }

    fn spawn_blocking<F, Res>(&self, f: F) -> JoinHandle<Res>
    where
        F: FnOnce() -> Res + Send + 'static,
        Res: Send + 'static,
    {
        TokioExecutor.spawn_blocking(f)
    }

    fn interval(&self, duration: Duration) -> Interval {
        TokioExecutor.interval(duration)
    }

    fn delay(&self, duration: Duration) -> Delay {
        TokioExecutor.delay(duration)
    }

    fn kind(&self) -> ExecutorKind {
        TokioExecutor.kind()
    }
}
