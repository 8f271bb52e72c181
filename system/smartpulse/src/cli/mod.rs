//! The command line.
//!
//! [`run()`] parses the arguments and runs one command; each command is a file. What a command needs of its surroundings
//! (environment, clock, randomness, terminal) is handed to it, so that tests run commands as users do.

pub mod args;
pub mod batch_client;
pub mod config;
pub mod error;
pub mod import;
pub mod progress;
pub mod run;
pub mod token;

pub use args::{ConfigArgs, ServeArgs};
pub use error::CliError;
pub use run::{Surroundings, run};
