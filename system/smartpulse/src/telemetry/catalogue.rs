//! The metrics of one instance, with their descriptions.

use std::fmt::Write as _;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::registry::{Metric, Registry, Unit};

pub(super) const PREFIX: &str = "smartpulse";

/// The content type of [`Catalogue::encode`].
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A registry that remembers what was registered. The registry alone says nothing about families without a sample, but
/// a reader of the documentation wants to see them too.
#[derive(Debug)]
pub struct Catalogue {
    registry: Registry,
    descriptors: Vec<Descriptor>,
}

/// One metric, as documented.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Descriptor {
    /// The full name, as scraped.
    pub name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: &'static str,
    /// The base unit, or nothing for a plain count.
    pub unit: String,
    /// One sentence.
    pub help: String,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalogue {
    /// An empty one; each name will begin with `smartpulse_`.
    pub fn new() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), descriptors: Vec::new() }
    }

    /// Registers a metric without a unit. `name` comes without prefix and without `_total`.
    pub fn register<M: Metric + TypedMetric>(&mut self, name: &str, help: &str, metric: M) {
        self.describe::<M>(name, None, help);
        self.registry.register(name, help, metric);
    }

    /// Registers a metric in a base unit, which becomes part of its name.
    pub fn register_with_unit<M: Metric + TypedMetric>(&mut self, name: &str, help: &str, unit: Unit, metric: M) {
        self.describe::<M>(name, Some(&unit), help);
        self.registry.register_with_unit(name, help, unit, metric);
    }

    /// Registers values that are read at each scrape, with the description of each.
    pub fn register_collector(&mut self, collector: impl Collector, described: impl IntoIterator<Item = Descriptor>) {
        self.descriptors.extend(described);
        self.registry.register_collector(Box::new(collector));
    }

    fn describe<M: TypedMetric>(&mut self, name: &str, unit: Option<&Unit>, help: &str) {
        let unit = unit.map_or("", Unit::as_str);
        let joint = if unit.is_empty() { "" } else { "_" };
        let (kind, suffix) = match M::TYPE.as_str() {
            "counter" => ("counter", "_total"),
            "gauge" => ("gauge", ""),
            "histogram" => ("histogram", ""),
            "info" => ("info", "_info"),
            _ => ("unknown", ""),
        };
        let name = format!("{PREFIX}_{name}{joint}{unit}{suffix}");
        self.descriptors.push(Descriptor { name, kind, unit: unit.to_owned(), help: help.to_owned() });
    }

    /// All samples in the text format of OpenMetrics.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// What is registered, by name.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        let mut sorted = self.descriptors.clone();
        sorted.sort();
        sorted
    }

    /// The content of `system/METRICS.md`.
    pub fn to_markdown(&self) -> String {
        let mut page = String::from(
            "# Metrics\n\nGenerated from the registry; a test compares it. `BLESS=1 cargo test -p smartpulse` writes \
             it anew.\nScraped from `/metrics` on the internal address. Units are base units; no key and no company \
             is ever a label.\n\n| Name | Type | Unit | Meaning |\n| --- | --- | --- | --- |\n",
        );
        for Descriptor { name, kind, unit, help } in self.descriptors() {
            let _ = writeln!(page, "| `{name}` | {kind} | {unit} | {help} |");
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;

    #[test]
    fn the_described_names_are_the_scraped_names() {
        let mut catalogue = Catalogue::new();
        let counter: Counter = Counter::default();
        let gauge: Gauge = Gauge::default();
        catalogue.register("events", "Events seen", counter.clone());
        catalogue.register_with_unit("stored", "Bytes stored", Unit::Bytes, gauge);
        catalogue.register_with_unit("wait", "Time waited", Unit::Seconds, Histogram::new([1.0]));
        counter.inc();
        let scraped = catalogue.encode();
        assert!(scraped.contains("smartpulse_events_total 1"), "{scraped}");
        for descriptor in catalogue.descriptors() {
            assert!(scraped.contains(&descriptor.name), "{descriptor:?} in {scraped}");
        }
        assert!(catalogue.to_markdown().contains("| `smartpulse_wait_seconds` | histogram | seconds | Time waited |"));
    }
}
