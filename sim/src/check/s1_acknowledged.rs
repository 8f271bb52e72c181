//! Of S1, what an instance shows after it acknowledged an invalidation: nothing from before it.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::commits::Commits;
use super::requests::Requests;
use crate::log::{Event, Op, Record, Ver};

/// The invalidations that instances acknowledged.
#[derive(Default)]
pub(super) struct Acknowledged {
    requests: Requests,
    commits: Commits,
    /// By host and key: the ordinal and the version.
    known: BTreeMap<(String, Uuid), Vec<(u64, Ver)>>,
}

impl Acknowledged {
    pub(super) fn judge(&mut self, record: &Record) -> Result<(), String> {
        self.commits.observe(record);
        match &record.event {
            Event::InvalidationAcknowledged { key, version, .. } => {
                let known = self.known.entry((record.host.clone(), *key)).or_default();
                if known.last().is_none_or(|(_, last)| last < version) {
                    known.push((record.ordinal, *version));
                }
            }
            Event::Up | Event::Down => self.known.retain(|(host, _), _| *host != record.host),
            _ => {}
        }
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        if !matches!(sent.ask.op, Op::Get) || answer.status != 200 {
            return Ok(());
        }
        let host = answer.boot.split('-').next().unwrap_or_default();
        for shown in &answer.shown {
            let known = self.known.get(&(host.to_owned(), shown.key));
            let floor = known.and_then(|all| all.iter().rev().find(|(ordinal, _)| *ordinal < sent.ordinal));
            if let Some((_, floor)) = floor
                && shown.version.is_below(*floor)
                && self.commits.of(shown.key).iter().any(|commit| commit.version == *floor)
            {
                return Err(format!(
                    "{} shows {} of {} after it acknowledged the invalidation of {floor}",
                    answer.boot, shown.version, shown.key
                ));
            }
        }
        Ok(())
    }
}
