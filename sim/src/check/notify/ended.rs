//! Every channel comes to its end, and nothing is lost on the way; a broken carrier delays only itself.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::log::{InboxRow, Notified, Part};

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
}

impl Ended {
    pub(in crate::check) fn judge(&mut self, at_ms: u64, what: &Notified) -> Result<(), String> {
        match what {
            Notified::Accepted(new) => {
                self.accepted.insert(new.notification, Row { at_ms, user: new.user, in_app: new.in_app });
            }
            Notified::ReadAnswered { notification, .. } => {
                self.read.insert(*notification);
            }
            Notified::OnlyBroken { carriers } => self.broken = Some((at_ms, carriers.clone())),
            Notified::Stands { notification, parts } => return self.stands(at_ms, *notification, parts),
            Notified::Ended { notification, parts } => {
                if let Some(part) = parts.iter().find(|part| !part.is_final) {
                    return Err(format!("{notification} never ends by {}: {}", part.carrier, part.status));
                }
                self.ended.insert(*notification);
            }
            Notified::Inbox { user, rows } => return self.inbox(*user, rows),
            Notified::Closed => return self.close(),
            Notified::Unsettled { reasons } => return Err(format!("still pending: {}", reasons.join(", "))),
            _ => {}
        }
        Ok(())
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
