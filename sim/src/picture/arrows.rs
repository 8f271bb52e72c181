//! The messages between instances and backends that matter for the key.

use uuid::Uuid;

use super::Run;
use super::gather::seconds;
use super::requests::{Shown, is_about};
use super::scene::{Arrow, Line, Scene};
use super::subject::Subject;
use crate::log::Message;
use crate::world::SHARED;

/// More messages than that make no picture: the latest are shown, and those about the commit that should have shown.
const SHOWN_MAX: usize = 70;
/// The longest way over the network without faults, as seeds draw it.
const LATENCY_MS: u64 = 20;
/// How long after a commit its messages are on their way, as a rule.
const SPREAD_MS: u64 = 400;

/// Adds the lines of the messages.
pub(super) fn add(run: &Run<'_>, subject: &Subject, requests: &[Shown], scene: &mut Scene) {
    let Some(key) = subject.key else { return last_heads(run, scene) };
    let is_shown = |message: &&Message| {
        // What is on its way when the run ends is not lost.
        let is_late = message.received_ms.is_none() && message.sent_ms + LATENCY_MS > scene.to_ms;
        !is_late && scene.shows(message.sent_ms) && is_about(message, key) && matters(message, requests, key)
    };
    let messages: Vec<&Message> = run.messages.iter().filter(is_shown).collect();
    let too_many = messages.len().saturating_sub(SHOWN_MAX);
    let spreads = |at_ms: u64| subject.missed_ms.is_some_and(|from_ms| (from_ms..from_ms + SPREAD_MS).contains(&at_ms));
    let (mut left_out, mut named) = (0, None);
    for (place, message) in messages.iter().enumerate() {
        if place < too_many && !spreads(message.sent_ms) {
            left_out += 1;
            continue;
        }
        let Some(mut arrow) = arrow(message, scene) else { continue };
        // A message to several is named once.
        let name = Some((arrow.from, arrow.sent_ms, arrow.text.clone()));
        if named == name {
            arrow.text.clear();
        }
        named = name;
        scene.arrows.push(arrow);
    }
    if left_out > 0 {
        scene.notes.push(format!("{left_out} earlier messages about the key are not shown"));
    }
    last_heads(run, scene);
}

/// Reads matter as part of a request that is shown; what spreads a change always does.
fn matters(message: &Message, requests: &[Shown], key: Uuid) -> bool {
    match (message.what.as_str(), message.answers) {
        ("get" | "list" | "versions" | "fill" | "commit", _) => {
            requests.iter().any(|request| request.caused(message, Some(key)))
        }
        ("settle" | "subscribe" | "lost" | "restored", _) => false,
        // Every road raises the shared floor: worth a line only where it fails.
        ("raise", None) => message.received_ms.is_none(),
        (_, answers) => answers.is_none(),
    }
}

fn arrow(message: &Message, scene: &Scene) -> Option<Arrow> {
    let (from, to) = (scene.column(&message.from)?, scene.column(&message.to)?);
    let is_push = message.what.starts_with("change") || message.what.contains(':') || message.what == "head";
    let (line, text) = match message.answers {
        Some(_) => (Line::Answer, String::new()),
        None if is_push => (Line::Push, message.what.clone()),
        None => (Line::Call, message.what.clone()),
    };
    let received_ms = message.received_ms.filter(|at_ms| *at_ms <= scene.to_ms);
    Some(Arrow { from, to, sent_ms: message.sent_ms, received_ms, line, text })
}

/// The last head that each instance heard: what it trusts its tiers by.
fn last_heads(run: &Run<'_>, scene: &mut Scene) {
    let (mut named, mut before) = (None, Vec::new());
    for host in scene.columns.clone() {
        let is_head = |message: &Message| {
            message.what == "head" && message.answers.is_none() && message.from == SHARED && message.to == host
        };
        let heard_ms = |message: &Message| message.received_ms.filter(|at_ms| *at_ms <= scene.to_ms);
        let last = run.messages.iter().rfind(|message| is_head(message) && heard_ms(message).is_some());
        let Some((last, at_ms)) = last.and_then(|last| Some((last, last.received_ms?))) else { continue };
        if !scene.shows(last.sent_ms) {
            before.push(format!("{host} at {}", seconds(at_ms)));
            continue;
        }
        // One head goes to all.
        let text = if named == Some(last.sent_ms) { String::new() } else { "last head".to_owned() };
        named = Some(last.sent_ms);
        scene.arrows.extend(arrow(last, scene).map(|arrow| Arrow { text, ..arrow }));
    }
    if !before.is_empty() {
        scene.notes.push(format!("the last head was heard before: {}", before.join(", ")));
    }
}
