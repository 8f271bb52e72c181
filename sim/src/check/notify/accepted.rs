//! Each user is told once of each event; what is acknowledged, or answered, stands.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::log::{Acceptance, Notified};

#[derive(Default)]
pub(in crate::check) struct Accepted {
    /// By event and user.
    of: BTreeMap<(Uuid, Uuid), Uuid>,
    /// By number and user.
    about: BTreeMap<(u64, Uuid), Uuid>,
    events: BTreeSet<Uuid>,
    notifications: BTreeSet<Uuid>,
    /// Whom each event is for, where its publisher says so.
    expected: BTreeMap<Uuid, Vec<Uuid>>,
    told: BTreeSet<Uuid>,
}

impl Accepted {
    pub(in crate::check) fn judge(&mut self, what: &Notified) -> Result<(), String> {
        match what {
            Notified::Telling { event, users } => {
                self.expected.insert(*event, users.clone());
            }
            Notified::Told { event } => {
                self.told.insert(*event);
            }
            Notified::Accepted(acceptance) => return self.accept(acceptance),
            Notified::Acknowledged { event } if !self.events.contains(event) => {
                return Err(format!("event {event} is acknowledged, and nothing of it is accepted"));
            }
            Notified::SendAnswered { notification, about } if !self.notifications.contains(notification) => {
                return Err(format!("message {about} is answered as sent, and {notification} is not accepted"));
            }
            Notified::Closed => return self.close(),
            _ => {}
        }
        Ok(())
    }

    fn accept(&mut self, acceptance: &Acceptance) -> Result<(), String> {
        let Acceptance { event, user, notification, about, .. } = acceptance;
        if let Some(before) = self.of.insert((*event, *user), *notification) {
            return Err(format!("{user} is told twice of event {event}: {before}, {notification}"));
        }
        if let Some(number) = about
            && let Some(before) = self.about.insert((*number, *user), *notification)
        {
            return Err(format!("{user} is told twice of number {number}: {before}, {notification}"));
        }
        self.events.insert(*event);
        self.notifications.insert(*notification);
        Ok(())
    }

    fn close(&self) -> Result<(), String> {
        for event in &self.told {
            let users = self.expected.get(event).map(Vec::as_slice).unwrap_or_default();
            if let Some(user) = users.iter().find(|user| !self.of.contains_key(&(*event, **user))) {
                return Err(format!("{user} was never told of event {event}"));
            }
            if !self.events.contains(event) {
                return Err(format!("nobody was ever told of event {event}"));
            }
        }
        Ok(())
    }
}
