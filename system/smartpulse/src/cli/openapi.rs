//! `smartpulse openapi`.

use clap::Args;

use super::error::CliError;
use super::run::Surroundings;
use crate::app::description;

/// Prints the description of the API, as a running service serves it at /openapi.json
#[derive(Debug, Args)]
#[command(after_help = "Example:
  smartpulse openapi > openapi.json")]
pub(super) struct OpenapiCommand {}

impl OpenapiCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let text = description().to_pretty_json();
        let text = text.map_err(|error| CliError::Refused(format!("the description has no JSON form: {error}")))?;
        Ok(writeln!(surroundings.out, "{text}")?)
    }
}
