//! An open stream tells of every notification that is stored while it is open.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::log::Notified;

struct Stream {
    position: u64,
    waits: BTreeSet<Uuid>,
}

#[derive(Default)]
pub(in crate::check) struct Live {
    /// By host and user.
    open: BTreeMap<(String, Uuid), Stream>,
    accepted: BTreeSet<Uuid>,
}

impl Live {
    /// A host begins, or ends: its streams are closed.
    pub(in crate::check) fn forget(&mut self, host: &str) {
        self.open.retain(|(of, _), _| of != host);
    }

    pub(in crate::check) fn judge(&mut self, host: &str, what: &Notified) -> Result<(), String> {
        match what {
            Notified::Accepted(new) if new.in_app => {
                self.accepted.insert(new.notification);
                let of_user = self.open.iter_mut().filter(|((_, user), _)| *user == new.user);
                of_user.for_each(|(_, stream)| stream.waits.extend([new.notification]));
            }
            Notified::StreamOpened { user, position } => {
                let stream = Stream { position: *position, waits: BTreeSet::new() };
                self.open.insert((host.to_owned(), *user), stream);
            }
            Notified::StreamTold { user, notification, position } => {
                let Some(stream) = self.open.get_mut(&(host.to_owned(), *user)) else { return Ok(()) };
                if !self.accepted.contains(notification) {
                    return Err(format!("a stream of {user} on {host} tells of {notification}, which nobody sent"));
                }
                if *position <= stream.position {
                    return Err(format!(
                        "a stream of {user} on {host} goes back from {} to {position}",
                        stream.position
                    ));
                }
                stream.position = *position;
                stream.waits.remove(notification);
            }
            _ => {}
        }
        Ok(())
    }

    /// What streams still have to tell; `spares` says of which hosts nothing is expected.
    pub(in crate::check) fn close(&self, spares: impl Fn(&str) -> bool) -> Result<(), String> {
        let waits = self.open.iter().filter(|((host, _), _)| !spares(host));
        match waits.filter_map(|(of, stream)| Some((of, stream.waits.first()?))).next() {
            Some(((host, user), notification)) => {
                Err(format!("the stream of {user} on {host} never told of {notification}"))
            }
            None => Ok(()),
        }
    }
}
