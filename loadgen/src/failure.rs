//! Why the program ends, and with which exit code.

use crate::engine::{BadSchedule, EngineError, Stepped};
use crate::http::{BadUrl, HttpError};

/// The run could not be made, or did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for makes no sense. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The target cannot be measured. Exit code 3.
    #[error("{0}")]
    Target(String),
    /// A threshold was missed; the report says which. Exit code 99.
    #[error("{0}")]
    Threshold(String),
}

impl Failure {
    /// 2: usage; 3: target; 99: threshold.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Target(_) => 3,
            Self::Threshold(_) => 99,
        }
    }

    /// Whether another attempt may succeed without anybody's help.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Target(_))
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::Target(error.to_string())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Target(error.to_string())
    }
}

impl From<Stepped> for Failure {
    fn from(error: Stepped) -> Self {
        Self::Target(error.to_string())
    }
}

impl From<BadUrl> for Failure {
    fn from(error: BadUrl) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<BadSchedule> for Failure {
    fn from(error: BadSchedule) -> Self {
        Self::Usage(error.to_string())
    }
}
