//! What goes wrong between us and the server, and what it means to each port: one table of error numbers.

use std::sync::Arc;

use domain::ports::{FeedError, FeedPosition, NotificationStoreError, StoreError};

/// An error of this class (severity) or above ends the connection.
pub(super) const FATAL_CLASS: u8 = 20;

/// What an error of the server means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The transaction was rolled back, and may succeed if it is done again from its beginning.
    Again,
    /// Another row has the key. Whoever looked for it before did so too early: look again.
    Taken,
    /// A lock was not to be had in time. Nothing was written.
    Locked,
    /// The server, or this database on it, does not serve now; later perhaps.
    Away,
    /// No room: the disk, the log, a quota.
    Full,
    /// Our credentials or rights do not suffice: nothing that time mends.
    Refused,
    /// A value does not fit, or the data are damaged.
    Unreadable,
}

/// Every number that means something of its own here, with where it is documented to come from. What is not in it is
/// [`Meaning::Unreadable`]: a statement of ours that the server does not take.
pub(super) const NUMBERS: [(u32, Meaning, &str); 41] = [
    (1205, Meaning::Again, "deadlock victim"),
    (3935, Meaning::Again, "the snapshot's transaction cannot go on"),
    (3957, Meaning::Again, "snapshot isolation: DDL since the snapshot began"),
    (3960, Meaning::Again, "snapshot isolation: update conflict"),
    (3961, Meaning::Again, "snapshot isolation: the object was changed by DDL"),
    (3966, Meaning::Again, "the row version is gone"),
    (41301, Meaning::Again, "a transaction that this one depends on was rolled back"),
    (41302, Meaning::Again, "a row was updated since the transaction began"),
    (41305, Meaning::Again, "repeatable read validation failed"),
    (41325, Meaning::Again, "serializable validation failed"),
    (2601, Meaning::Taken, "duplicate key in a unique index"),
    (2627, Meaning::Taken, "duplicate key in a constraint"),
    (1222, Meaning::Locked, "lock request time out"),
    (233, Meaning::Away, "no process at the other end of the connection"),
    (596, Meaning::Away, "the session is in the kill state"),
    (904, Meaning::Away, "the database cannot be started"),
    (921, Meaning::Away, "the database has not been recovered yet"),
    (922, Meaning::Away, "the database is being recovered"),
    (927, Meaning::Away, "the database is being restored"),
    (942, Meaning::Away, "the database is offline"),
    (952, Meaning::Away, "the database is in transition"),
    (976, Meaning::Away, "the availability replica does not serve"),
    (978, Meaning::Away, "the replica serves read-only intent alone"),
    (983, Meaning::Away, "the replica's role is resolving"),
    (3906, Meaning::Away, "the database is read-only: a replica after a failover"),
    (4060, Meaning::Away, "the database cannot be opened"),
    (6005, Meaning::Away, "shutdown is in progress"),
    (10928, Meaning::Away, "Azure: resource limit"),
    (10929, Meaning::Away, "Azure: resource limit, too busy"),
    (17142, Meaning::Away, "the server is paused"),
    (40197, Meaning::Away, "Azure: the service failed to process the request"),
    (40501, Meaning::Away, "Azure: the service is busy"),
    (40613, Meaning::Away, "Azure: the database is not available now"),
    (49918, Meaning::Away, "Azure: not enough resources"),
    (49919, Meaning::Away, "Azure: too many operations"),
    (49920, Meaning::Away, "Azure: too many operations"),
    (1105, Meaning::Full, "no space in the filegroup"),
    (9002, Meaning::Full, "the log is full"),
    (40544, Meaning::Full, "Azure: the size quota is reached"),
    (229, Meaning::Refused, "permission denied"),
    (18456, Meaning::Refused, "login failed"),
];

/// What an error number means.
pub(super) fn meaning(number: u32) -> Meaning {
    NUMBERS.iter().find(|(known, _, _)| *known == number).map_or(Meaning::Unreadable, |(_, meaning, _)| *meaning)
}

