//! The crate's errors as the port's.

use std::sync::Arc;

use domain::ports::BusError;
use pulsar::Error;
use pulsar::error::{ConnectionError, ConsumerError, ProducerError, ServiceDiscoveryError};
use pulsar::proto::ServerError;

/// Why a consumer did not get onto a subscription.
#[derive(Debug)]
pub(super) enum JoinError {
    /// Another consumer has it for itself.
    Busy,
    /// Anything else.
    Bus(BusError),
}

impl From<BusError> for JoinError {
    fn from(error: BusError) -> Self {
        Self::Bus(error)
    }
}

/// The broker's refusal of a consumer: somebody else is there, or it does not fit who is there.
pub(super) fn join_error(error: Error) -> JoinError {
    match server_error(&error) {
        // Pulsar says the same number for both.
        Some((Some(ServerError::ConsumerBusy), text)) if !is_of_another_kind(text) => JoinError::Busy,
        Some((_, text)) if is_of_another_kind(text) => JoinError::Bus(BusError::Refused(text.to_owned())),
        _ => JoinError::Bus(bus_error(error)),
    }
}

fn is_of_another_kind(text: &str) -> bool {
    text.contains("different type")
}

/// Any other error.
pub(super) fn bus_error(error: Error) -> BusError {
    let said = server_error(&error).map(|(kind, text)| (kind, text.to_owned()));
    match said {
        Some((
            Some(ServerError::ProducerBlockedQuotaExceededError | ServerError::ProducerBlockedQuotaExceededException),
            text,
        )) => BusError::Full(text),
        Some((
            Some(
                ServerError::AuthenticationError
                | ServerError::AuthorizationError
                | ServerError::NotAllowedError
                | ServerError::InvalidTopicName
                | ServerError::IncompatibleSchema
                | ServerError::TopicTerminatedError
                | ServerError::UnsupportedVersionError,
            ),
            text,
        )) => BusError::Refused(text),
        _ if is_timeout(&error) => BusError::Timeout,
        _ => BusError::Unavailable(Some(Arc::new(error))),
    }
}

/// Whether an error that a consumer's stream yields is of one message, which cannot be decompressed, and not of the
/// connection.
pub(super) fn is_of_one_message(error: &Error) -> bool {
    matches!(error, Error::Consumer(ConsumerError::Io(_)))
}

fn connection_error(error: &Error) -> Option<&ConnectionError> {
    match error {
        Error::Connection(error)
        | Error::Consumer(ConsumerError::Connection(error))
        | Error::Producer(ProducerError::Connection(error))
        | Error::ServiceDiscovery(ServiceDiscoveryError::Connection(error)) => Some(error),
        _ => None,
    }
}

fn server_error(error: &Error) -> Option<(Option<ServerError>, &str)> {
    if let Error::ServiceDiscovery(ServiceDiscoveryError::Query(kind, text)) = error {
        return Some((*kind, text.as_deref().unwrap_or_default()));
    }
    match connection_error(error)? {
        ConnectionError::PulsarError(kind, text) => Some((*kind, text.as_deref().unwrap_or_default())),
        _ => None,
    }
}

fn is_timeout(error: &Error) -> bool {
    matches!(connection_error(error), Some(ConnectionError::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: ServerError, text: &str) -> Error {
        Error::Consumer(ConsumerError::Connection(ConnectionError::PulsarError(Some(kind), Some(text.to_owned()))))
    }

    #[test]
    fn busy_waits_and_another_kind_is_refused() {
        let exclusive = said(ServerError::ConsumerBusy, "Exclusive consumer is already connected");
        assert!(matches!(join_error(exclusive), JoinError::Busy));
        for kind in [ServerError::ConsumerBusy, ServerError::UnknownError] {
            let other = join_error(said(kind, "Subscription is of different type"));
            assert!(matches!(&other, JoinError::Bus(BusError::Refused(_))), "{other:?}");
        }
        let away = join_error(said(ServerError::ServiceNotReady, "unloading"));
        assert!(matches!(&away, JoinError::Bus(error @ BusError::Unavailable(_)) if error.is_retryable()), "{away:?}");
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        for (kind, is_retryable) in [
            (ServerError::AuthenticationError, false),
            (ServerError::AuthorizationError, false),
            (ServerError::TopicTerminatedError, false),
            (ServerError::ProducerBlockedQuotaExceededError, true),
            (ServerError::MetadataError, true),
            (ServerError::PersistenceError, true),
            (ServerError::TooManyRequests, true),
        ] {
            assert_eq!(bus_error(said(kind, "x")).is_retryable(), is_retryable, "{kind:?}");
        }
        let late = || ConnectionError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "late"));
        assert!(matches!(bus_error(Error::Connection(late())), BusError::Timeout));
    }

    #[test]
    fn a_message_that_cannot_be_read_is_not_a_lost_connection() {
        assert!(is_of_one_message(&Error::Consumer(ConsumerError::Io(std::io::Error::other("zstd")))));
        assert!(!is_of_one_message(&Error::Connection(ConnectionError::Disconnected)));
    }
}
