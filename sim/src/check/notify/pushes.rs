//! Each device shows one message of each event: what is sent again replaces itself. What is answered for good is left alone,
//! and a service that asks to wait is left alone for so long.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::settled::Settled;
use crate::log::{Notified, Work};

type Push = (String, String);

#[derive(Default)]
pub(in crate::check) struct Pushes {
    /// By address and tag.
    settled: BTreeMap<Push, Settled>,
    attempts: BTreeMap<u64, (Push, Option<u64>)>,
    /// What each device shows of a number: the tag.
    shown: BTreeMap<(String, u64), String>,
    /// Who was asked to wait, and until when.
    waits: BTreeMap<Push, (String, u64)>,
    /// Somebody's clock jumps or is set in this run: what waited then cannot be said.
    clocks_step: bool,
    /// The addresses and tags of deliveries.
    deliveries: BTreeMap<Uuid, Push>,
}

/// Timers of a host go by whole milliseconds of its own start.
const ROUNDING_MS: u64 = 2;

impl Pushes {
    pub(in crate::check) fn new(clocks_step: bool) -> Self {
        Self { clocks_step, ..Self::default() }
    }

    /// A host begins, or ends: it was asked for nothing.
    pub(in crate::check) fn forget(&mut self, host: &str) {
        self.waits.retain(|_, (of, _)| of != host);
    }

    pub(in crate::check) fn judge(&mut self, at_ms: u64, host: &str, what: &Notified) -> Result<(), String> {
        match what {
            Notified::Claimed { work, .. } => {
                let pushes = work.iter().filter_map(|Work { delivery, push, .. }| Some((*delivery, push.clone()?)));
                self.deliveries.extend(pushes);
            }
            Notified::Reported { delivery, outcome, .. } => {
                if let Some(push) = self.deliveries.get(delivery) {
                    self.settled.entry(push.clone()).or_default().report(*outcome);
                }
            }
            Notified::PushAttempted { attempt, address, tag, about } => {
                let push = (address.clone(), tag.clone());
                if let Some(why) = self.settled.get(&push).and_then(|settled| settled.forbids(at_ms)) {
                    return Err(format!("{host} sends a push to {address} ({tag}) again: {why}"));
                }
                if let Some((of, until_ms)) = self.waits.remove(&push)
                    && of == host
                    && at_ms + ROUNDING_MS < until_ms
                    && !self.clocks_step
                {
                    let early_ms = until_ms - at_ms;
                    return Err(format!("{host} sends a push to {address} ({tag}) {early_ms} ms before it may"));
                }
                self.attempts.insert(*attempt, (push, *about));
            }
            Notified::PushTaken { attempt } => {
                let Some(((address, tag), Some(about))) = self.attempts.get(attempt) else { return Ok(()) };
                let shown = self.shown.entry((address.clone(), *about)).or_insert_with(|| tag.clone());
                if shown != tag {
                    return Err(format!("{address} shows number {about} twice: as {shown} and as {tag}"));
                }
            }
            Notified::PushAnswered { attempt, reply, wait_ms } => {
                if let Some((push, _)) = self.attempts.get(attempt) {
                    if let Some(wait_ms) = wait_ms {
                        self.waits.insert(push.clone(), (host.to_owned(), at_ms + wait_ms));
                    }
                    self.settled.entry(push.clone()).or_default().answer(at_ms, *reply);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
