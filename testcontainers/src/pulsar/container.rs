//! A container.

use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{GenericImage, ImageExt};

use super::{Broker, VERSION};
use crate::{Absence, engine};

const IMAGE: &str = "apachepulsar/pulsar";
const ADMIN_PORT: u16 = 8080;

/// The broker tells its clients where to connect, so its port must be the same on both sides; a free one of ours.
pub(super) fn find() -> Result<Broker, Absence> {
    engine()?;
    let broken = |what: String| Absence::Broken(format!("{IMAGE}:{VERSION}: {what}"));
    let port = crate::free_port().map_err(|error| broken(error.to_string()))?;
    let mut image = GenericImage::new(IMAGE, VERSION)
        .with_exposed_port(ADMIN_PORT.tcp())
        .with_wait_for(WaitFor::message_on_stdout("messaging service is ready"))
        .with_mapped_port(port, port.tcp())
        .with_cmd(["sh", "-c", "bin/apply-config-from-env.py conf/standalone.conf && bin/pulsar standalone -nfw -nss"]);
    for (key, value) in super::local::settings(port, ADMIN_PORT, "0.0.0.0") {
        image = image.with_env_var(format!("PULSAR_PREFIX_{key}"), value);
    }
    let container = image.start().map_err(|error| broken(error.to_string()))?;
    let admin = container.get_host_port_ipv4(ADMIN_PORT.tcp()).map_err(|error| broken(error.to_string()))?;
    Broker::container(format!("pulsar://127.0.0.1:{port}"), format!("http://127.0.0.1:{admin}"), container)
}
