//! Why a change could not be published.

use crate::backplane::BackplaneError;
use crate::shared::SharedError;
use crate::version::Fence;

/// Why a change, or a head, could not be published.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// A writer of a later term was here: this one must stop.
    #[error("a writer of the later term {}.{} was here", by.incarnation, by.token)]
    Fenced {
        /// That term.
        by: Fence,
    },
    /// The stream is not where this writer left it, or its servers are others than before: continuity cannot be shown, and
    /// a new epoch must begin.
    #[error("the stream is not where it was left")]
    OutOfStep,
    /// Other writers of the section were faster, again and again; the change may be published again.
    #[error("other writers were faster")]
    Outrun,
    /// The shared tier failed; the change may be published again.
    #[error("the shared tier failed")]
    Shared(#[from] SharedError),
    /// The backplane failed; the change may be published again.
    #[error("the backplane failed")]
    Backplane(#[from] BackplaneError),
    /// The document cannot be published, now or later.
    #[error("the document cannot be published: {0}")]
    Document(String),
}

impl PublishError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Shared(error) => error.is_retryable(),
            Self::Backplane(error) => error.is_retryable(),
            Self::Outrun => true,
            Self::Fenced { .. } | Self::OutOfStep | Self::Document(_) => false,
        }
    }
}
