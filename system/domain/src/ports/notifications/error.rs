//! Why the store of notifications refused or failed.

use std::sync::Arc;

/// Why the store refused or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotificationStoreError {
    /// The device is another user's, and who registers it does not know its keys. Nothing was written.
    #[error("the device belongs to another user")]
    DeviceTaken,
    /// The user has as many devices as one may have. Nothing was written.
    #[error("the user has too many devices")]
    TooManyDevices,
    /// An answer is kept under this idempotency key already. Nothing was written.
    #[error("a request with this idempotency key was answered already")]
    IdempotencyKeyTaken,
    /// No connection, or it broke; whether a write took effect is unknown. The driver's error is the source.
    #[error("the store of notifications cannot be reached")]
    Unavailable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// The deadline passed; whether a write took effect is unknown.
    #[error("the store of notifications did not answer in time")]
    Timeout,
    /// The store holds as much as it may. Nothing was written.
    #[error("the store of notifications is full: {0}")]
    Full(String),
    /// What the store holds cannot be read, or the call cannot be one.
    #[error("the store of notifications holds something unreadable: {0}")]
    Corrupt(String),
}

impl NotificationStoreError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout | Self::Full(_) => true,
            Self::DeviceTaken | Self::TooManyDevices | Self::IdempotencyKeyTaken | Self::Corrupt(_) => false,
        }
    }
}
