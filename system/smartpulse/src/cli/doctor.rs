//! `smartpulse doctor`.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::args::ServeArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::doctor::Verdict;
use crate::wiring;

/// Looks at the machine and at each configured backend, and says what to do
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse doctor
  smartpulse doctor --profile production --strict
  smartpulse doctor --profile production --format json

It connects, compares versions, settings, retention and clocks, and measures round trips. It changes nothing, save that the \
look at Pulsar sends some messages over a topic of its own, which it deletes. The exit code is 0 if nothing is wrong, else 1; \
with --strict also what somebody will be sorry about counts as wrong.")]
pub(super) struct DoctorCommand {
    /// Warnings count as failures
    #[arg(long)]
    strict: bool,
    /// How findings are shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each, and what to do
    Text,
    /// One JSON object
    Json,
}

impl DoctorCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let config = self.serve.load(surroundings)?.config;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
        let report = runtime.block_on(wiring::examine(&config));
        let text = match self.format {
            Format::Text => report.text(),
            Format::Json => report.json(),
        };
        surroundings.out.write_all(text.as_bytes())?;
        let least = if self.strict { Verdict::Warning } else { Verdict::Failure };
        let wrong = report.0.iter().filter(|finding| finding.verdict >= least).count();
        match wrong {
            0 => Ok(()),
            _ => Err(CliError::Refused(format!("{wrong} of {} findings are not as they must be", report.0.len()))),
        }
    }
}
