//! The requests that wait for their answer.

use std::collections::BTreeMap;

use crate::log::{Answer, Ask, Event, Record};

/// A request on its way.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) ask: Ask,
    pub(super) at_ms: u64,
    pub(super) ordinal: u64,
}

/// By their number.
#[derive(Debug, Default)]
pub(super) struct Requests(BTreeMap<u64, Sent>);

impl Requests {
    /// What was asked and has no answer yet.
    pub(super) fn asked(&self, request: u64) -> Option<&Sent> {
        self.0.get(&request)
    }

    /// Takes note of a request; for an answer, gives back what was asked.
    pub(super) fn observe<'r>(&mut self, record: &'r Record) -> Option<(Sent, &'r Answer)> {
        match &record.event {
            Event::Asked(ask) => {
                let sent = Sent { ask: ask.clone(), at_ms: record.at_ms, ordinal: record.ordinal };
                self.0.insert(ask.request, sent);
                None
            }
            Event::Answered(answer) => self.0.remove(&answer.request).map(|sent| (sent, answer)),
            Event::Unanswered { request, .. } => {
                self.0.remove(request);
                None
            }
            _ => None,
        }
    }
}
