//! Why no answer came.

use std::error::Error;
use std::sync::Arc;

use domain::ports::PushError;

use super::dns::NoPublicAddress;

/// The client's error as the port's. Its URL is taken out: that of Web Push is a capability, and errors are logged.
pub(super) fn failure(error: reqwest::Error) -> PushError {
    if has_source::<NoPublicAddress>(&error) {
        return PushError::Blocked(NoPublicAddress.to_string());
    }
    if error.is_timeout() {
        return PushError::Timeout;
    }
    PushError::Unreachable(Some(Arc::new(error.without_url())))
}

fn has_source<T: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<T>() {
            return true;
        }
        next = error.source();
    }
    false
}
