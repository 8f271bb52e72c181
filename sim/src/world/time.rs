//! The time of what outlives the crash of its host.
//!
//! turmoil gives each start of a host a tokio runtime with a clock of its own, and instants of two such clocks do not
//! compare. The backends live on, so they are polled under one more runtime, whose paused clock the driver moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Builder, Handle, RngSeed, Runtime};

/// When the simulated world begins: 2025-11-12T10:30:00Z.
pub const START_UNIX_S: i64 = 1_762_943_400;

/// The milliseconds that have passed, for whoever only reads them (the trace). Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Millis(Arc<AtomicU64>);

impl Millis {
    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Simulated time, the same for all backends.
#[derive(Debug)]
pub struct SimTime {
    handle: Handle,
    now: Millis,
    /// By how much all wall clocks were stepped together.
    stepped_ms: AtomicI64,
}

/// Who moves [`SimTime`].
#[derive(Debug)]
pub struct TimeMover(Runtime);

impl SimTime {
    /// Time at its start, which `now` tells, and what moves it.
    ///
    /// # Errors
    /// The system gives no runtime.
    pub fn start(seed: u64, now: Millis) -> std::io::Result<(Self, TimeMover)> {
        let seed = RngSeed::from_bytes(&seed.to_le_bytes());
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).rng_seed(seed).build()?;
        // As turmoil does it: from here on the clock stands on whole milliseconds of its own start.
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        let time = Self { handle: runtime.handle().clone(), now, stepped_ms: AtomicI64::new(0) };
        Ok((time, TimeMover(runtime)))
    }

    /// Simulated milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        self.now.get()
    }

    /// The wall clock of the whole place; a host's own may differ from it.
    pub fn wall(&self) -> Timestamp {
        let stepped = self.stepped_ms.load(Ordering::Relaxed);
        let since = i64::try_from(self.now_ms()).unwrap_or(i64::MAX).saturating_add(stepped);
        let since = SignedDuration::from_millis(since);
        Timestamp::from_second(START_UNIX_S).and_then(|start| start.checked_add(since)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Steps all wall clocks together.
    pub fn step_wall(&self, by_ms: i64) {
        self.stepped_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// `future`, polled in this time.
    pub fn inside<F: Future>(&self, future: F) -> Inside<F> {
        Inside { handle: self.handle.clone(), future: Box::pin(future) }
    }

    /// Runs `work` in this time.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let _inside = self.handle.enter();
        work()
    }
}

impl TimeMover {
    /// Moves the time by `by`.
    pub fn advance(&self, time: &SimTime, by: Duration) {
        self.0.block_on(async { tokio::time::advance(by).await });
        time.now.0.fetch_add(u64::try_from(by.as_millis()).unwrap_or_default(), Ordering::Relaxed);
    }
}

/// A future that is polled in [`SimTime`].
pub struct Inside<F> {
    handle: Handle,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let handle = self.handle.clone();
        let _inside = handle.enter();
        self.future.as_mut().poll(cx)
    }
}
