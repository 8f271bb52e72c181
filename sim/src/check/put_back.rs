//! When the store was put back, and until when somebody may not know of it.

use crate::log::{Event, Record};

/// So long after it was noticed, everybody has heard of it, or answers nothing unmarked (C3).
const HEARD_MS: u64 = 5_000;
/// The mark of the store.
const NOTICED: &str = "put_back_noticed";

/// What the log said of it.
#[derive(Debug, Default)]
pub(super) struct PutBack {
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    at_ms: u64,
    /// When the incarnation was raised for it.
    noticed_ms: Option<u64>,
}

impl PutBack {
    pub(super) fn observe(&mut self, record: &Record) {
        match &record.event {
            Event::PutBack { announced, .. } => {
                let noticed_ms = announced.then_some(record.at_ms);
                self.last = Some(Last { at_ms: record.at_ms, noticed_ms });
            }
            Event::Mark { name } if name == NOTICED => {
                if let Some(last) = &mut self.last {
                    last.noticed_ms.get_or_insert(record.at_ms);
                }
            }
            _ => {}
        }
    }

    /// When it was put back last.
    pub(super) fn at_ms(&self) -> Option<u64> {
        self.last.as_ref().map(|last| last.at_ms)
    }

    /// Whether, at `at_ms`, somebody may not have heard of it.
    pub(super) fn is_fresh(&self, at_ms: u64) -> bool {
        let heard = |last: &Last| last.noticed_ms.is_some_and(|noticed_ms| at_ms >= noticed_ms + HEARD_MS);
        self.last.as_ref().is_some_and(|last| !heard(last))
    }
}
