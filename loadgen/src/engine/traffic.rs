//! What is sent, and what is thought of the replies.

use std::borrow::Cow;

use crate::http::{Level, Reply};

/// One arrival of the plan.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Its number, from 0.
    pub index: u64,
    /// When it is due, in nanoseconds from the start.
    pub due_ns: u64,
}

/// What an arrival does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Which target gets it.
    pub target: usize,
    /// Which of the traffic's kinds of request it is.
    pub kind: usize,
    /// Which item it is about.
    pub item: usize,
    /// What else the traffic wants to know again when the reply comes.
    pub note: u64,
}

/// When it was due, sent and answered, in nanoseconds from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it was due.
    pub due_ns: u64,
    /// When it was sent.
    pub sent_ns: u64,
    /// When its reply was there.
    pub done_ns: u64,
}

/// What a reply is counted as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be; answered by this tier, where the reply names one.
    Good(Option<Level>),
    /// 304; by this tier.
    NotModified(Option<Level>),
    /// Wrong, by this name.
    Wrong(Cow<'static, str>),
}

/// Says what is sent, and judges what comes back. Called by the engine's one thread, in order.
pub trait Traffic {
    /// The kinds of request, by name.
    fn kinds(&self) -> Vec<&'static str>;

    /// What the next arrival does. Called once for each, when it is due.
    fn plan(&mut self, arrival: Arrival) -> Job;

    /// The request's bytes, when there is a connection for it. What is noted in the job is there again with its reply.
    fn write(&mut self, job: &mut Job, out: &mut Vec<u8>);

    /// What its reply is.
    fn reply(&mut self, job: &Job, reply: &Reply<'_>, times: &Times) -> Outcome;

    /// There will be no reply.
    fn failed(&mut self, job: &Job, at_ns: u64) {
        let _ = (job, at_ns);
    }
}
