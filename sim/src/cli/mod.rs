//! The command line.

mod args;
mod child;
mod commands;
mod list;
mod meta;
mod one;
mod shrink;
mod story;
mod swarm;
mod trace;

pub use args::main;