/// What went wrong with a call on the server.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum SqlError {
    /// The server refused it. The text may name what is in the rows: it goes to logs, and not to callers.
    #[error("the server refuses: {number}, {message}")]
    Server { number: u32, class: u8, message: String },
    /// The connection broke, or what came over it cannot be understood.
    #[error("the connection to the server failed: {0}")]
    Connection(String),
    /// No answer in time. The connection is closed: whether it was done is unknown.
    #[error("{0} took too long")]
    Slow(&'static str),
    /// No connection was free in time.
    #[error("no connection became free in time")]
    Exhausted,
    /// The database was closed by its owner.
    #[error("the database was closed")]
    Closed,
    /// What a row holds cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The same conflict came again and again.
    #[error("the same conflict came {0} times")]
    Contended(u32),
}

impl From<tiberius::error::Error> for SqlError {
    fn from(error: tiberius::error::Error) -> Self {
        match error {
            tiberius::error::Error::Server(token) => {
                Self::Server { number: token.code(), class: token.class(), message: token.message().to_owned() }
            }
            other => Self::Connection(other.to_string()),
        }
    }
}

impl SqlError {
    /// Whether the connection can be used after it.
    pub(super) fn spares_the_connection(&self) -> bool {
        match self {
            Self::Server { class, .. } => *class < FATAL_CLASS,
            Self::Unreadable(_) | Self::Contended(_) => true,
            Self::Connection(_) | Self::Slow(_) | Self::Exhausted | Self::Closed => false,
        }
    }

    /// Whether the transaction was rolled back by the server, and may be begun again.
    pub(super) fn may_be_done_again(&self) -> bool {
        let Self::Server { number, .. } = self else { return false };
        matches!(meaning(*number), Meaning::Again | Meaning::Taken)
    }

    /// The same as a failure of any port.
    pub(super) fn failure(self) -> Failure {
        match &self {
            Self::Slow(_) | Self::Exhausted => Failure::Timeout,
            Self::Unreadable(text) => Failure::Corrupt(text.clone()),
            Self::Connection(_) | Self::Closed | Self::Contended(_) => Failure::Unavailable(Arc::new(self)),
            Self::Server { class, .. } if *class >= FATAL_CLASS => Failure::Unavailable(Arc::new(self)),
            Self::Server { number, .. } => match meaning(*number) {
                Meaning::Again | Meaning::Taken | Meaning::Away | Meaning::Refused => {
                    Failure::Unavailable(Arc::new(self))
                }
                Meaning::Locked => Failure::Timeout,
                Meaning::Full => Failure::Full("the database has no room".to_owned()),
                Meaning::Unreadable => Failure::Corrupt(self.to_string()),
            },
        }
    }
}

/// What a failed call means, before a port gives it its name.
pub(super) enum Failure {
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
    Timeout,
    Full(String),
    Corrupt(String),
}

/// A port's error, made from the server's.
pub(super) trait PortError: Send + 'static {
    /// Gives it the port's name.
    fn from_sql(error: SqlError) -> Self;
}

/// The two stores' errors have the same variants for what a server can say.
macro_rules! error_of_a_store {
    ($error:ty) => {
        impl PortError for $error {
            fn from_sql(error: SqlError) -> Self {
                match error.failure() {
                    Failure::Unavailable(source) => Self::Unavailable(Some(source)),
                    Failure::Timeout => Self::Timeout,
                    Failure::Full(text) => Self::Full(text),
                    Failure::Corrupt(text) => Self::Corrupt(text),
                }
            }
        }
    };
}

error_of_a_store!(StoreError);
error_of_a_store!(NotificationStoreError);

impl PortError for FeedError {
    fn from_sql(error: SqlError) -> Self {
        match error.failure() {
            Failure::Unavailable(source) => Self::Unavailable(Some(source)),
            Failure::Timeout => Self::Timeout,
            Failure::Full(reason) | Failure::Corrupt(reason) => {
                Self::Corrupt { position: FeedPosition::default(), reason }
            }
        }
    }
}

