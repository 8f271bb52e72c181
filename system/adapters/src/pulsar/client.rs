//! A client of the crate, for one consumer or one producer.

use std::time::Duration;

use domain::ports::BusError;
use pulsar::{Authentication, ConnectionRetryOptions, OperationRetryOptions, Pulsar};

use super::PulsarConfig;
use super::errors::bus_error;
use super::executor::Watched;

/// The crate's client.
pub(super) type Client = Pulsar<Watched>;

/// What a client is for, which decides how much it may try by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A stay on a subscription, which ends at the first loss: whoever made it tries again.
    Stay,
    /// Publishing: the crate makes its producer anew and sends again what has no receipt, for as long as a call may take.
    Publishing,
}

/// The first wait of a publishing client between two tries to connect; it doubles.
const RECONNECT_FIRST: Duration = Duration::from_millis(20);
/// The longest.
const RECONNECT_MAX: Duration = Duration::from_millis(500);
/// Tries in a row; then it starts over. Without a pause in it, publishing to a broker that is away would spin.
const RECONNECTS: u32 = 8;
/// Between two tries of an operation that a broker refuses for now, such as in the middle of an unload.
const RETRY_EACH: Duration = Duration::from_millis(100);
/// Messages that one producer has queued and not sent; then its publishers wait.
const QUEUED_MAX: usize = 256;

/// Connects. The executor tells of the tasks that the client spawns.
pub(super) async fn connect(config: &PulsarConfig, purpose: Use) -> Result<(Client, Watched), BusError> {
    let executor = Watched::new();
    let (connects, operations) = match purpose {
        Use::Stay => (0, Some(0)),
        Use::Publishing => (RECONNECTS, None),
    };
    let mut builder = Pulsar::builder(config.url.as_str(), executor.clone())
        .with_connection_retry_options(ConnectionRetryOptions {
            min_backoff: RECONNECT_FIRST,
            max_backoff: RECONNECT_MAX,
            max_retries: connects,
            connection_timeout: config.operation_timeout,
            keep_alive: config.keep_alive,
            ..ConnectionRetryOptions::default()
        })
        .with_operation_retry_options(OperationRetryOptions {
            operation_timeout: config.operation_timeout,
            retry_delay: RETRY_EACH,
            max_retries: operations,
        })
        .with_outbound_channel_size(QUEUED_MAX);
    if let Some(token) = &config.token {
        let data = token.expose().as_bytes().to_vec();
        builder = builder.with_auth(Authentication { name: "token".to_owned(), data });
    }
    if let Some(pem) = &config.extra_ca {
        builder = builder.with_certificate_chain(pem.clone());
    }
    let connecting = tokio::time::timeout(config.operation_timeout, builder.build());
    let client = connecting.await.map_err(|_| BusError::Timeout)?.map_err(bus_error)?;
    Ok((client, executor))
}
