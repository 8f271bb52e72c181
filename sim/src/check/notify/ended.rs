//! Every channel comes to its end, after an attempt at least, and nothing is lost on the way; what a carrier that was never
//! in trouble was to bring is there; a broken carrier delays only itself.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::log::{InboxRow, Notified, Part, Reply, Work};

/// What works has come to its end by then.
const DELAY_MAX_MS: u64 = 3_000;

struct Row {
    at_ms: u64,
    user: Uuid,
    in_app: bool,
}

#[derive(Default)]
pub(in crate::check) struct Ended {
    accepted: BTreeMap<Uuid, Row>,
    read: BTreeSet<Uuid>,
    broken: Option<(u64, Vec<String>)>,
    /// Those that came to their end.
    ended: BTreeSet<Uuid>,
    /// Those that are in an inbox.
    shown: BTreeSet<Uuid>,
    /// The deliveries of an address and a tag.
    pushes: BTreeMap<(String, String), BTreeSet<Uuid>>,
    /// Deliveries that somebody held, and those that somebody tried.
    claimed: BTreeSet<Uuid>,
    tried: BTreeSet<Uuid>,
    /// Mails that stood as being sent: nobody knows of them if their sender stops there.
    marked: BTreeSet<Uuid>,
    /// Carriers that were in trouble, ever.
    troubled: BTreeSet<String>,
    /// A device is gone, or was taken away: what waits for it goes with it.
    devices_go: bool,
}

/// There was nothing to send, or nobody to send it to.
const NEEDS_NO_ATTEMPT: [&str; 2] = ["skipped", "suppressed"];
const REMOVED: &str = "removed";
const SENT: &str = "sent";
const UNKNOWN: &str = "unknown";

impl Ended {
    pub(in crate::check) fn judge(&mut self, at_ms: u64, what: &Notified) -> Result<(), String> {
        match what {
            Notified::Accepted(new) => {
                self.accepted.insert(new.notification, Row { at_ms, user: new.user, in_app: new.in_app });
            }
            Notified::ReadAnswered { notification, .. } => {
                self.read.insert(*notification);
            }
            Notified::Claimed { work, .. } => {
                for Work { delivery, push, .. } in work {
                    self.claimed.insert(*delivery);
                    if let Some(push) = push {
                        self.pushes.entry(push.clone()).or_default().insert(*delivery);
                    }
                }
            }
            Notified::PushAttempted { address, tag, .. } => {
                let of = self.pushes.get(&(address.clone(), tag.clone()));
                self.tried.extend(of.into_iter().flatten());
            }
            Notified::PushAnswered { reply: Reply::Never, .. } => self.devices_go = true,
            Notified::Marked { mails, .. } => self.marked.extend(mails),
            Notified::MailHanded { mail, .. } => drop(self.tried.insert(*mail)),
            Notified::Troubled { carrier } => drop(self.troubled.insert(carrier.clone())),
            Notified::OnlyBroken { carriers } => self.broken = Some((at_ms, carriers.clone())),
            Notified::Stands { notification, parts } => return self.stands(at_ms, *notification, parts),
            Notified::Ended { notification, parts } => {
                if let Some(part) = parts.iter().find(|part| !part.is_final) {
                    return Err(format!("{notification} never ends by {}: {}", part.carrier, part.status));
                }
                parts.iter().try_for_each(|part| self.end(*notification, part))?;
                self.ended.insert(*notification);
            }
            Notified::Inbox { user, rows } => return self.inbox(*user, rows),
            Notified::Closed => return self.close(),
            Notified::Unsettled { reasons } => return Err(format!("still pending: {}", reasons.join(", "))),
            _ => {}
        }
        Ok(())
    }

    /// A user takes a device away.
    pub(in crate::check) fn device_goes(&mut self) {
        self.devices_go = true;
    }

    fn end(&self, notification: Uuid, part: &Part) -> Result<(), String> {
        let Part { delivery, carrier, status, .. } = part;
        let goes_with_its_device = status == REMOVED && (self.devices_go || !self.claimed.contains(delivery));
        if NEEDS_NO_ATTEMPT.contains(&&**status) || goes_with_its_device {
            return Ok(());
        }
        // Its sender stopped there, or could not write down what came of it.
        let may_be_unknown = status == UNKNOWN && self.marked.contains(delivery);
        if !self.tried.contains(delivery) && !may_be_unknown {
            return Err(format!("{notification} ends by {carrier} as {status}, and nobody tried"));
        }
        if status == SENT || may_be_unknown || self.troubled.contains(carrier) {
            return Ok(());
        }
        Err(format!("{notification} ends by {carrier} as {status}, and {carrier} was never in trouble"))
    }

    fn stands(&self, at_ms: u64, notification: Uuid, parts: &[Part]) -> Result<(), String> {
        let (Some((since_ms, broken)), Some(row)) = (&self.broken, self.accepted.get(&notification)) else {
            return Ok(());
        };
        if row.at_ms < *since_ms || at_ms < row.at_ms + DELAY_MAX_MS {
            return Ok(());
        }
        match parts.iter().find(|part| !broken.contains(&part.carrier) && !part.is_final) {
            Some(part) => {
                let after_ms = at_ms - row.at_ms;
                Err(format!(
                    "{} is broken, and {} delays {notification} by {after_ms} ms",
                    broken.join(", "),
                    part.carrier
                ))
            }
            None => Ok(()),
        }
    }

    fn inbox(&mut self, user: Uuid, rows: &[InboxRow]) -> Result<(), String> {
        let mut numbers = BTreeSet::new();
        for row in rows {
            let is_new = self.shown.insert(row.notification) && row.about.is_none_or(|about| numbers.insert(about));
            if !is_new {
                return Err(format!("{user} sees {} twice", row.notification));
            }
            if self.accepted.get(&row.notification).is_none_or(|accepted| accepted.user != user) {
                return Err(format!("{user} sees {}, which nobody sent", row.notification));
            }
            if self.read.contains(&row.notification) && !row.read {
                return Err(format!("{} was marked as read, and is not", row.notification));
            }
        }
        Ok(())
    }

    fn close(&self) -> Result<(), String> {
        let lost = |(id, row): &(&Uuid, &Row)| !self.ended.contains(id) || (row.in_app && !self.shown.contains(id));
        match self.accepted.iter().find(lost) {
            Some((id, row)) => Err(format!("notification {id} of {} is lost", row.user)),
            None => Ok(()),
        }
    }
}
