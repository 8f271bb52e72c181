//! The server's own counters, from `/metrics` of the internal addresses.

use std::collections::BTreeMap;

use crate::failure::Failure;
use crate::http::{BaseUrl, BlockingClient};

/// The samples of a page (Prometheus text), by name and labels as they stand there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page(BTreeMap<String, f64>);

impl Page {
    /// Reads a page; what is no sample is left out.
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            // Label values may hold spaces, the value does not.
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(samples.collect())
    }

    /// The sum of the samples of `name` whose labels hold all of `labels` (written `key="value"`).
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let own = self.0.range(name.to_owned()..).take_while(|(sample, _)| sample.starts_with(name));
        let own = own.filter(|(sample, _)| matches!(sample.as_bytes().get(name.len()), None | Some(b'{')));
        own.filter(|(sample, _)| labels.iter().all(|label| sample.contains(label))).map(|(_, value)| value).sum()
    }
}

/// The pages of all instances.
#[derive(Debug, Clone, Default)]
pub struct Scrape(pub Vec<Page>);

impl Scrape {
    /// Reads the page of each internal address.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn read(addresses: &[BaseUrl]) -> Result<Self, Failure> {
        let page = |address: &BaseUrl| {
            let answer = BlockingClient::new(address.clone(), None).get("/metrics")?;
            if answer.status != 200 {
                return Err(Failure::Target(format!("{address}/metrics answers {}", answer.status)));
            }
            Ok(Page::parse(&String::from_utf8_lossy(&answer.body)))
        };
        addresses.iter().map(page).collect::<Result<_, _>>().map(Self)
    }

    /// The sum over all instances.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.0.iter().map(|page| page.sum(name, labels)).sum()
    }

    /// The same as [`since`](Self::since), for each instance.
    pub fn since_each(&self, before: &Self, name: &str, labels: &[&str]) -> Vec<i64> {
        self.0
            .iter()
            .zip(&before.0)
            .map(|(after, before)| (after.sum(name, labels) - before.sum(name, labels)) as i64)
            .collect()
    }

    /// What was counted since `before`, over all instances. Counters start at zero with their process: one that fell says
    /// that an instance was started anew.
    pub fn since(&self, before: &Self, name: &str, labels: &[&str]) -> i64 {
        (self.sum(name, labels) - before.sum(name, labels)) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_labels() {
        let page = Page::parse(
            "# HELP a x\na_total 1\na_total_more 5\nb_total{tier=\"L1\",x=\"a b\"} 2\nb_total{tier=\"L2\"} 3\nbad\n",
        );
        assert!((page.sum("a_total", &[]) - 1.0).abs() < 1e-9);
        assert!((page.sum("b_total", &[]) - 5.0).abs() < 1e-9);
        assert!((page.sum("b_total", &["tier=\"L1\""]) - 2.0).abs() < 1e-9);
        assert!(page.sum("c", &[]).abs() < 1e-9);
    }
}
