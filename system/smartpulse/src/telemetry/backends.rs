//! Calls of the backends, told by the metering layer of the adapters.

use adapters::layers::meter::{Call, Meter};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;

use super::catalogue::Catalogue;

const DURATION_BUCKETS_S: [f64; 10] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    port: &'static str,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    port: &'static str,
    method: &'static str,
    error: &'static str,
}

/// Counts and durations, by port and method.
#[derive(Debug)]
pub struct BackendMetrics {
    durations: Family<Labels, Histogram, fn() -> Histogram>,
    errors: Family<ErrorLabels, Counter>,
}

impl BackendMetrics {
    /// Registers the metrics.
    pub fn register(catalogue: &mut Catalogue) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(DURATION_BUCKETS_S);
        let durations = Family::<Labels, Histogram, fn() -> Histogram>::new_with_constructor(histogram);
        let errors = Family::<ErrorLabels, Counter>::default();
        let help = "Time that a call of a backend took, by port and method";
        catalogue.register_with_unit("backend_call_duration", help, Unit::Seconds, durations.clone());
        catalogue.register(
            "backend_errors",
            "Calls of a backend that answered an error, by port, method and error",
            errors.clone(),
        );
        Self { durations, errors }
    }
}

impl Meter for BackendMetrics {
    fn called(&self, call: Call) {
        // Waiting for a message is no work of the bus.
        if call.method != "next" {
            let labels = Labels { port: call.port, method: call.method };
            self.durations.get_or_create(&labels).observe(call.took.as_secs_f64());
        }
        if let Some(error) = call.error {
            self.errors.get_or_create(&ErrorLabels { port: call.port, method: call.method, error }).inc();
        }
    }
}
