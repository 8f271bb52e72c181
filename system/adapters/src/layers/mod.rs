//! What goes around any adapter: deadlines and counts. Decorators of the ports, put on by wiring; each takes and is an
//! `Arc<dyn Port>`, so that they stack in any order.

pub mod meter;
mod notifications;
pub mod timeout;
