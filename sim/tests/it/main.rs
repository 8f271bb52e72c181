//! The simulation's own tests: it repeats itself, and a fixed set of seeds passes.
#![allow(clippy::unwrap_used, reason = "a test")]

mod meta;
mod program;
mod replay;
mod seeds;
mod shrink;
