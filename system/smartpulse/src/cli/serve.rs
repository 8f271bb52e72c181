//! `smartpulse serve`, which is also `smartpulse` alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use clap::Args;
use domain::model::{ForecastId, UserId};

use super::args::ServeArgs;
use super::error::{CliError, chain};
use super::run::Surroundings;
use super::signals::EndSignals;
use super::token::{DEFAULT_USER, Grant, sign};
use super::welcome::Welcome;
use crate::app::{App, Ended, Ports};
use crate::config::{AuthMode, Config, Profile, StoreKind};
use crate::import::{load, sample};
use crate::serve::{Served, listen};
use crate::telemetry::logs;
use crate::wiring::Embedded;

/// How long the database may take to close, and what is left of the runtime to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
const RUNTIME_END_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts the service; the same as `smartpulse` alone
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse serve
  smartpulse serve --listen 0.0.0.0:8080 --data-dir /var/lib/smartpulse --log-format json")]
pub(super) struct ServeCommand {
    #[command(flatten)]
    args: ServeArgs,
}

impl ServeCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        run(&self.args, surroundings)
    }
}

/// Serves until a signal, or the failure of a critical job, has ended it.
pub(super) fn run(args: &ServeArgs, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
    let config = args.load(surroundings)?.config;
    let colours = surroundings.is_terminal && !surroundings.env.contains_key("NO_COLOR");
    let subscriber = logs::subscriber(&config.log, std::io::stderr, colours);
    let subscriber = subscriber.map_err(|error| CliError::Refused(format!("log.level: {error}")))?;
    // The one static: whoever runs a second instance in this process keeps the first one's subscriber.
    drop(tracing::subscriber::set_global_default(subscriber));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
    let outcome = runtime.block_on(serve(&config, surroundings));
    runtime.shutdown_timeout(RUNTIME_END_TIMEOUT);
    outcome
}

async fn serve(config: &Config, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
    // First: whoever starts a second instance by mistake shall not touch the data of the first.
    let api = bind(config.http.listen, "--listen").await?;
    let internal = bind(config.internal.listen, "--internal-listen").await?;
    let signals = EndSignals::new().map_err(|error| CliError::Runtime(Arc::new(error)))?;
    let embedded = Embedded::open(config).await?;
    let outcome = instance(config, embedded.ports.clone(), api, internal, signals, surroundings).await;
    let closed = tokio::time::timeout(CLOSE_TIMEOUT, embedded.close()).await;
    let ended = outcome?;
    let Served { accepted, too_slow, cut_off } = ended.served;
    let (failed, aborted) = (ended.jobs.failed.len(), ended.jobs.aborted.len());
    let database_closed = matches!(closed, Ok(Ok(())));
    tracing::info!(
        accepted,
        too_slow,
        cut_off,
        jobs_failed = failed,
        jobs_aborted = aborted,
        database_closed,
        "drained"
    );
    closed.map_err(|_| CliError::NotClean("the database did not close in time".to_owned()))??;
    verdict(&ended)
}

async fn bind(
    address: SocketAddr,
    flag: &'static str,
) -> Result<impl Listener<Io = tokio::net::TcpStream, Addr = SocketAddr>, CliError> {
    listen(address).await.map_err(|source| CliError::Listen { flag, source: Arc::new(source) })
}

async fn instance(
    config: &Config,
    ports: Ports,
    api: impl Listener<Addr = SocketAddr>,
    internal: impl Listener<Addr = SocketAddr>,
    signals: EndSignals,
    surroundings: &mut Surroundings<'_>,
) -> Result<Ended, CliError> {
    let address = |listener: std::io::Result<SocketAddr>| listener.map_err(|error| CliError::Runtime(Arc::new(error)));
    let (at, inside) = (address(api.local_addr())?, address(internal.local_addr())?);
    // Containers are named by their host; two instances of one host differ by their port.
    let host = surroundings.env.get("HOSTNAME").map_or("local", String::as_str);
    let app = App::new(config, ports.clone(), &format!("{host}-{}", at.port())).await?;
    let sample = first_start(config, &ports, &app).await?;
    let token = own_token(config, at, surroundings)?;
    let signs = matches!(config.auth.mode, AuthMode::Hs256 { .. });
    let welcome = Welcome { api: at, internal: inside, about: about(config), token, signs, sample };
    show(&welcome, surroundings);
    tracing::info!(api = %at, internal = %inside, profile = config.profile.as_str(), "serving");
    let ending = tokio::spawn(signals.drive(app.drain().clone()));
    // On a worker, beside its connections, and not on this thread, which would have to be woken for each.
    let served = tokio::spawn(app.serve(api, internal)).await;
    ending.abort();
    served.map_err(|error| CliError::NotClean(format!("the accept loop failed: {error}")))
}

