//! `smartpulse incarnation`.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::ConfigArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::wiring;

/// Begins a new life of the database, when its history was replaced without `smartpulse restore`
#[derive(Debug, Args)]
#[command(after_help = "Example:
  smartpulse incarnation raise

The incarnation is the first number of X-Version. A higher one makes every cache, client and event forget the versions \
before it. `smartpulse restore` raises it by itself; this is for a file that was copied back by hand, also while services \
run on it.")]
pub(super) struct IncarnationCommand {
    /// What to do with it
    #[arg(value_enum)]
    action: Action,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Begins the next one
    Raise,
}

impl IncarnationCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let config = self.config.load(surroundings)?.config;
        let Action::Raise = self.action;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
        let (database, raised) = runtime.block_on(wiring::raise_incarnation(&config))?;
        Ok(writeln!(surroundings.out, "{database} is in incarnation {raised} now")?)
    }
}
