//! The command line.
//!
//! [`run()`] parses the arguments and runs one command; each command is a file. Without one it serves. What a command needs of its surroundings
//! (environment, clock, randomness, terminal) is handed to it, so that tests run commands as users do.

mod admin;
mod admin_client;
pub mod args;
pub mod batch_client;
pub mod config;
mod database;
mod directory;
mod doctor;
pub mod error;
mod health;
pub mod import;
mod incarnation;
mod migrate;
mod openapi;
mod process;
pub mod progress;
pub mod run;
mod serve;
mod signals;
mod target;
pub mod token;
mod vapid_keys;
mod welcome;

pub use args::{ConfigArgs, ServeArgs};
pub use error::CliError;
pub use process::main;
pub use run::{Surroundings, run};
