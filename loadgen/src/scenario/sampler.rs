//! The servers' own counters, read while a run goes on, on a thread of its own.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::BaseUrl;
use crate::scrape::Scrape;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    /// The counters at the end of the warm-up; nothing if they could not be read, or the run ended before.
    pub(super) warm: Option<Scrape>,
}

/// Reads until it is ended.
pub(super) struct Sampler {
    over: Sender<()>,
    thread: JoinHandle<Sampled>,
}

impl Sampler {
    /// Begins with a run whose warm-up is so long.
    pub(super) fn start(addresses: Vec<BaseUrl>, warm_up: Duration) -> Self {
        let (over, ends) = channel();
        let begun = Instant::now();
        Self { over, thread: thread::spawn(move || sample(&addresses, begun + warm_up, &ends)) }
    }

    /// Ends it: what it has read.
    pub(super) fn end(self) -> Sampled {
        drop(self.over);
        // One that panicked has read nothing, and its figures are missing.
        self.thread.join().unwrap_or_default()
    }
}

/// Whether the run still goes on at this moment.
fn goes_on_until(at: Instant, ends: &Receiver<()>) -> bool {
    let left = at.saturating_duration_since(Instant::now());
    matches!(ends.recv_timeout(left), Err(RecvTimeoutError::Timeout))
}

fn sample(addresses: &[BaseUrl], warm_at: Instant, ends: &Receiver<()>) -> Sampled {
    let mut sampled = Sampled::default();
    if addresses.is_empty() {
        return sampled;
    }
    if goes_on_until(warm_at, ends) {
        sampled.warm = Scrape::read(addresses).ok();
    }
    sampled
}
