//! Flags that become settings.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use super::run::Surroundings;
use crate::config::{Inputs, Loaded, Override, load, read_file};

/// The flags of every command that reads the configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// The configuration file [default: ./smartpulse.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting; may be repeated (`smartpulse config print` lists them)
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
    /// Where the database and the generated secret live
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// The set of defaults
    #[arg(long, value_name = "embedded|production")]
    pub profile: Option<String>,
}

/// The flags of a running service.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: ConfigArgs,
    /// The address of the API
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// The address of the notification API [default: that of the API, one port higher]
    #[arg(long, value_name = "ADDRESS")]
    pub notifications_listen: Option<String>,
    /// The address of /metrics and /admin
    #[arg(long, value_name = "ADDRESS")]
    pub internal_listen: Option<String>,
    /// What each instance does [default: all of forecast-api, tracker, sync, relay, monitor, notification-api,
    /// notification-worker, mail-send]
    #[arg(long, value_name = "ROLES")]
    pub roles: Option<String>,
    /// How many instances: the ports of the APIs count up by 10, those of the inside by 1
    #[arg(long, value_name = "COUNT")]
    pub instances: Option<String>,
    /// Start without the sample
    #[arg(long)]
    pub empty: bool,
    /// The form of log lines
    #[arg(long, value_name = "text|json")]
    pub log_format: Option<String>,
    /// A level, or a filter such as info,smartpulse=debug
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

fn named(flag: &str, key: &str, value: Option<&String>) -> Option<Override> {
    let value = value?.clone();
    Some(Override { flag: flag.to_owned(), key: key.to_owned(), value })
}

impl ConfigArgs {
    fn overrides(&self) -> Result<Vec<Override>, CliError> {
        let mut overrides = Vec::new();
        for pair in &self.set {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(CliError::Refused(format!("--set {pair}: write it as section.key=value")));
            };
            overrides.push(Override { flag: "--set".to_owned(), key: key.trim().to_owned(), value: value.to_owned() });
        }
        overrides.extend(named("--data-dir", "data_dir", self.data_dir.as_ref()));
        overrides.extend(named("--profile", "profile", self.profile.as_ref()));
        Ok(overrides)
    }

    fn load_with(&self, more: Vec<Override>, surroundings: &Surroundings<'_>) -> Result<Loaded, CliError> {
        let mut flags = self.overrides()?;
        flags.extend(more);
        let file = read_file(self.config.as_deref(), &surroundings.dir)?;
        Ok(load(&Inputs { file, env: surroundings.env.clone(), flags })?)
    }

    /// The configuration under these flags.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self, surroundings: &Surroundings<'_>) -> Result<Loaded, CliError> {
        self.load_with(Vec::new(), surroundings)
    }
}

impl ServeArgs {
    /// The configuration under these flags.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self, surroundings: &Surroundings<'_>) -> Result<Loaded, CliError> {
        let no = "false".to_owned();
        let flags = [
            named("--listen", "http.listen", self.listen.as_ref()),
            named("--notifications-listen", "notifications.listen", self.notifications_listen.as_ref()),
            named("--internal-listen", "internal.listen", self.internal_listen.as_ref()),
            named("--roles", "roles", self.roles.as_ref()),
            named("--instances", "instances", self.instances.as_ref()),
            named("--empty", "sample.load", self.empty.then_some(&no)),
            named("--log-format", "log.format", self.log_format.as_ref()),
            named("--log-level", "log.level", self.log_level.as_ref()),
        ];
        self.common.load_with(flags.into_iter().flatten().collect(), surroundings)
    }
}
