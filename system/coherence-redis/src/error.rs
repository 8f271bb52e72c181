//! What a call may fail with, before it is the error of one port or the other.

use std::sync::Arc;

use coherence::{BackplaneError, SharedError};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a call brought nothing.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// No server could be asked, or it refused.
    Unavailable(Option<Arc<RedisError>>),
    /// The deadline passed.
    Timeout,
    /// What it answered makes no sense.
    Corrupt(String),
}

/// What to do about an error of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The connection is of no use any more.
    Reconnect,
    /// Another server has the slot: for good, or for this key.
    Elsewhere { host: String, port: u16, asking: bool },
    /// It will be better in a moment.
    Wait,
    /// The script is not known there.
    Load,
    /// The same again would end the same.
    None,
}

/// What to do about `error`.
pub(crate) fn remedy(error: &RedisError) -> Remedy {
    let ErrorKind::Server(kind) = error.kind() else {
        return match error.is_unrecoverable_error() || (error.is_io_error() && !error.is_timeout()) {
            true => Remedy::Reconnect,
            false => Remedy::None,
        };
    };
    match kind {
        ServerErrorKind::Moved | ServerErrorKind::Ask => {
            let asking = kind == ServerErrorKind::Ask;
            let elsewhere = error.redirect_node().and_then(|(address, _)| address.rsplit_once(':'));
            match elsewhere.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
                Some((host, port)) => Remedy::Elsewhere { host: host.to_owned(), port, asking },
                None => Remedy::Reconnect,
            }
        }
        ServerErrorKind::NoScript => Remedy::Load,
        // The address may lead to another server by now, and this one be a replica.
        ServerErrorKind::ReadOnly => Remedy::Reconnect,
        ServerErrorKind::TryAgain
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::BusyLoading
        | ServerErrorKind::MasterDown => Remedy::Wait,
        _ => Remedy::None,
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        match error.kind() {
            ErrorKind::UnexpectedReturnType => Self::Corrupt(error.to_string()),
            // A key of another type, or a script that stumbled over what it found.
            ErrorKind::Server(ServerErrorKind::ResponseError) => Self::Corrupt(error.to_string()),
            _ if error.code() == Some("WRONGTYPE") => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(Some(Arc::new(error))),
        }
    }
}

fn source(error: Option<Arc<RedisError>>) -> Option<Arc<dyn std::error::Error + Send + Sync>> {
    error.map(|error| error as _)
}

impl From<Failure> for SharedError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(error) => Self::Unavailable(source(error)),
            Failure::Timeout => Self::Timeout,
            Failure::Corrupt(what) => Self::Corrupt(what),
        }
    }
}

impl From<Failure> for BackplaneError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(error) => Self::Unavailable(source(error)),
            Failure::Timeout => Self::Timeout,
            Failure::Corrupt(what) => Self::Corrupt(what),
        }
    }
}
