//! The server that the environment names.

use super::SqlServer;
use crate::Absence;

const URL: &str = "SMARTPULSE_TEST_SQLSERVER_URL";

pub(super) fn find() -> Result<SqlServer, Absence> {
    match std::env::var(URL) {
        Ok(connection) if !connection.trim().is_empty() => SqlServer::elsewhere(connection),
        _ => Err(Absence::Missing(format!("{URL} is not set"))),
    }
}
