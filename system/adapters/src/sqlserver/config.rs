//! What can be set about the database and the connections to it.

use std::fmt;
use std::time::Duration;

use tiberius::{AuthMethod, Config, EncryptionLevel};

use super::errors::SqlServerError;

/// How often the app should call [`super::SqlServer::prune`].
pub const PRUNE_INTERVAL: Duration = Duration::from_secs(10);

/// No process holds more connections (specification 7.2).
pub const CONNECTIONS_MAX: usize = 100;

/// Which feature of SQL Server the change feed reads (DESIGN section 4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FeedMode {
    /// `CHANGETABLE`: what changed, once for each row, as soon as it is committed. The default.
    #[default]
    ChangeTracking,
    /// Change Data Capture: each change, about a second later; needs the Agent and an edition that has it.
    Cdc,
}

/// How long a page of the change feed takes at most, which nobody's request waits for: the server sorts all that changed
/// since the cursor.
pub(super) const PAGE_TIMEOUT: Duration = Duration::from_secs(40);

/// Where the database is, and who we are there. Its debug form shows no secret.
#[derive(Clone)]
pub struct SqlServerConfig {
    pub(super) target: Config,
    /// Which feature the change feed reads.
    pub feed: FeedMode,
    /// How many connections at most; more than [`CONNECTIONS_MAX`] are as many as that.
    pub connections: usize,
    /// How long a connection takes at most to be made: the network, the handshake, the login.
    pub connect_timeout: Duration,
    /// How long a call waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement takes at most. Longer than the server waits for a lock (1.5 s).
    pub statement_timeout: Duration,
    /// How long the change feed of mode `cdc` is retained.
    pub retention: Duration,
    /// How long tombstones are kept; must be longer than `retention`, and than the 8 days of Change Tracking.
    pub tombstone_retention: Duration,
    /// How many bytes of events the outbox may hold that are not sent; commits with events are refused as full beyond.
    pub max_bytes: u64,
    /// How many bytes of files may wait with mails that are not sent, in all; mails with more are refused as full.
    pub files_max_bytes: u64,
}

impl SqlServerConfig {
    /// The defaults for the database that `connection` names: `Server=tcp:host,1433;Database=...;User Id=...;Password=...`,
    /// with `TrustServerCertificate=true`, or `TrustServerCertificateCA=<file>`, as ADO.NET and tiberius have it; a
    /// `jdbc:sqlserver://` URL too. The connection is encrypted unless it says `Encrypt=false`.
    ///
    /// # Errors
    /// [`SqlServerError::ConnectionString`], which shows nothing of it.
    pub fn new(connection: &str) -> Result<Self, SqlServerError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let wrong = |why: &str| SqlServerError::ConnectionString(why.to_owned());
        let parsed = match connection.trim().starts_with("jdbc:") {
            true => Config::from_jdbc_string(connection.trim()),
            false => Config::from_ado_string(connection.trim()),
        };
        // The driver's words may repeat what it was given.
        let mut target = parsed.map_err(|_| wrong("expected Server=...;Database=...;User Id=...;Password=..."))?;
        target.application_name("SmartPulse");
        let connect_timeout = Duration::from_secs(5);
        let statement_timeout = Duration::from_secs(10);
        target.handshake_timeout(Some(connect_timeout));
        // Ours comes first, and says what took too long.
        target.command_timeout(Some(2 * PAGE_TIMEOUT));
        Ok(Self {
            target,
            feed: FeedMode::default(),
            connections: CONNECTIONS_MAX,
            connect_timeout,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout,
            retention: 7 * DAY,
            tombstone_retention: 30 * DAY,
            max_bytes: 1 << 30,
            files_max_bytes: 1 << 30,
        })
    }

    /// The same for another database of the server.
    #[must_use]
    pub fn with_database(mut self, name: &str) -> Self {
        self.target.database(name);
        self
    }

    /// The same with this login, whose password stood in no connection string.
    #[must_use]
    pub fn with_login(mut self, user: &str, password: &str) -> Self {
        self.target.authentication(AuthMethod::sql_server(user, password));
        self
    }

    /// The same without encryption, for a server on this machine.
    #[must_use]
    pub fn unencrypted(mut self) -> Self {
        self.target.encryption(EncryptionLevel::NotSupported);
        self
    }

    /// Where the server is.
    pub fn address(&self) -> String {
        self.target.get_addr()
    }
}

impl fmt::Debug for SqlServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlServerConfig")
            .field("address", &self.address())
            .field("feed", &self.feed)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cret;Pass";

    #[test]
    fn no_secret_is_shown() {
        let config = SqlServerConfig::new(&format!(
            "Server=tcp:db.example.com,1433;Database=SmartPulse;User Id=app;Password=\"{SECRET}\";TrustServerCertificate=true"
        ))
        .unwrap();
        assert_eq!(config.address(), "db.example.com:1433");
        let login = config.clone().with_login("app", SECRET);
        for shown in [format!("{config:?}"), format!("{login:?}"), format!("{:?}", login.target)] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        let wrong = SqlServerConfig::new("Password=s3cret;port=nonsense;Server=tcp:h,notaport").unwrap_err();
        assert!(!format!("{wrong} {wrong:?}").contains("s3cret"), "{wrong:?}");
    }
}
