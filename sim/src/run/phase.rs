//! Where the run is, as clients see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The phases of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Nobody asks.
    Warm,
    /// Load and faults.
    Storm,
    /// No load, no faults.
    Quiet,
    /// Everything is read.
    Final,
    /// With all tiers full and no fault, a few rows are written once more.
    Encore,
    /// Lists are read once more, before one row moves.
    Lists,
    /// Everything is read again.
    Again,
    /// Lists are read once more, after the time that they may live.
    Aged,
}

/// Shared by the driver and the clients. Clones share everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Control {
    phase: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
    requests: Arc<AtomicU64>,
    /// Whether the canary has still to sing.
    canary: Arc<AtomicBool>,
}

impl Control {
    /// With a canary, or without.
    pub(super) fn new(canary: bool) -> Self {
        Self { canary: Arc::new(AtomicBool::new(canary)), ..Self::default() }
    }

    /// Whether this answer of the final reading is to be forged: once, where there is a canary.
    pub(super) fn is_forged(&self) -> bool {
        self.phase() == Phase::Final && self.canary.swap(false, Ordering::Relaxed)
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Warm,
            1 => Phase::Storm,
            2 => Phase::Quiet,
            3 => Phase::Final,
            4 => Phase::Encore,
            5 => Phase::Lists,
            6 => Phase::Again,
            _ => Phase::Aged,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as usize, Ordering::Relaxed);
    }

    /// One reader of the finale is done.
    pub(super) fn finish(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn finished(&self) -> usize {
        self.finished.load(Ordering::Relaxed)
    }

    pub(super) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }
}
