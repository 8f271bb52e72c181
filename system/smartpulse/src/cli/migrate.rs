//! `smartpulse migrate`.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::ConfigArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::wiring::{self, MigrationPhase, Standing};

/// Makes the database, or brings it to what this release needs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse migrate --data-dir /var/lib/smartpulse
  smartpulse migrate --profile production --check
  smartpulse migrate --profile production --dry-run
  smartpulse migrate --profile production
  smartpulse migrate --profile production --phase contract

A database file of the embedded default is migrated by `serve` too. Production never migrates by itself: `serve` refuses a \
database that is behind. A release is brought in three steps, while the release before serves: `migrate` (phase expand: it \
takes nothing away), then the new processes, then `migrate --phase contract`, when no process of the release before runs any \
more. Where cdc.mode = \"cdc\" both phases renew the capture instance too.")]
pub(super) struct MigrateCommand {
    /// Says what is due, and changes nothing; the exit code is 1 while something of the phase is due
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Prints the statements that would run, and runs none
    #[arg(long)]
    dry_run: bool,
    /// How far to go
    #[arg(long, value_enum, default_value_t = Phase::Expand)]
    phase: Phase,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// What the release before does not mind
    Expand,
    /// Also what takes away what only the release before used
    Contract,
}

impl MigrateCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let config = self.config.load(surroundings)?.config;
        let phase = match self.phase {
            Phase::Expand => MigrationPhase::Expand,
            Phase::Contract => MigrationPhase::Contract,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
        if self.check {
            return show(&runtime.block_on(wiring::standing(&config))?, phase, surroundings);
        }
        let lines = match self.dry_run {
            true => runtime.block_on(wiring::statements(&config, phase))?,
            false => runtime.block_on(wiring::bring(&config, phase))?,
        };
        for line in lines {
            writeln!(surroundings.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Says where the database stands. What belongs to a later phase is told, and is no failure.
fn show(standing: &Standing, phase: MigrationPhase, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
    for line in &standing.about {
        writeln!(surroundings.out, "{line}")?;
    }
    for due in &standing.due {
        writeln!(surroundings.out, "due ({}): {}", due.phase.name(), due.name)?;
    }
    let now = standing.due.iter().filter(|due| due.phase <= phase).count();
    match now {
        0 => Ok(writeln!(surroundings.out, "nothing is due up to the phase {}", phase.name())?),
        count => Err(CliError::Refused(format!(
            "{count} steps are due: `smartpulse migrate --phase {}` brings them",
            phase.name()
        ))),
    }
}
