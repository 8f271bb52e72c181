//! From the layers to a checked configuration, and to its printed form.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::auth::AuthConfig;
use super::bus::BusConfig;
use super::cache::CacheConfig;
use super::cdc::CdcConfig;
use super::error::{ConfigError, ConfigErrors};
use super::http::{HttpConfig, InternalConfig};
use super::layers::{Layers, Source, Value};
use super::limits::{DrainConfig, LimitsConfig, LogConfig, SampleConfig};
use super::mail::MailSettings;
use super::notifications::{AlertSettings, Around, NotificationsConfig};
use super::pipeline::{FollowerSettings, LeaseConfig, MonitorSettings, SyncSettings, TrackerSettings};
use super::production;
use super::profile::{self, PROFILES, Profile};
use super::push::{FcmSettings, PushSettings};
use super::reader::Reader;
use super::roles::{INSTANCES_MAX, Roles};
use super::secret::REDACTED;
use super::shared::SharedConfig;
use super::store::StoreConfig;
use super::streams::StreamsConfig;

/// The defaults, every key with a comment.
pub const DEFAULT_TOML: &str = include_str!("default.toml");
/// The file that is read when none is named.
pub const FILE_NAME: &str = "smartpulse.toml";
/// Keys whose values are never shown.
pub(super) const SECRETS: [&str; 6] =
    ["auth.secret", "auth.previous_secret", "bus.token", "mail.password", "shared.url", "store.url"];

/// May carry credentials.
const JWKS_URL: &str = "auth.jwks_url";

/// Everything that an instance is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The set of defaults.
    pub profile: Profile,
    /// Where files live.
    pub data_dir: PathBuf,
    /// What each instance does.
    pub roles: Roles,
    /// How many instances this process holds.
    pub instances: usize,
    /// `[store]`.
    pub store: StoreConfig,
    /// `[cdc]`.
    pub cdc: CdcConfig,
    /// `[bus]`.
    pub bus: BusConfig,
    /// `[shared]`.
    pub shared: SharedConfig,
    /// `[http]`.
    pub http: HttpConfig,
    /// `[internal]`.
    pub internal: InternalConfig,
    /// `[cache]`.
    pub cache: CacheConfig,
    /// `[lease]`.
    pub lease: LeaseConfig,
    /// `[tracker]`.
    pub tracker: TrackerSettings,
    /// `[sync]`.
    pub sync: SyncSettings,
    /// `[follower]`.
    pub follower: FollowerSettings,
    /// `[monitor]`.
    pub monitor: MonitorSettings,
    /// `[streams]`.
    pub streams: StreamsConfig,
    /// `[notifications]`.
    pub notifications: NotificationsConfig,
    /// `[push]`.
    pub push: PushSettings,
    /// `[fcm]`.
    pub fcm: FcmSettings,
    /// `[mail]`.
    pub mail: MailSettings,
    /// `[alerts]`.
    pub alerts: AlertSettings,
    /// `[auth]`.
    pub auth: AuthConfig,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// `[drain]`.
    pub drain: DrainConfig,
    /// `[log]`.
    pub log: LogConfig,
    /// `[sample]`.
    pub sample: SampleConfig,
}

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// As the user wrote it (`--listen`), for errors.
    pub flag: String,
    /// The key that it sets.
    pub key: String,
    /// The value, as a string.
    pub value: String,
}

/// What the layers above the defaults are made of. The environment comes as a map: the library never looks at its own.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The file: its name and its text.
    pub file: Option<(String, String)>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The flags, in order.
    pub flags: Vec<Override>,
}

/// A configuration with the source of each value.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked settings.
    pub config: Config,
    /// Each value and where it comes from.
    pub layers: Layers,
}

/// Reads the file that is named, else `smartpulse.toml` of `dir` if there is one.
///
/// # Errors
/// A named file cannot be read, or the other exists and cannot be read.
pub fn read_file(named: Option<&Path>, dir: &Path) -> Result<Option<(String, String)>, ConfigErrors> {
    let (path, named_by) = match named {
        Some(path) => (path.to_owned(), "--config"),
        None => (dir.join(FILE_NAME), "the default file"),
    };
    let shown = path.strip_prefix("./").unwrap_or(&path).display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((shown, text))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let (named_by, message) = (named_by.to_owned(), error.to_string());
            Err(ConfigErrors(vec![ConfigError::Unreadable { named_by, path: shown, message }]))
        }
    }
}

/// Variables of this environment that look like settings and are none, each with the name that was probably meant.
pub fn misnamed_variables(env: &BTreeMap<String, String>) -> Vec<(String, String)> {
    Layers::defaults(DEFAULT_TOML).map(|layers| layers.misnamed(env)).unwrap_or_default()
}

