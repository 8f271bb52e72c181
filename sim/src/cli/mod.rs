//! The command line.

mod args;
mod child;
mod list;
mod meta;
mod one;
mod swarm;
mod trace;

pub use args::main;
