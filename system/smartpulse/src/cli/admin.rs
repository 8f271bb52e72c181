//! `smartpulse admin`: the routes under `/admin` of the internal address.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::admin_client::AdminClient;
use super::args::ConfigArgs;
use super::error::CliError;
use super::run::Surroundings;
use super::target::{Target, Wanted, parse_token};
use crate::config::Secret;

/// Asks a running instance how its caches stand, and gives it orders
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse admin coherence
  smartpulse admin explain 0b5d0000-0000-4000-8000-00000000c0de
  smartpulse admin evict --all
  smartpulse admin parked retry 0b5d0000-0000-4000-8000-00000000abcd")]
pub(super) struct AdminCommand {
    #[command(subcommand)]
    what: What,
    /// The internal address of the instance [default: where the configuration says that it listens]
    #[arg(long, global = true)]
    url: Option<String>,
    /// The token, with the role admin [default: $SMARTPULSE_TOKEN; for a service on this machine, one signed with its secret]
    #[arg(long, global = true, value_parser = parse_token)]
    token: Option<Secret<String>>,
    #[command(flatten)]
    config: GlobalConfigArgs,
}

/// [`ConfigArgs`], which may stand behind the order as well as before it.
#[derive(Debug, Args)]
struct GlobalConfigArgs {
    /// The configuration file [default: ./smartpulse.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting; may be repeated (`smartpulse config print` lists them)
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Where the database and the generated secret live
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// The set of defaults
    #[arg(long, global = true, value_name = "embedded|production")]
    profile: Option<String>,
}

impl GlobalConfigArgs {
    fn plain(&self) -> ConfigArgs {
        ConfigArgs {
            config: self.config.clone(),
            set: self.set.clone(),
            data_dir: self.data_dir.clone(),
            profile: self.profile.clone(),
        }
    }
}

#[derive(Debug, Subcommand)]
enum What {
    /// Where the instance stands in the stream of changes, and the jobs that run in it
    Coherence,
    /// What each tier holds of a forecast, and why
    Explain {
        /// `forecast:<uuid>`, or the UUID alone
        key: String,
    },
    /// Makes every instance drop a forecast, what carries a tag, or all
    Evict(Evicted),
    /// Compares all versions that the instance holds with the shared tier and the store
    Resync,
    /// The events that were given up
    Parked {
        #[command(subcommand)]
        order: Option<ParkedOrder>,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Evicted {
    /// `forecast:<uuid>`, or the UUID alone
    #[arg(long)]
    key: Option<String>,
    /// Such as `company:<uuid>`
    #[arg(long)]
    tag: Option<String>,
    /// All that instances hold
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum ParkedOrder {
    /// Shows them, the last one first; the same as no order
    List,
    /// Makes every instance read the forecast anew, and forgets the event
    Retry {
        /// The event
        id: String,
    },
    /// Forgets the event
    Discard {
        /// The event
        id: String,
    },
}

impl What {
    /// The request that it stands for.
    fn request(&self) -> (Method, String, Option<Value>) {
        let plain = |method, path: &str| (method, path.to_owned(), None);
        match self {
            Self::Coherence => plain(Method::GET, "coherence"),
            Self::Explain { key } => plain(Method::GET, &format!("explain/{}", segment(key))),
            Self::Resync => plain(Method::POST, "resync"),
            Self::Evict(Evicted { key: Some(key), .. }) => {
                (Method::POST, "evict".to_owned(), Some(json!({"key": key})))
            }
            Self::Evict(Evicted { tag: Some(tag), .. }) => {
                (Method::POST, "evict".to_owned(), Some(json!({"tag": tag})))
            }
            Self::Evict(Evicted { all, .. }) => (Method::POST, "evict".to_owned(), Some(json!({"all": all}))),
            Self::Parked { order: None | Some(ParkedOrder::List) } => plain(Method::GET, "parked"),
            Self::Parked { order: Some(ParkedOrder::Retry { id }) } => {
                plain(Method::POST, &format!("parked/{}/retry", segment(id)))
            }
            Self::Parked { order: Some(ParkedOrder::Discard { id }) } => {
                plain(Method::DELETE, &format!("parked/{}", segment(id)))
            }
        }
    }
}

/// One segment of a path: what is more than that is escaped (RFC 3986).
fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b':' => escaped.push(char::from(byte)),
            // Writing to a String cannot fail.
            other => drop(write!(escaped, "%{other:02X}")),
        }
    }
    escaped
}

impl AdminCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let config = self.config.plain();
        let wanted = Wanted { url: self.url.as_deref(), token: self.token.as_ref(), config: &config };
        let target = Target::of(&wanted, |config| config.internal.listen, surroundings)?;
        let client = AdminClient::new(&target.url, target.token.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
        let (method, path, body) = self.what.request();
        let answer = runtime.block_on(client.send(method, &path, body.as_ref()));
        let answer = answer.map_err(|error| target.explained(error.into()))?;
        let text = match answer {
            Some(answer) => format!("{answer:#}"),
            None => "done".to_owned(),
        };
        Ok(writeln!(surroundings.out, "{text}")?)
    }
}
