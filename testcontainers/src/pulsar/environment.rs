//! The endpoint that the environment names.

use super::Broker;
use crate::Absence;

const URL: &str = "SMARTPULSE_TEST_PULSAR_URL";
const ADMIN_URL: &str = "SMARTPULSE_TEST_PULSAR_ADMIN_URL";

pub(super) fn find() -> Result<Broker, Absence> {
    match (std::env::var(URL), std::env::var(ADMIN_URL)) {
        (Ok(url), Ok(admin_url)) => Broker::elsewhere(url, admin_url),
        (Err(_), Err(_)) => Err(Absence::Missing(format!("{URL} is not set"))),
        _ => Err(Absence::Broken(format!("{URL} and {ADMIN_URL} go together"))),
    }
}
