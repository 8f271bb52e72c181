//! The message bus in memory: [`topics`], [`log`] and [`subscription`] hold the logic, free of awaits; [`MemoryBus`] puts a
//! lock and a wake-up around it.

mod consumer;
mod faults;
mod handle;
mod log;
mod subscription;
mod topics;

pub use faults::BusFaults;
pub use handle::MemoryBus;
