//! The command line.

mod args;
mod child;
mod commands;
mod list;
mod meta;
#[cfg(feature = "mutants")]
mod mutants;
mod one;
mod report;
mod shrink;
mod story;
mod swarm;
mod trace;

pub use args::main;
