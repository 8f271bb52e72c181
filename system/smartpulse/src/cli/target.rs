//! Where a client of the command line sends, and by which right.

use std::net::SocketAddr;

use super::args::ConfigArgs;
use super::batch_client::SendError;
use super::error::CliError;
use super::run::Surroundings;
use super::token::{Grant, sign};
use crate::config::{Config, Secret};
use crate::serve::reachable;

const TOKEN_VARIABLE: &str = "SMARTPULSE_TOKEN";

pub(super) fn parse_token(text: &str) -> Result<Secret<String>, std::convert::Infallible> {
    Ok(Secret::new(text.trim().to_owned()))
}

/// What the flags say.
pub(super) struct Wanted<'a> {
    pub(super) url: Option<&'a str>,
    pub(super) token: Option<&'a Secret<String>>,
    pub(super) config: &'a ConfigArgs,
}

/// Where to send, and by which right.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) token: Option<Secret<String>>,
    /// Why there is no token, where one was to be made.
    no_token: Option<String>,
}

impl Target {
    /// The URL and the token of the flags, else those of the configuration: `listens` says at which of its addresses. A
    /// token of our own goes to this machine only: elsewhere it would hand a stranger the keys of the local service.
    pub(super) fn of(
        wanted: &Wanted<'_>,
        listens: fn(&Config) -> SocketAddr,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, CliError> {
        let given = || surroundings.env.get(TOKEN_VARIABLE).map(|token| Secret::new(token.trim().to_owned()));
        let token = wanted.token.cloned().or_else(given);
        if let (Some(url), Some(_)) = (wanted.url, &token) {
            return Ok(Self { url: url.to_owned(), token, no_token: None });
        }
        let url = match wanted.url {
            Some(url) => url.to_owned(),
            None => format!("http://{}", reachable(listens(&wanted.config.load(surroundings)?.config))),
        };
        let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        if token.is_some() || !matches!(host.as_deref(), Some("127.0.0.1" | "localhost" | "[::1]")) {
            return Ok(Self { url, token, no_token: None });
        }
        let config = wanted.config.load(surroundings)?.config;
        let none_made = |_: &mut [u8]| Err("the service has not made its secret yet".to_owned());
        match sign(&config, Grant::everything(), (surroundings.now_unix_s)(), none_made) {
            Ok(token) => Ok(Self { url, token: Some(Secret::new(token)), no_token: None }),
            Err(error) => Ok(Self { url, token: None, no_token: Some(error.to_string()) }),
        }
    }

    /// Who is refused for want of a token shall read why none was made for him.
    pub(super) fn explained(&self, error: CliError) -> CliError {
        match (&self.no_token, &error) {
            (Some(reason), CliError::Send(SendError::Unauthorized { .. })) => {
                CliError::Refused(format!("{error}. None was made here: {reason}"))
            }
            _ => error,
        }
    }
}
