//! Redis servers for tests: local processes, on free ports of 127.0.0.1, that end with the test.

mod cluster;
mod plain;
mod process;
mod require;

pub(crate) use cluster::Cluster;
pub(crate) use plain::{Plain, Reply};
pub(crate) use process::{Options, Server, wait_until};
pub(crate) use require::{Backend, is_required, require};
