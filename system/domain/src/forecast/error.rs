//! Why a use case has no result: one closed list, which one file of the HTTP layer turns into responses.

use coherence::{LoadError, ReadError, Version};

use super::Role;
use crate::model::{FieldError, ForecastId, InputError};
use crate::ports::StoreError;

/// Why a use case has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServiceError {
    /// There is no such forecast, or not for this caller.
    #[error("there is no such forecast")]
    NotFound,
    /// There was none when the store was last read; it cannot be read now. The answer must be marked as any stale one.
    #[error("there was no such forecast when the store was last read")]
    NotFoundStale,
    /// The caller lacks a role.
    #[error("the role {} is required", .0.name())]
    MissingRole(Role),
    /// The company is not among the caller's.
    #[error("the caller may not write forecasts of this company")]
    ForeignCompany,
    /// The request is not acceptable; all that is wrong with it.
    #[error("the request is not acceptable")]
    Invalid(Vec<FieldError>),
    /// The request's body cannot be read at all.
    #[error("the body cannot be read as JSON: {0}")]
    Malformed(String),
    /// A forecast of the same company, unit, date and provider exists.
    #[error("forecast {existing} has the same company, unit, date and provider")]
    Exists {
        /// That forecast.
        existing: ForecastId,
    },
    /// The forecast is not in the state that the request requires (`If-Match`).
    #[error("the forecast is at version {actual}, which the request does not accept")]
    PreconditionFailed {
        /// Its version.
        actual: Version,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The request with this idempotency key is still being worked on.
    #[error("the request with this idempotency key is still being worked on")]
    IdempotencyInProgress,
    /// Others kept writing the same forecasts; nothing was written.
    #[error("others kept writing the same forecasts")]
    Contended,
    /// The store has not reached the version that the caller wants at least.
    #[error("the store is at {actual}, below the minimum asked for")]
    BelowMinimum {
        /// The version in the store.
        actual: Version,
    },
    /// Too much is going on, or the service is shutting down.
    #[error("too many requests are being worked on")]
    Busy,
    /// The store cannot be reached, and nothing stale may be answered. Whether a write took effect is unknown.
    #[error("the store cannot be reached")]
    Unavailable(#[source] Option<StoreError>),
    /// The store or the bus inside it holds as much as it may. Nothing was written.
    #[error("the store is full")]
    Full(String),
    /// A defect, here or in the data. The text is for logs, never for callers.
    #[error("internal error: {0}")]
    Internal(String),
}

impl ServiceError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::IdempotencyInProgress
            | Self::Contended
            | Self::BelowMinimum { .. }
            | Self::Busy
            | Self::Unavailable(_)
            | Self::Full(_) => true,
            Self::NotFound
            | Self::NotFoundStale
            | Self::MissingRole(_)
            | Self::ForeignCompany
            | Self::Invalid(_)
            | Self::Malformed(_)
            | Self::Exists { .. }
            | Self::PreconditionFailed { .. }
            | Self::IdempotencyMismatch
            | Self::Internal(_) => false,
        }
    }
}

impl From<InputError> for ServiceError {
    fn from(error: InputError) -> Self {
        match error {
            InputError::Malformed(message) => Self::Malformed(message),
            InputError::Fields(errors) => Self::Invalid(errors),
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NaturalKeyTaken { existing } => Self::Exists { existing },
            StoreError::Conflict { .. } | StoreError::IncarnationChanged { .. } => Self::Contended,
            StoreError::IdempotencyKeyTaken => Self::IdempotencyInProgress,
            StoreError::Full(what) => Self::Full(what),
            StoreError::Corrupt(what) => Self::Internal(what),
            StoreError::Unavailable(_) | StoreError::Timeout => Self::Unavailable(Some(error)),
        }
    }
}

impl From<ReadError> for ServiceError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Load(error) => error.into(),
            ReadError::Timeout => Self::Unavailable(Some(StoreError::Timeout)),
            ReadError::BelowMinimum { actual } => Self::BelowMinimum { actual },
            ReadError::Corrupt(what) => Self::Internal(what),
            ReadError::Overloaded => Self::Busy,
            ReadError::Aborted => Self::Internal("a fill was broken off".to_owned()),
        }
    }
}

impl From<LoadError> for ServiceError {
    /// The loaders of this crate keep the store's own error as the source.
    fn from(error: LoadError) -> Self {
        let store = error.source.as_ref().and_then(|source| source.downcast_ref::<StoreError>());
        match (store, error.retryable) {
            (Some(store), _) => store.clone().into(),
            (None, true) => Self::Unavailable(None),
            (None, false) => Self::Internal(error.message),
        }
    }
}
