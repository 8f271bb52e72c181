//! The requests that say something new about the key: an answer like the instance's last one is not shown.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Run;
use super::scene::{Arrow, Line, Scene};
use super::subject::Subject;
use crate::log::{Answer, Ask, Event, Message, Op, Record, Ver};
use crate::world::instance_name;

/// A request that is shown, with its calls.
pub(super) struct Shown {
    pub(super) host: String,
    pub(super) asked_ms: u64,
    pub(super) answered_ms: u64,
}

/// Answers are compared with those of their class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    One,
    List,
    Write,
}

impl Class {
    fn of(op: Op) -> Self {
        match op {
            Op::Get => Self::One,
            Op::List(_) => Self::List,
            Op::Create | Op::Patch | Op::Delete => Self::Write,
        }
    }
}

impl Shown {
    /// Whether the instance made this call for the request, as far as time and key tell.
    pub(super) fn caused(&self, message: &Message, key: Option<Uuid>) -> bool {
        let is_call = matches!(message.what.as_str(), "get" | "list" | "versions" | "commit" | "fill");
        let host = if message.answers.is_some() { &message.to } else { &message.from };
        let within = self.asked_ms <= message.sent_ms && message.received_ms.is_none_or(|ms| ms <= self.answered_ms);
        let of_key = key.is_some_and(|key| is_about(message, key));
        is_call && within && message.sent_ms <= self.answered_ms && *host == self.host && of_key
    }
}

/// Whether a message names the key.
pub(super) fn is_about(message: &Message, key: Uuid) -> bool {
    message.about.as_ref().is_some_and(|about| about.contains(&key.to_string()))
}

/// What an answer says about the key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Version(u64, bool),
    Status(u16),
    Nothing,
}

/// Adds the lines of the requests; answers which those are.
pub(super) fn add(run: &Run<'_>, subject: &Subject, scene: &mut Scene) -> Vec<Shown> {
    let mut asked: BTreeMap<u64, (&Ask, u64)> = BTreeMap::new();
    let mut last: BTreeMap<(usize, Class), Said> = BTreeMap::new();
    let (mut shown, mut alike) = (Vec::new(), 0_usize);
    for record in run.records.iter().take_while(|record| record.at_ms <= subject.to_ms) {
        let request = match &record.event {
            Event::Asked(ask) => {
                asked.insert(ask.request, (ask, record.at_ms));
                continue;
            }
            Event::Answered(answer) => answer.request,
            Event::Unanswered { request, .. } => *request,
            _ => continue,
        };
        let Some((ask, asked_ms)) = asked.remove(&request) else { continue };
        let is_violation = subject.ordinal == Some(record.ordinal);
        let Some(said) = said(record, ask, subject.key).or(is_violation.then_some(Said::Nothing)) else { continue };
        let is_write = Class::of(ask.op) == Class::Write && !matches!(said, Said::Status(_));
        let is_news = last.insert((ask.instance, Class::of(ask.op)), said.clone()) != Some(said);
        if !scene.shows(asked_ms) && !is_violation {
            continue;
        }
        if !(is_news || is_write || is_violation) {
            alike += 1;
            continue;
        }
        let host = instance_name(ask.instance);
        let one = Shown { host, asked_ms, answered_ms: record.at_ms };
        lines(run, &one, record, ask, is_violation, subject.key, scene);
        shown.push(one);
    }
    if alike > 0 {
        scene.notes.push(format!("{alike} requests about the key are not shown: they were answered as the one before"));
    }
    shown
}

fn said(record: &Record, ask: &Ask, key: Option<Uuid>) -> Option<Said> {
    let key = key?;
    match &record.event {
        Event::Answered(answer) => {
            let version = answer.shown.iter().find(|shown| shown.key == key).map(|shown| shown.version.1);
            match version {
                Some(version) => Some(Said::Version(version, answer.stale)),
                None => (ask.key == Some(key)).then_some(Said::Status(answer.status)),
            }
        }
        _ => (ask.key == Some(key)).then_some(Said::Nothing),
    }
}

fn lines(
    run: &Run<'_>,
    one: &Shown,
    record: &Record,
    ask: &Ask,
    is_violation: bool,
    key: Option<Uuid>,
    scene: &mut Scene,
) {
    let (Some(client), Some(instance)) = (scene.column(&record.host), scene.column(&one.host)) else { return };
    let (arrived_ms, left_ms) = at_the_instance(run, one, key);
    let asked_ms = one.asked_ms.max(scene.from_ms);
    let received_ms = Some(arrived_ms.max(asked_ms));
    let text = question(ask);
    let line = Line::Client;
    scene.arrows.push(Arrow { from: client, to: instance, sent_ms: asked_ms, received_ms, line, text });
    let (line, text) = match &record.event {
        Event::Answered(answer) if is_violation => (Line::Violation, reply(answer, key)),
        Event::Answered(answer) => (Line::Client, reply(answer, key)),
        // It is not known which of the two was lost.
        Event::Unanswered { why, .. } => (Line::Client, format!("no answer: {why}")),
        _ => return,
    };
    let received_ms = matches!(record.event, Event::Answered(_)).then_some(record.at_ms);
    let sent_ms = left_ms.max(asked_ms);
    scene.arrows.push(Arrow { from: instance, to: client, sent_ms, received_ms, line, text });
}

/// When a request came to its instance and left it: its calls tell; half-way where it made none.
fn at_the_instance(run: &Run<'_>, one: &Shown, key: Option<Uuid>) -> (u64, u64) {
    let half = one.asked_ms + (one.answered_ms - one.asked_ms) / 2;
    let (mut arrived_ms, mut left_ms) = (half, half);
    for message in run.messages.iter().filter(|message| one.caused(message, key)) {
        arrived_ms = arrived_ms.min(message.sent_ms);
        left_ms = left_ms.max(message.received_ms.unwrap_or_default());
    }
    (arrived_ms, left_ms.min(one.answered_ms))
}

fn question(ask: &Ask) -> String {
    let what = match ask.op {
        Op::Get => "GET",
        Op::List(_) => "GET list",
        Op::Create => "POST",
        Op::Patch => "PATCH",
        Op::Delete => "DELETE",
    };
    ask.min.map_or_else(|| what.to_owned(), |min| format!("{what} ≥{min}"))
}

fn reply(answer: &Answer, key: Option<Uuid>) -> String {
    let version = answer.shown.iter().find(|shown| Some(shown.key) == key).map(|shown| match shown.version {
        Ver(0, number) => format!(" v{number}"),
        version => format!(" v{version}"),
    });
    let level = answer.level.as_ref().map(|level| format!(" {level}")).unwrap_or_default();
    let stale = if answer.stale { " stale" } else { "" };
    format!("{}{}{level}{stale}", answer.status, version.unwrap_or_default())
}
