//! The orderly end of an instance.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// A handle to the end of an instance, shared by all its parts. Three steps: *draining* (readiness says 503, everything
/// still works), *closing* (no new connection, running requests finish), *expired* (what still runs is dropped).
#[derive(Debug, Clone)]
pub struct Drain(Arc<Steps>);

#[derive(Debug)]
struct Steps {
    draining: CancellationToken,
    closing: CancellationToken,
    expired: CancellationToken,
    delay: Duration,
    deadline: Duration,
}

impl Drain {
    /// `delay` lets load balancers notice; `deadline` counts from when the listener closes.
    pub fn new(delay: Duration, deadline: Duration) -> Self {
        let [draining, closing, expired] = std::array::from_fn(|_| CancellationToken::new());
        Self(Arc::new(Steps { draining, closing, expired, delay, deadline }))
    }

    /// Begins the end. A second call changes nothing.
    pub fn begin(&self) {
        self.0.draining.cancel();
    }

    /// Ends it now: nothing is waited for. What a second Ctrl-C means.
    pub fn expire(&self) {
        self.0.draining.cancel();
        self.0.closing.cancel();
        self.0.expired.cancel();
    }

    /// Whether readiness must say 503.
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Whether the deadline has passed.
    pub fn is_expired(&self) -> bool {
        self.0.expired.is_cancelled()
    }

    /// Waits for [`Drain::begin`].
    pub fn draining(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.draining.clone().cancelled_owned()
    }

    /// Waits until the listener must close; long-lived answers (event streams) end then too.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.closing.clone().cancelled_owned()
    }

    /// Waits for the deadline.
    pub fn expired(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.expired.clone().cancelled_owned()
    }

    /// Moves from step to step once begun. Someone must run it; [`serve`](super::serve()) does.
    pub async fn drive(&self) {
        self.draining().await;
        tokio::select! {
            biased;
            () = self.closing() => {}
            () = tokio::time::sleep(self.0.delay) => self.0.closing.cancel(),
        }
        tokio::select! {
            biased;
            () = self.expired() => {}
            () = tokio::time::sleep(self.0.deadline) => self.0.expired.cancel(),
        }
    }
}
