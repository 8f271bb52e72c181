//! A container.

use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{GenericImage, ImageExt};
use uuid::Uuid;

use super::SqlServer;
use crate::{Absence, engine};

const IMAGE: &str = "mcr.microsoft.com/mssql/server";
const VERSION: &str = "2022-latest";
const PORT: u16 = 1433;

/// Developer is the edition that has everything; CDC needs the Agent.
pub(super) fn find() -> Result<SqlServer, Absence> {
    engine()?;
    let broken = |what: String| Absence::Broken(format!("{IMAGE}:{VERSION}: {what}"));
    // Three kinds of characters, as the server wants it.
    let password = format!("Aa1{}", Uuid::new_v4().simple());
    let image = GenericImage::new(IMAGE, VERSION)
        .with_exposed_port(PORT.tcp())
        .with_wait_for(WaitFor::message_on_stdout("Recovery is complete"))
        .with_env_var("ACCEPT_EULA", "Y")
        .with_env_var("MSSQL_PID", "Developer")
        .with_env_var("MSSQL_AGENT_ENABLED", "true")
        .with_env_var("MSSQL_SA_PASSWORD", &password);
    let container = image.start().map_err(|error| broken(error.to_string()))?;
    let port = container.get_host_port_ipv4(PORT.tcp()).map_err(|error| broken(error.to_string()))?;
    let connection = format!("Server=tcp:127.0.0.1,{port};User Id=sa;Password={password};TrustServerCertificate=true");
    SqlServer::container(connection, container)
}
