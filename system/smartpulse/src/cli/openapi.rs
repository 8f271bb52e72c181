//! `smartpulse openapi`.

use clap::Args;

use super::error::CliError;
use super::run::Surroundings;
use crate::app::{description, notification_description};

/// Prints the description of an API, as a running service serves it at /openapi.json
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse openapi > forecasts.json
  smartpulse openapi --notifications > notifications.json")]
pub(super) struct OpenapiCommand {
    /// That of the notification API
    #[arg(long)]
    notifications: bool,
}

impl OpenapiCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let api = if self.notifications { notification_description() } else { description() };
        let text = api.to_pretty_json();
        let text = text.map_err(|error| CliError::Refused(format!("the description has no JSON form: {error}")))?;
        Ok(writeln!(surroundings.out, "{text}")?)
    }
}
