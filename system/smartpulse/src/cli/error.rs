//! Why a command failed.

use std::io;
use std::sync::Arc;

use crate::app::AppError;
use crate::auth::jwks::ClientError;
use crate::auth::secret_file::SecretFileError;
use crate::cli::batch_client::SendError;
use crate::config::ConfigErrors;
pub(super) use crate::error_text::chain;
use crate::import::rows::TableError;
use crate::wiring::WiringError;

/// Why a command failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CliError {
    /// The configuration is not valid.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The secret of the data directory.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The reason.
        source: Arc<io::Error>,
    },
    /// A table cannot be used.
    #[error("{path}: {source}")]
    Table {
        /// The file.
        path: String,
        /// The reason.
        source: TableError,
    },
    /// A batch could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Some rows were not accepted.
    #[error("{0} of {1} rows were not accepted")]
    Rows(u64, u64),
    /// The output is closed.
    #[error("cannot write: {0}")]
    Output(Arc<io::Error>),
    /// The asynchronous runtime does not start.
    #[error("cannot start: {0}")]
    Runtime(Arc<io::Error>),
    /// An address cannot be had; the source names it.
    #[error("{source}; choose another with {flag} ADDRESS (port 0 takes a free one)")]
    Listen {
        /// The flag that chooses it.
        flag: &'static str,
        /// The reason.
        source: Arc<io::Error>,
    },
    /// The database.
    #[error("{}", chain(.0))]
    Wiring(#[from] WiringError),
    /// The instance.
    #[error("{}", chain(.0))]
    App(#[from] AppError),
    /// The instance did not end in order.
    #[error("not an orderly end: {0}")]
    NotClean(String),
    /// Anything that one sentence explains.
    #[error("{0}")]
    Refused(String),
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        CliError::Output(Arc::new(error))
    }
}

impl CliError {
    /// Whether the same command may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, CliError::Send(error) if error.is_retryable())
    }

    /// A reader that has seen enough (`| head`) is no failure.
    pub(super) fn is_closed_output(&self) -> bool {
        matches!(self, CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
