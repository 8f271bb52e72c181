//! The simulation's own tests: it repeats itself, and a fixed set of seeds passes.

mod meta;
mod program;
mod seeds;
