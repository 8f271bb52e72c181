//! What the driver's errors mean to each port, in one place.

use std::sync::Arc;

use domain::ports::{BusError, FeedError, FeedPosition, NotificationStoreError, StoreError};

/// SQLite's primary result codes that mean something of their own here.
const CODE_BUSY: i32 = 5;
const CODE_LOCKED: i32 = 6;
const CODE_CORRUPT: i32 = 11;
const CODE_FULL: i32 = 13;
const CODE_CONSTRAINT: i32 = 19;
const CODE_NOT_A_DATABASE: i32 = 26;

/// The two low bytes of an extended code are its primary code.
const PRIMARY_CODE_MASK: i32 = 0xff;

/// Why a database file cannot be opened, backed up or restored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqliteError {
    /// The driver or the file system failed.
    #[error("{what} failed")]
    Io {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The file belongs to another program.
    #[error("{0} is a database of another program")]
    Foreign(String),
    /// A later release wrote the file.
    #[error("the database has schema {found}, this release knows {known}: use a later release")]
    NewerSchema {
        /// The file's schema.
        found: i64,
        /// The last one that this release knows.
        known: i64,
    },
    /// The target of a backup exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// Another process has the database open.
    #[error("{0} is in use: stop the services first")]
    InUse(String),
    /// The file fails SQLite's integrity check, or is no database at all.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite found.
        reason: String,
    },
}

impl SqliteError {
    /// Names what was being done when `source` came.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(IoSource) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source: source.0 }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Io { .. } | Self::InUse(_) => true,
            Self::Foreign(_) | Self::NewerSchema { .. } | Self::Exists(_) | Self::Damaged { .. } => false,
        }
    }
}

/// An error of the driver or the file system, ready to be shared.
pub(super) struct IoSource(Arc<dyn std::error::Error + Send + Sync>);

impl<E: std::error::Error + Send + Sync + 'static> From<E> for IoSource {
    fn from(error: E) -> Self {
        Self(Arc::new(error))
    }
}

/// What a failed statement means, before a port gives it its name.
pub(super) enum Failure {
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
    Timeout,
    Full(String),
    Corrupt(String),
    Closed,
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(code & PRIMARY_CODE_MASK)
}

/// Whether a statement failed because a constraint, or a trigger's guard, refused it.
pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(CODE_CONSTRAINT)
}

/// Whether somebody else holds a lock on the database.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(CODE_BUSY | CODE_LOCKED))
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(CODE_FULL) => return Self::Full("the disk is full".to_owned()),
            Some(CODE_CORRUPT | CODE_NOT_A_DATABASE | CODE_CONSTRAINT) => return Self::Corrupt(error.to_string()),
            _ => {}
        }
        match error {
            sqlx::Error::PoolTimedOut => Self::Timeout,
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Corrupt(error.to_string())
            }
            other => Self::Unavailable(Arc::new(other)),
        }
    }
}

/// A port's error, made from the driver's.
pub(super) trait PortError: Send + 'static {
    /// Gives the failure the port's name.
    fn from_failure(failure: Failure) -> Self;

    /// The same from the driver's error.
    fn from_driver(error: sqlx::Error) -> Self
    where
        Self: Sized,
    {
        Self::from_failure(error.into())
    }
}

/// The database was closed by its owner.
#[derive(Debug, thiserror::Error)]
#[error("the database was closed")]
struct DatabaseClosed;

/// The two stores' errors have the same variants for what a driver can say.
macro_rules! error_of_a_store {
    ($error:ty) => {
        impl PortError for $error {
            fn from_failure(failure: Failure) -> Self {
                match failure {
                    Failure::Unavailable(source) => Self::Unavailable(Some(source)),
                    Failure::Timeout => Self::Timeout,
                    Failure::Full(text) => Self::Full(text),
                    Failure::Corrupt(text) => Self::Corrupt(text),
                    Failure::Closed => Self::Unavailable(Some(Arc::new(DatabaseClosed))),
                }
            }
        }
    };
}

error_of_a_store!(StoreError);
error_of_a_store!(NotificationStoreError);

impl PortError for BusError {
    fn from_failure(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(source) => Self::Unavailable(Some(source)),
            Failure::Timeout => Self::Timeout,
            Failure::Full(text) => Self::Full(text),
            Failure::Corrupt(text) => Self::Corrupt(text),
            Failure::Closed => Self::Closed,
        }
    }
}

impl PortError for FeedError {
    fn from_failure(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(source) => Self::Unavailable(Some(source)),
            Failure::Timeout => Self::Timeout,
            Failure::Full(reason) | Failure::Corrupt(reason) => {
                Self::Corrupt { position: FeedPosition::default(), reason }
            }
            Failure::Closed => Self::Unavailable(Some(Arc::new(DatabaseClosed))),
        }
    }
}

impl PortError for SqliteError {
    fn from_failure(failure: Failure) -> Self {
        let source: Arc<dyn std::error::Error + Send + Sync> = match failure {
            Failure::Unavailable(source) => source,
            Failure::Timeout => Arc::new(sqlx::Error::PoolTimedOut),
            Failure::Closed => Arc::new(DatabaseClosed),
            Failure::Full(text) | Failure::Corrupt(text) => {
                Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(text))
            }
        };
        Self::Io { what: "a statement".to_owned(), source }
    }
}
