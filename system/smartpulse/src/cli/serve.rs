//! `smartpulse serve`, which is also `smartpulse` alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use clap::Args;
use domain::model::{ForecastId, UserId};
use tokio::task::JoinSet;

use super::args::ServeArgs;
use super::error::{CliError, chain};
use super::run::Surroundings;
use super::signals::EndSignals;
use super::token::{DEFAULT_USER, Grant, sign};
use super::welcome::{Addresses, Welcome};
use crate::app::{App, Ended, Ports};
use crate::config::{AuthMode, Config, InstanceRole, Profile, StoreKind};
use crate::import::{load, sample};
use crate::serve::{Drain, listen};
use crate::telemetry::logs;
use crate::wiring::System;

/// How long the database may take to close, and what is left of the runtime to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// By how much the ports of further instances count up.
const API_PORT_STEP: usize = 10;
const INTERNAL_PORT_STEP: usize = 1;
const RUNTIME_END_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts the service; the same as `smartpulse` alone
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse serve
  smartpulse serve --instances 3
  smartpulse serve --roles forecast-api --listen 127.0.0.1:8090 --internal-listen 127.0.0.1:9091
  smartpulse serve --roles notification-api,notification-worker,mail-send --set mail.host=mail.example.org
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
    // First: whoever starts the same instances by mistake shall not touch the data.
    let mut bound = Vec::new();
    for number in 0..config.instances {
        bound.push(bind_all(of_instance(config, number)?).await?);
    }
    let signals = EndSignals::new().map_err(|error| CliError::Runtime(Arc::new(error)))?;
    let system = System::open(config).await?;
    let outcome = instances(config, &system, bound, signals, surroundings).await;
    let closed = tokio::time::timeout(CLOSE_TIMEOUT, system.close()).await;
    let all = outcome?;
    let sum = |count: fn(&Ended) -> u64| all.iter().map(count).sum::<u64>();
    tracing::info!(
        accepted = sum(|ended| ended.served.accepted),
        too_slow = sum(|ended| ended.served.too_slow),
        cut_off = sum(|ended| ended.served.cut_off),
        jobs_failed = sum(|ended| ended.jobs.failed.len() as u64),
        jobs_aborted = sum(|ended| ended.jobs.aborted.len() as u64),
        database_closed = matches!(closed, Ok(Ok(()))),
        "drained"
    );
    closed.map_err(|_| CliError::NotClean("the database did not close in time".to_owned()))??;
    verdict(&all)
}

/// The configuration of one of the instances: its own addresses. Port 0 is any free one, for each of them.
fn of_instance(config: &Config, number: usize) -> Result<Config, CliError> {
    let moved = |address: SocketAddr, step: usize| {
        let port = match address.port() {
            0 => Some(0),
            base => u16::try_from(usize::from(base) + step * number).ok(),
        };
        let too_high = || CliError::Refused(format!("{address}: there is no port for instance {}", number + 1));
        port.map(|port| SocketAddr::new(address.ip(), port)).ok_or_else(too_high)
    };
    let mut own = config.clone();
    own.http.listen = moved(config.http.listen, API_PORT_STEP)?;
    own.notifications.listen = moved(config.notifications.listen, API_PORT_STEP)?;
    own.internal.listen = moved(config.internal.listen, INTERNAL_PORT_STEP)?;
    Ok(own)
}

/// An instance that has its addresses.
struct Bound<L> {
    /// With the addresses that it really has.
    config: Config,
    addresses: Addresses,
    api: L,
    notifications: Option<L>,
    internal: L,
}

/// Binds the addresses of an instance; that of the notification API only where it is served.
async fn bind_all(mut config: Config) -> Result<Bound<impl Listener<Addr = SocketAddr>>, CliError> {
    let address = |listener: std::io::Result<SocketAddr>| listener.map_err(|error| CliError::Runtime(Arc::new(error)));
    let api = bind(config.http.listen, "--listen").await?;
    let notifications = match config.roles.has(InstanceRole::NotificationApi) {
        true => Some(bind(config.notifications.listen, "--notifications-listen").await?),
        false => None,
    };
    let internal = bind(config.internal.listen, "--internal-listen").await?;
    let addresses = Addresses {
        api: address(api.local_addr())?,
        notifications: notifications.as_ref().map(|listener| address(listener.local_addr())).transpose()?,
        internal: address(internal.local_addr())?,
    };
    // Links in mails begin with them, unless they are told better.
    (config.http.listen, config.internal.listen) = (addresses.api, addresses.internal);
    config.notifications.listen = addresses.notifications.unwrap_or(config.notifications.listen);
    Ok(Bound { config, addresses, api, notifications, internal })
}

async fn bind(
    address: SocketAddr,
    flag: &'static str,
) -> Result<impl Listener<Io = tokio::net::TcpStream, Addr = SocketAddr>, CliError> {
    listen(address).await.map_err(|source| CliError::Listen { flag, source: Arc::new(source) })
}

