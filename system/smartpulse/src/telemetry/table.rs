//! Metrics that are read at each scrape, as a table: name, meaning, kind, and how to read it from what one scrape sees.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::catalogue::{Catalogue, Descriptor, PREFIX};

/// A value at a scrape.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// Rises only.
    Counter(u64),
    /// Goes up and down.
    Gauge(f64),
}

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

/// A line of a table over `S`. Without a value (a job that the instance does not have) it is not scraped.
pub(super) type Metric<S> = (&'static str, &'static str, Kind, fn(&S) -> Option<Value>);

pub(super) const C: Kind = Kind::Counter;
pub(super) const G: Kind = Kind::Gauge;

pub(super) fn gauge(is_so: bool) -> Option<Value> {
    Some(Value::Gauge(f64::from(u8::from(is_so))))
}

pub(super) fn whole(number: u64) -> Option<Value> {
    Some(Value::Gauge(number as f64))
}

pub(super) fn count(number: u64) -> Option<Value> {
    Some(Value::Counter(number))
}

struct Table<S: 'static, F> {
    metrics: &'static [Metric<S>],
    look: F,
}

impl<S, F> fmt::Debug for Table<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table")
    }
}

/// Registers a table; `look` is what one scrape sees.
pub(super) fn register_table<S: 'static>(
    catalogue: &mut Catalogue,
    metrics: &'static [Metric<S>],
    look: impl Fn() -> S + Send + Sync + 'static,
) {
    let described = metrics.iter().map(|(name, help, kind, _)| Descriptor {
        name: format!("{PREFIX}_{name}{}", if *kind == C { "_total" } else { "" }),
        kind: if *kind == C { "counter" } else { "gauge" },
        unit: if name.ends_with("_seconds") { "seconds".to_owned() } else { String::new() },
        help: (*help).to_owned(),
    });
    catalogue.register_collector(Table { metrics, look }, described);
}

impl<S: 'static, F: Fn() -> S + Send + Sync + 'static> Collector for Table<S, F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let seen = (self.look)();
        for (name, help, kind, value) in self.metrics {
            let Some(value) = value(&seen) else { continue };
            let kind = if *kind == C { MetricType::Counter } else { MetricType::Gauge };
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            match value {
                Value::Counter(number) => metric.encode_counter::<NoLabelSet, _, u64>(&number, None)?,
                Value::Gauge(number) => metric.encode_gauge(&number)?,
            }
        }
        Ok(())
    }
}
