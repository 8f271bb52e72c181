//! The ports over simulated TCP.
//!
//! A frame is 20 bytes: its length, its kind, an id, and a handle into a slab that the whole simulation shares. The typed
//! arguments wait in the slab, so that nothing has to be serialised; what the network does to the frame it does to them.
//!
//! ```text
//!   port ──> Link/Subscribed ──> Conn ──frames──> FaultyStream ~~~ turmoil ~~~> serve() ──> memory adapter
//! ```
//!
//! Partitions that lose a segment kill a stream without a sign, so both sides send pings and give a silent peer up.

mod conn;
mod consumer_session;
mod frame;
mod link;
mod net;
mod server;
mod slab;
mod stream;
mod subscribed;
mod weather;

mod port_backplane;
mod port_bus;
mod port_notify;
mod port_shared;
mod port_store;

pub use link::Link;
pub use net::Net;
pub use port_backplane::RemoteBackplane;
pub use port_bus::RemoteBus;
pub use port_notify::RemoteNotifications;
pub use port_shared::RemoteShared;
pub use port_store::RemoteStore;
pub use server::{Orphans, serve};
pub use slab::Slab;
pub use stream::FaultyStream;
pub use weather::Weather;
