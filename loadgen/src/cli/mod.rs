//! The program: `loadgen reads --spawn 3`.

mod args;
mod entry;
mod live;
mod measure;
mod reach;

pub use entry::run;
