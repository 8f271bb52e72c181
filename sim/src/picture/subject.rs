//! Which forecast and which time a violation is about.

use uuid::Uuid;

use super::Run;
use crate::log::{Event, Record, Ver};
use crate::run::Verdict;

/// What is shown where the key does not need more.
const WINDOW_MS: u64 = 8_000;
/// What is never exceeded.
const WINDOW_MAX_MS: u64 = 20_000;
/// What is shown before the instant that everything begins with.
const BEFORE_MS: u64 = 200;

/// What a picture is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) key: Option<Uuid>,
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    /// The record that shows the violation.
    pub(super) ordinal: Option<u64>,
    /// The commit that should have shown.
    pub(super) missed_ms: Option<u64>,
}

impl Subject {
    pub(super) fn of(run: &Run<'_>) -> Self {
        let violation = match &run.outcome.verdict {
            Verdict::Violated(violation) => Some(violation),
            Verdict::Passed | Verdict::Died(_) => None,
        };
        let ordinal = violation.map(|violation| violation.ordinal);
        let at = ordinal.and_then(|ordinal| run.records.get(usize::try_from(ordinal).ok()?));
        let key = violation.and_then(|violation| key_in(&violation.message)).or_else(|| at.and_then(key_of));
        let to_ms = at.or(run.records.last()).map_or(0, |record| record.at_ms);
        let shown = at.zip(key).and_then(|(record, key)| version_in(record, key));
        let missed_ms = shown.zip(key).and_then(|(shown, key)| first_commit_above(run.records, key, shown));
        let latest_ms = to_ms.saturating_sub(WINDOW_MS);
        let from_ms = match missed_ms.filter(|at_ms| *at_ms < to_ms) {
            Some(missed_ms) => {
                let born_ms = shown.zip(key).and_then(|(shown, key)| commit_of(run.records, key, shown));
                let born_ms = born_ms.map_or(missed_ms, |at_ms| at_ms.max(latest_ms));
                missed_ms.min(born_ms).saturating_sub(BEFORE_MS).max(to_ms.saturating_sub(WINDOW_MAX_MS))
            }
            None if key.is_some() => latest_ms,
            // About no forecast: the faults are the story.
            None => first_fault(run.records).map_or(latest_ms, |at_ms| at_ms.saturating_sub(BEFORE_MS).min(latest_ms)),
        };
        Self { key, from_ms, to_ms, ordinal, missed_ms }
    }
}

/// The first id in a text.
fn key_in(message: &str) -> Option<Uuid> {
    let words = message.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|word| word.len() == 36).find_map(|word| Uuid::parse_str(word).ok())
}

fn key_of(record: &Record) -> Option<Uuid> {
    match &record.event {
        Event::Asked(ask) => ask.key,
        Event::Answered(answer) if answer.shown.len() == 1 => answer.shown.first().map(|shown| shown.key),
        Event::Committed { key, .. } => Some(*key),
        _ => None,
    }
}

fn version_in(record: &Record, key: Uuid) -> Option<Ver> {
    let Event::Answered(answer) = &record.event else { return None };
    answer.shown.iter().find(|shown| shown.key == key).map(|shown| shown.version)
}

fn first_commit_above(records: &[Record], key: Uuid, shown: Ver) -> Option<u64> {
    records.iter().find_map(|record| match &record.event {
        Event::Committed { key: of, version, .. } if *of == key && shown.is_below(*version) => Some(record.at_ms),
        _ => None,
    })
}

fn first_fault(records: &[Record]) -> Option<u64> {
    let first = records.iter().find(|record| matches!(record.event, Event::FaultBegan { .. }));
    first.map(|record| record.at_ms)
}

fn commit_of(records: &[Record], key: Uuid, shown: Ver) -> Option<u64> {
    records.iter().find_map(|record| match &record.event {
        Event::Committed { key: of, version, .. } if *of == key && version.1 == shown.1 => Some(record.at_ms),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_in_the_message() {
        let message = "i1-2138fc showed 1.12 of 00000000-0000-0000-0000-000000f00003, but 1.13 was committed";
        assert_eq!(key_in(message), Some(Uuid::from_u128(0xf0_0003)));
        assert_eq!(key_in("i1 does not trust its tiers"), None);
    }
}