/// Layers the inputs over the defaults and checks the result. It contacts nothing; it reads the files of secrets.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigErrors> {
    let mut layers = Layers::defaults(DEFAULT_TOML).map_err(|error| ConfigErrors(vec![error]))?;
    let mut errors = Vec::new();
    if let Some((path, text)) = &inputs.file {
        layers.add_file(path, text, &mut errors);
    }
    layers.add_env(&inputs.env, &mut errors);
    for Override { flag, key, value } in &inputs.flags {
        layers.set_text(key.clone(), value, Source::Flag(flag.clone()), &mut errors);
    }
    profile::apply(&mut layers);
    let mut reader = Reader::new(&layers);
    let config = read(&mut reader);
    errors.append(&mut reader.errors);
    if errors.is_empty() { Ok(Loaded { config, layers }) } else { Err(ConfigErrors(errors)) }
}

fn read(r: &mut Reader<'_>) -> Config {
    let data_dir = PathBuf::from(r.text("data_dir"));
    let http = HttpConfig::read(r);
    let config = Config {
        profile: r.choice("profile", &PROFILES).unwrap_or(Profile::Embedded),
        store: StoreConfig::read(r, &data_dir),
        push: PushSettings::read(r, &data_dir),
        fcm: FcmSettings::read(r),
        mail: MailSettings::read(r, &data_dir),
        alerts: AlertSettings::read(r),
        data_dir,
        roles: Roles::read(r),
        instances: r.size("instances", 1..=INSTANCES_MAX as u64),
        cdc: CdcConfig::read(r),
        bus: BusConfig::read(r),
        shared: SharedConfig::read(r),
        notifications: NotificationsConfig::read(r, http.listen),
        http,
        internal: InternalConfig::read(r),
        cache: CacheConfig::read(r),
        lease: LeaseConfig::read(r),
        tracker: TrackerSettings::read(r),
        sync: SyncSettings::read(r),
        follower: FollowerSettings::read(r),
        monitor: MonitorSettings::read(r),
        streams: StreamsConfig::read(r),
        auth: AuthConfig::read(r),
        limits: LimitsConfig::read(r),
        drain: DrainConfig::read(r),
        log: LogConfig::read(r),
        sample: SampleConfig::read(r),
    };
    config.bus.check(r, config.store.kind);
    config.http.check(r, config.internal.listen);
    config.cache.check(r, config.http.request_timeout);
    config.lease.check(r, config.tracker.beacon);
    config.follower.check(r);
    config.streams.check(r, config.http.idle_timeout);
    config.auth.check(r, config.profile);
    check_notifications(r, &config);
    production::check(r, &config);
    config
}

fn check_notifications(r: &mut Reader<'_>, config: &Config) {
    let around = Around {
        profile: config.profile,
        roles: &config.roles,
        api: config.http.listen,
        internal: config.internal.listen,
        bus_retention: config.bus.retention,
        drain: config.drain.deadline,
    };
    config.notifications.check(r, &around);
    config.push.check(r, &around);
    config.mail.check(r, &around);
    config.alerts.check(r, &around);
}

impl Loaded {
    /// Each key with its value and the source of it, secrets redacted: the answer of `smartpulse config print`.
    pub fn print(&self) -> String {
        let mut text = String::new();
        let shown = |key: &str, value: &Value| {
            let value = shown_value(key, value);
            if SECRETS.contains(&key) && value != "\"\"" { format!("{REDACTED:?}") } else { value }
        };
        for (key, leaf) in self.layers.iter() {
            let line = format!("{key} = {}", shown(key, &leaf.value));
            let _ = writeln!(text, "{line:<52} # {}", leaf.source);
        }
        text
    }
}

/// A value without the credentials that a URL may carry.
pub(super) fn shown_value(key: &str, value: &Value) -> String {
    match value {
        Value::Text(url) if key == JWKS_URL => format!("{:?}", without_credentials(url)),
        _ => value.to_string(),
    }
}

/// A URL as it may be shown.
pub(crate) fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{REDACTED}@{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_default_is_read_and_every_key_read_has_a_default() {
        let mut layers = Layers::defaults(DEFAULT_TOML).unwrap();
        profile::apply(&mut layers);
        let mut reader = Reader::new(&layers);
        read(&mut reader);
        let known: BTreeSet<String> = layers.iter().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(reader.seen, known);
        assert_eq!(reader.errors, []);
    }

    #[test]
    fn every_key_has_a_comment() {
        let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
        for pair in lines.windows(2) {
            if pair[1].contains(" = ") && !pair[1].starts_with('#') {
                assert!(pair[0].starts_with("# "), "no comment above {:?}", pair[1]);
            }
        }
    }
}