/// Why the database cannot be opened, migrated or looked after.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqlServerError {
    /// The connection string cannot be understood. It is not shown: it holds a password.
    #[error("the connection string is not one: {0}")]
    ConnectionString(String),
    /// The server cannot be reached, refuses us, or failed.
    #[error("{what} failed")]
    Server {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The database has not what this release needs: `smartpulse migrate` brings it.
    #[error("{0} migrations are due: run smartpulse migrate")]
    Behind(usize),
    /// A later release migrated the database, and does not serve this one any more.
    #[error("the database is at migration {found}, this release knows {known}: use a later release")]
    Ahead {
        /// The database's last migration.
        found: u32,
        /// The last one that this release knows.
        known: u32,
    },
    /// A migration was changed after it was applied.
    #[error("migration {0} was changed after it was applied")]
    Changed(u32),
    /// The database is not set as it must be.
    #[error("the database is not set as it must be: {0}")]
    Setting(String),
}

impl SqlServerError {
    /// Names what was being done when `source` came.
    pub(super) fn during(what: impl Into<String>) -> impl FnOnce(SqlError) -> Self {
        let what = what.into();
        move |source| Self::Server { what, source: Arc::new(source) }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Server { .. })
    }
}

impl PortError for SqlServerError {
    fn from_sql(error: SqlError) -> Self {
        Self::during("a statement")(error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn server(number: u32) -> SqlError {
        SqlError::Server { number, class: 16, message: String::new() }
    }

    /// Each meaning to each port; a number that is not in the table is a statement that is wrong.
    #[test]
    fn each_number_has_one_meaning_and_each_meaning_its_error() {
        let numbers: BTreeSet<u32> = NUMBERS.iter().map(|(number, _, _)| *number).collect();
        assert_eq!(numbers.len(), NUMBERS.len(), "a number stands twice");
        for (number, wanted, why) in NUMBERS {
            assert_eq!(meaning(number), wanted);
            assert!(!why.is_empty());
            let store = StoreError::from_sql(server(number));
            let notifications = NotificationStoreError::from_sql(server(number));
            let feed = FeedError::from_sql(server(number));
            assert_eq!(store.is_retryable(), notifications.is_retryable(), "{number}");
            let again = server(number).may_be_done_again();
            match wanted {
                Meaning::Again | Meaning::Taken => {
                    assert!(again && matches!(store, StoreError::Unavailable(Some(_))), "{number}: {store:?}");
                }
                Meaning::Away | Meaning::Refused => {
                    assert!(!again && matches!(store, StoreError::Unavailable(Some(_))), "{number}: {store:?}");
                    assert!(matches!(feed, FeedError::Unavailable(Some(_))), "{number}: {feed:?}");
                }
                Meaning::Locked => assert!(!again && matches!(store, StoreError::Timeout), "{number}: {store:?}"),
                Meaning::Full => assert!(!again && matches!(store, StoreError::Full(_)), "{number}: {store:?}"),
                Meaning::Unreadable => panic!("{number} need not stand in the table"),
            }
        }
        for number in [102, 207, 208, 313, 515, 547, 2628, 8152, 266] {
            assert_eq!(meaning(number), Meaning::Unreadable);
            assert!(matches!(StoreError::from_sql(server(number)), StoreError::Corrupt(_)));
            assert!(!StoreError::from_sql(server(number)).is_retryable());
        }
    }

    /// What ends the connection is told from what ends a statement.
    #[test]
    fn only_some_errors_spare_the_connection() {
        assert!(server(1205).spares_the_connection());
        assert!(!SqlError::Server { number: 9001, class: 21, message: String::new() }.spares_the_connection());
        let fatal = SqlError::Server { number: 102, class: 20, message: String::new() };
        assert!(matches!(StoreError::from_sql(fatal), StoreError::Unavailable(Some(_))));
        for lost in [SqlError::Slow("a statement"), SqlError::Connection(String::new()), SqlError::Closed] {
            assert!(!lost.spares_the_connection(), "{lost:?}");
        }
    }
}
