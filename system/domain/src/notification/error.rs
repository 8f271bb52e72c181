//! Why a use case of notifications has no result: one closed list, which one file of the HTTP layer turns into responses.

use crate::model::{FieldError, InputError};
use crate::ports::NotificationStoreError;

/// Why a use case has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotificationError {
    /// There is no such thing, or it is not this caller's.
    #[error("there is no such thing")]
    NotFound,
    /// The request is not acceptable; all that is wrong with it.
    #[error("the request is not acceptable")]
    Invalid(Vec<FieldError>),
    /// The request's body cannot be read at all.
    #[error("the body cannot be read as JSON: {0}")]
    Malformed(String),
    /// The device is another user's, and the request does not show that it knows its keys.
    #[error("the device belongs to another user")]
    DeviceTaken,
    /// The user has as many devices as one may have.
    #[error("the user has too many devices")]
    TooManyDevices,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// Too much is going on.
    #[error("too much is going on")]
    Busy,
    /// The store cannot be reached. Whether a write took effect is unknown.
    #[error("the store of notifications cannot be reached")]
    Unavailable(#[source] NotificationStoreError),
    /// The store holds as much as it may. Nothing was written.
    #[error("the store of notifications is full")]
    Full(String),
    /// A defect, here or in the data. The text is for logs, never for callers.
    #[error("internal error: {0}")]
    Internal(String),
}

impl NotificationError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Busy | Self::Unavailable(_) | Self::Full(_) => true,
            Self::NotFound
            | Self::Invalid(_)
            | Self::Malformed(_)
            | Self::DeviceTaken
            | Self::TooManyDevices
            | Self::IdempotencyMismatch
            | Self::Internal(_) => false,
        }
    }

    /// One wrong field.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

impl From<InputError> for NotificationError {
    fn from(error: InputError) -> Self {
        match error {
            InputError::Malformed(message) => Self::Malformed(message),
            InputError::Fields(errors) => Self::Invalid(errors),
        }
    }
}

impl From<NotificationStoreError> for NotificationError {
    fn from(error: NotificationStoreError) -> Self {
        match error {
            NotificationStoreError::DeviceTaken => Self::DeviceTaken,
            NotificationStoreError::TooManyDevices => Self::TooManyDevices,
            // Whoever names a request reads the answer again then; left over is that it expired in between.
            NotificationStoreError::IdempotencyKeyTaken => Self::Busy,
            NotificationStoreError::Full(what) => Self::Full(what),
            NotificationStoreError::Corrupt(what) => Self::Internal(what),
            NotificationStoreError::Unavailable(_) | NotificationStoreError::Timeout => Self::Unavailable(error),
        }
    }
}
