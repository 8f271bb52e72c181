//! `smartpulse config`.

use clap::{Args, ValueEnum};

use super::args::ServeArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::config::DEFAULT_TOML;

/// Shows or checks the configuration; it contacts nothing
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse config print
  SMARTPULSE__HTTP__LISTEN=0.0.0.0:80 smartpulse config check
  smartpulse config default > smartpulse.toml")]
pub(super) struct ConfigCommand {
    /// What to do with it
    #[arg(value_enum, default_value_t = Action::Print)]
    action: Action,
    /// The same as `config print`
    #[arg(long, conflicts_with = "action")]
    print: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Each setting with its value and where that comes from; secrets are not shown
    Print,
    /// Says what is wrong, all at once
    Check,
    /// The commented defaults, to begin a file with
    Default,
}

impl ConfigCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        if self.action == Action::Default {
            return Ok(surroundings.out.write_all(DEFAULT_TOML.as_bytes())?);
        }
        let loaded = self.serve.load(surroundings)?;
        match self.action {
            Action::Check => {
                writeln!(surroundings.out, "the configuration is valid (profile {})", loaded.config.profile.as_str())?;
            }
            _ => write!(surroundings.out, "{}", loaded.print())?,
        }
        Ok(())
    }
}
