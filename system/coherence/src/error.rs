//! What can go wrong with a read.

use std::sync::Arc;

use crate::version::Version;

/// Why a loader could not load. Clone, because one flight hands it to all its waiters.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct LoadError {
    /// What happened, in words.
    pub message: String,
    /// Whether the same load may succeed later.
    pub retryable: bool,
    /// The loader's own error.
    #[source]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl LoadError {
    /// An error of the loader, kept as the source.
    pub fn new(error: impl std::error::Error + Send + Sync + 'static, retryable: bool) -> Self {
        Self { message: "the source failed".to_owned(), retryable, source: Some(Arc::new(error)) }
    }
}

/// Why a read has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The source failed, and nothing stale may be answered.
    #[error("the source failed")]
    Load(#[from] LoadError),
    /// The fill took longer than its hard timeout, and nothing stale may be answered.
    #[error("the fill took too long")]
    Timeout,
    /// The source itself holds less than the caller's minimum version.
    #[error("the source is at {actual}, below the minimum asked for")]
    BelowMinimum {
        /// What the source holds.
        actual: Version,
    },
    /// A document cannot be rendered.
    #[error("the document is unreadable: {0}")]
    Corrupt(String),
    /// More fills are running than [`crate::FLIGHTS_MAX`].
    #[error("too many fills are running")]
    Overloaded,
    /// The fill panicked, or the runtime is shutting down.
    #[error("the fill was broken off")]
    Aborted,
}

impl ReadError {
    /// Whether the same read may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Load(error) => error.retryable,
            Self::Timeout | Self::BelowMinimum { .. } | Self::Overloaded | Self::Aborted => true,
            Self::Corrupt(_) => false,
        }
    }
}
