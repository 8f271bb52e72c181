//! The domain from outside: the wire, the edge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod golden;
mod input;
mod list;
mod model;
mod notification;
mod pipeline;
mod service;
mod support;
