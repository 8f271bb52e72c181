//! Faults that a test or the simulation injects.

use super::MemoryBus;

/// Breaks the connection between a bus and all its clients, and mends it.
#[derive(Clone)]
pub struct BusFaults {
    bus: MemoryBus,
}

impl BusFaults {
    pub(super) fn new(bus: MemoryBus) -> Self {
        Self { bus }
    }

    /// Cuts every connection: consumers yield `Lost` once and nothing more, calls fail. What was handed out and not
    /// acknowledged is delivered again afterwards.
    pub fn cut(&self) {
        self.bus.shared.topics().cut();
        self.bus.shared.changed.notify_waiters();
    }

    /// The connections are back: consumers yield `Restored`. Durable subscriptions go on where they were; what was
    /// published meanwhile is lost to the others.
    pub fn heal(&self) {
        self.bus.shared.topics().heal();
        self.bus.shared.changed.notify_waiters();
    }
}
