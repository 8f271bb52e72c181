//! Which backends failed lately, told by the metering layer: for readiness.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapters::layers::meter::{Call, Meter};
use tokio::time::Instant;

/// How long a failure counts.
const RECENT: Duration = Duration::from_secs(10);

/// Passes calls on to another meter, and remembers when each backend was last out of reach.
pub struct Trouble {
    inner: Arc<dyn Meter>,
    failed_at: Mutex<BTreeMap<&'static str, Instant>>,
}

impl Trouble {
    /// In front of `inner`.
    pub fn before(inner: Arc<dyn Meter>) -> Self {
        Self { inner, failed_at: Mutex::default() }
    }

    /// Whether one of these ports was out of reach within the last seconds.
    pub fn is_recent(&self, ports: &[&str]) -> bool {
        let failed_at = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        ports.iter().any(|port| failed_at.get(port).is_some_and(|at| at.elapsed() < RECENT))
    }
}

impl Meter for Trouble {
    fn called(&self, call: Call) {
        self.inner.called(call);
        if matches!(call.error, Some("unavailable" | "timeout" | "closed")) {
            self.failed_at.lock().unwrap_or_else(PoisonError::into_inner).insert(call.port, Instant::now());
        }
    }
}