/// Loads the sample into a store that was never written, where it is wanted, and answers its first forecast if the store
/// holds it.
async fn first_start(config: &Config, ports: &Ports, app: &App) -> Result<Option<ForecastId>, CliError> {
    let failed = |error: &dyn std::error::Error| CliError::Refused(format!("cannot load the sample: {}", chain(error)));
    let items = sample::items().map_err(|error| failed(&error))?;
    if config.profile == Profile::Embedded && config.sample.load {
        let end = ports.feed.end().await.map_err(|error| failed(&error))?;
        if end.0 == 0 {
            let loaded = load(app.service(), UserId(DEFAULT_USER), &items).await.map_err(|error| failed(&error))?;
            tracing::info!(forecasts = loaded, "the store was empty: the sample is loaded");
        }
    }
    let Some(key) = items.first().and_then(sample::natural_key) else { return Ok(None) };
    let (_, rows) = ports.store.find(&[key]).await.map_err(|error| failed(&error))?;
    Ok(rows.into_iter().flatten().next().map(|row| row.id))
}

/// A token is shown only where the secret was made here (who configures a secret has a place for tokens too), and where
/// only this machine can use it: a screen and its log are read by more people than should write from elsewhere.
fn shows_token(config: &Config, at: SocketAddr) -> bool {
    let made_here = matches!(config.auth.mode, AuthMode::Hs256 { secret: None, .. });
    config.profile == Profile::Embedded && made_here && at.ip().is_loopback()
}

fn own_token(config: &Config, at: SocketAddr, surroundings: &Surroundings<'_>) -> Result<Option<String>, CliError> {
    if !shows_token(config, at) {
        return Ok(None);
    }
    sign(config, Grant::everything(), (surroundings.now_unix_s)(), surroundings.random).map(Some)
}

fn about(config: &Config) -> String {
    match config.store.kind {
        StoreKind::Sqlite => format!("{}, data in {}", config.profile.as_str(), config.store.path.display()),
        StoreKind::Memory => format!("{}, in memory: nothing survives the end", config.profile.as_str()),
        StoreKind::SqlServer => config.profile.as_str().to_owned(),
    }
}

fn show(welcome: &Welcome, surroundings: &mut Surroundings<'_>) {
    let written = surroundings.out.write_all(welcome.text().as_bytes()).and_then(|()| surroundings.out.flush());
    if let Err(error) = written {
        // A service without a terminal serves all the same.
        tracing::debug!(%error, "the welcome could not be shown");
    }
}

/// Whether the end was orderly.
fn verdict(ended: &Ended) -> Result<(), CliError> {
    let mut wrong: Vec<String> = ended.jobs.failed.iter().map(|(job, reason)| format!("job {job} {reason}")).collect();
    wrong.extend(ended.jobs.aborted.iter().map(|job| format!("job {job} did not stop in time")));
    if ended.served.cut_off > 0 {
        wrong.push(format!("{} connections were cut off", ended.served.cut_off));
    }
    if wrong.is_empty() { Ok(()) } else { Err(CliError::NotClean(wrong.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, load};
    use crate::serve::TasksReport;

    #[test]
    fn a_token_is_shown_only_to_this_machine() {
        let config = load(&Inputs::default()).unwrap().config;
        for (at, shown) in [
            ("127.0.0.1:80", true),
            ("[::1]:80", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("10.0.0.1:80", false),
        ] {
            assert_eq!(shows_token(&config, at.parse().unwrap()), shown, "{at}");
        }
    }

    #[test]
    fn only_an_orderly_end_is_a_success() {
        let orderly =
            || Ended { served: Served { accepted: 3, too_slow: 1, cut_off: 0 }, jobs: TasksReport::default() };
        assert!(verdict(&orderly()).is_ok());
        let mut failed = orderly();
        failed.jobs.failed.insert("checkpoint", "panicked: no".to_owned());
        failed.jobs.aborted.push("prune");
        failed.served.cut_off = 2;
        let text = verdict(&failed).unwrap_err().to_string();
        for part in ["job checkpoint panicked: no", "job prune did not stop", "2 connections were cut off"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