/// Runs the instances of this process, over one database, one bus and one shared tier, to their common end.
async fn instances<L: Listener<Addr = SocketAddr>>(
    config: &Config,
    system: &System,
    bound: Vec<Bound<L>>,
    signals: EndSignals,
    surroundings: &mut Surroundings<'_>,
) -> Result<Vec<Ended>, CliError> {
    // Containers are named by their host; instances of one host differ by their port.
    let host = surroundings.env.get("HOSTNAME").map_or("local", String::as_str).to_owned();
    let drain = Drain::new(config.drain.delay, config.drain.deadline);
    let (mut apps, mut addresses) = (Vec::new(), Vec::new());
    for bound in bound {
        let ports = if apps.is_empty() { system.ports().clone() } else { system.beside() };
        let name = format!("{host}-{}", bound.addresses.api.port());
        let app = App::under(&bound.config, ports, &name, drain.clone()).await?;
        addresses.push(bound.addresses);
        apps.push((app, bound));
    }
    let sample = match apps.first() {
        Some((first, _)) => first_start(config, system.ports(), first).await?,
        None => None,
    };
    let token = own_token(config, &addresses, surroundings)?;
    let signs = matches!(config.auth.mode, AuthMode::Hs256 { .. });
    for Addresses { api, notifications, internal } in &addresses {
        let (roles, notifications) = (config.roles.names().join(","), notifications.map(tracing::field::display));
        tracing::info!(%api, notifications, %internal, profile = config.profile.as_str(), roles, "serving");
    }
    let outbox = outbox(config);
    show(&Welcome { addresses, about: about(config), token, signs, sample, outbox }, surroundings);
    let ending = tokio::spawn(signals.drive(drain.clone()));
    // On workers, beside their connections, and not on this thread, which would have to be woken for each.
    let mut serving = JoinSet::new();
    for (app, Bound { api, notifications, internal, .. }) in apps {
        serving.spawn(app.serve_all(api, notifications, internal));
    }
    let (mut all, mut failed) = (Vec::new(), None);
    while let Some(ended) = serving.join_next().await {
        match ended {
            Ok(ended) => all.push(ended),
            Err(error) => {
                // One without the others would be less than was asked for.
                drain.begin();
                failed = Some(CliError::NotClean(format!("an accept loop failed: {error}")));
            }
        }
    }
    ending.abort();
    failed.map_or(Ok(all), Err)
}

/// Loads the sample into a store that was never written, where it is wanted, and answers its first forecast if the store
/// holds it.
async fn first_start(config: &Config, ports: &Ports, app: &App) -> Result<Option<ForecastId>, CliError> {
    if config.profile != Profile::Embedded || config.store.kind == StoreKind::SqlServer {
        return Ok(None);
    }
    let failed = |error: &dyn std::error::Error| CliError::Refused(format!("cannot load the sample: {}", chain(error)));
    let items = sample::items().map_err(|error| failed(&error))?;
    if config.sample.load && config.roles.has(InstanceRole::ForecastApi) {
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

fn own_token(
    config: &Config,
    addresses: &[Addresses],
    surroundings: &Surroundings<'_>,
) -> Result<Option<String>, CliError> {
    if !addresses
        .iter()
        .all(|one| shows_token(config, one.api) && one.notifications.is_none_or(|at| shows_token(config, at)))
    {
        return Ok(None);
    }
    sign(config, Grant::everything(), (surroundings.now_unix_s)(), surroundings.random).map(Some)
}

fn about(config: &Config) -> String {
    match config.store.kind {
        StoreKind::Sqlite => format!("{}, data in {}", config.profile.as_str(), config.store.path.display()),
        StoreKind::Memory => format!("{}, in memory: nothing survives the end", config.profile.as_str()),
        StoreKind::SqlServer => format!("{}, data in SQL Server", config.profile.as_str()),
    }
}

/// Where mails go that no mail server takes, if this process has any.
fn outbox(config: &Config) -> Option<PathBuf> {
    let has_files = config.roles.has(InstanceRole::MailSend) && config.mail.server.is_none();
    has_files.then(|| config.mail.outbox.clone())
}

fn show(welcome: &Welcome, surroundings: &mut Surroundings<'_>) {
    let written = surroundings.out.write_all(welcome.text().as_bytes()).and_then(|()| surroundings.out.flush());
    if let Err(error) = written {
        // A service without a terminal serves all the same.
        tracing::debug!(%error, "the welcome could not be shown");
    }
}

/// Whether the end was orderly.
fn verdict(all: &[Ended]) -> Result<(), CliError> {
    let mut wrong = Vec::new();
    for ended in all {
        wrong.extend(ended.jobs.failed.iter().map(|(job, reason)| format!("job {job} {reason}")));
        wrong.extend(ended.jobs.aborted.iter().map(|job| format!("job {job} did not stop in time")));
    }
    let cut_off: u64 = all.iter().map(|ended| ended.served.cut_off).sum();
    if cut_off > 0 {
        wrong.push(format!("{cut_off} connections were cut off"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(CliError::NotClean(wrong.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, load};
    use crate::serve::{Served, TasksReport};

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
    fn ports_count_up_and_zero_stays_any() {
        let mut config = load(&Inputs::default()).unwrap().config;
        let third = of_instance(&config, 2).unwrap();
        assert_eq!((third.http.listen.port(), third.internal.listen.port()), (8100, 9092));
        assert_eq!(third.notifications.listen.port(), 8101);
        config.http.listen.set_port(0);
        assert_eq!(of_instance(&config, 2).unwrap().http.listen.port(), 0);
        config.http.listen.set_port(65_530);
        assert!(of_instance(&config, 1).unwrap_err().to_string().contains("no port for instance 2"));
    }

    #[test]
    fn only_an_orderly_end_is_a_success() {
        let orderly =
            || Ended { served: Served { accepted: 3, too_slow: 1, cut_off: 0 }, jobs: TasksReport::default() };
        assert!(verdict(&[orderly(), orderly()]).is_ok());
        let mut failed = orderly();
        failed.jobs.failed.insert("checkpoint", "panicked: no".to_owned());
        failed.jobs.aborted.push("prune");
        failed.served.cut_off = 2;
        let text = verdict(&[orderly(), failed]).unwrap_err().to_string();
        for part in ["job checkpoint panicked: no", "job prune did not stop", "2 connections were cut off"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
