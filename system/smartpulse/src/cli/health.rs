//! `smartpulse health`.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::args::ServeArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::auth::https_client;
use crate::serve::reachable;

/// A container's health check waits no longer either.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Asks a running instance whether it can serve: for health checks of containers, which have no other client
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse health
  smartpulse health --live --internal-listen 127.0.0.1:9091

The exit code is 0 if it is ready, else 1. It asks the internal address of the configuration that it is given.")]
pub(super) struct HealthCommand {
    /// Asks only whether the process answers
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    serve: ServeArgs,
}

impl HealthCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let config = self.serve.load(surroundings)?.config;
        let path = if self.live { "live" } else { "ready" };
        let url = format!("http://{}/health/{path}", reachable(config.internal.listen));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
        let client = https_client()?;
        let answer = runtime.block_on(async {
            let response = client.get(&url).timeout(ANSWER_TIMEOUT).send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.text().await?))
        });
        match answer {
            Ok((status, body)) if status.is_success() => Ok(writeln!(surroundings.out, "{body}")?),
            Ok((status, body)) => Err(CliError::Refused(format!("{url}: {status} {body}"))),
            Err(error) => Err(CliError::Refused(format!("{url} does not answer: {}", error.without_url()))),
        }
    }
}
