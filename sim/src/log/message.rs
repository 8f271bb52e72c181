//! Messages between hosts, which a run records where somebody wants to draw them. They are no part of the log: its digest
//! is the same with and without them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::world::SimTime;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Names it in the run.
    pub id: u64,
    /// Who sent it.
    pub from: String,
    /// To whom.
    pub to: String,
    /// The call, or what a subscription yields.
    pub what: String,
    /// The thing that it is about, if it is about one.
    pub about: Option<String>,
    /// When it was sent, in simulated milliseconds.
    pub sent_ms: u64,
    /// When it was received; `None`: it was lost, or the run ended before.
    pub received_ms: Option<u64>,
    /// The message that it answers.
    pub answers: Option<u64>,
}

/// What the sender says about a message.
pub(crate) struct Sending<'s> {
    pub(crate) from: &'s str,
    pub(crate) to: &'s str,
    pub(crate) what: String,
    pub(crate) about: Option<String>,
}

/// All messages of a run.
pub(crate) struct Messages {
    time: Arc<SimTime>,
    sent: BTreeMap<u64, Message>,
}

impl Messages {
    pub(crate) fn new(time: Arc<SimTime>) -> Self {
        Self { time, sent: BTreeMap::new() }
    }

    pub(crate) fn sent(&mut self, id: u64, sending: Sending<'_>) {
        let Sending { from, to, what, about } = sending;
        let (from, to, sent_ms) = (from.to_owned(), to.to_owned(), self.time.now_ms());
        self.sent.insert(id, Message { id, from, to, what, about, sent_ms, received_ms: None, answers: None });
    }

    /// An answer is about what its question was about.
    pub(crate) fn answered(&mut self, id: u64, question: u64) {
        let Some(asked) = self.sent.get(&question) else { return };
        let (from, to) = (asked.to.clone(), asked.from.clone());
        let answer = Message { id, from, to, received_ms: None, answers: Some(question), ..asked.clone() };
        self.sent.insert(id, Message { sent_ms: self.time.now_ms(), ..answer });
    }

    pub(crate) fn received(&mut self, id: u64) {
        if let Some(message) = self.sent.get_mut(&id) {
            message.received_ms = Some(self.time.now_ms());
        }
    }

    /// In the order of their sending.
    pub(crate) fn all(&self) -> Vec<Message> {
        self.sent.values().cloned().collect()
    }
}
