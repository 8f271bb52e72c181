//! The background job that reads the keys anew each hour.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::jwks::REFRESH_INTERVAL;
use super::verifier::Verifier;

/// Reads the keys each hour until told to stop. A failure leaves the keys as they are until the next hour, or until an
/// unknown key id asks for them.
pub async fn refresh_hourly(verifier: Arc<Verifier>, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REFRESH_INTERVAL) => {}
        }
        if let Err(error) = verifier.refresh().await {
            tracing::warn!(%error, "keys could not be read anew");
        }
    }
}
