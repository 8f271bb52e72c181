//! Nobody sends what it does not hold, or a mail that does not stand as being sent.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::log::{Notified, Outcome, Work};

struct Hold {
    claim: Uuid,
    by: String,
    until_ms: u64,
    /// Of a mail: it stands as being sent.
    marked: bool,
}

#[derive(Default)]
pub(in crate::check) struct Held {
    holds: BTreeMap<Uuid, Hold>,
    /// The deliveries of an address and a tag.
    pushes: BTreeMap<(String, String), BTreeSet<Uuid>>,
}

impl Held {
    /// A host begins, or ends: it knows of no claim.
    pub(in crate::check) fn forget(&mut self, host: &str) {
        self.holds.retain(|_, hold| hold.by != host);
    }

    pub(in crate::check) fn judge(&mut self, at_ms: u64, host: &str, what: &Notified) -> Result<(), String> {
        match what {
            Notified::Claimed { claim, by, until_ms, work } => {
                for Work { delivery, push, .. } in work {
                    let hold = Hold { claim: *claim, by: by.clone(), until_ms: *until_ms, marked: false };
                    self.holds.insert(*delivery, hold);
                    if let Some(push) = push {
                        self.pushes.entry(push.clone()).or_default().insert(*delivery);
                    }
                }
            }
            Notified::Marked { claim, mails } => {
                for mail in mails {
                    if let Some(hold) = self.holds.get_mut(mail).filter(|hold| hold.claim == *claim) {
                        hold.marked = true;
                    }
                }
            }
            Notified::Reported { claim, delivery, outcome } => {
                if let Some(hold) = self.holds.get_mut(delivery).filter(|hold| hold.claim == *claim) {
                    hold.marked = false;
                    if *outcome != Outcome::Later {
                        self.holds.remove(delivery);
                    }
                }
            }
            Notified::PushAttempted { address, tag, .. } => {
                let of = self.pushes.get(&(address.clone(), tag.clone()));
                if !of.into_iter().flatten().any(|delivery| self.is_held(*delivery, at_ms, host)) {
                    return Err(format!("{host} sends a push to {address} ({tag}) that it does not hold"));
                }
            }
            Notified::MailHanded { mail, .. } => {
                if !self.is_held(*mail, at_ms, host) {
                    return Err(format!("{host} hands over mail {mail}, which it does not hold"));
                }
                if !self.holds.get(mail).is_some_and(|hold| hold.marked) {
                    return Err(format!("{host} hands over mail {mail}, which does not stand as being sent"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn is_held(&self, delivery: Uuid, at_ms: u64, host: &str) -> bool {
        self.holds.get(&delivery).is_some_and(|hold| hold.by == host && at_ms <= hold.until_ms)
    }
}
