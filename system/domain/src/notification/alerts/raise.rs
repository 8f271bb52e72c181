//! Raising: grouped by kind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::AlertKind;
use crate::notification::model::cut;
use crate::wake::Wake;

/// At most one mail, and one line in the log for each subject, of a kind in this time.
pub const ALERT_EVERY: Duration = Duration::from_secs(600);
/// How many subjects of a kind are told apart.
const SUBJECTS_MAX: usize = 64;
/// How many examples a mail shows.
const EXAMPLES_MAX: usize = 5;
/// How much of an example it shows, in characters.
const EXAMPLE_CHARS_MAX: usize = 300;

#[derive(Debug, Default)]
struct Group {
    /// In all.
    raised: u64,
    /// Since the last mail.
    untold: u64,
    examples: Vec<String>,
    told_at: Option<Instant>,
    logged_at: BTreeMap<String, Instant>,
}

/// What operators see of one kind. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertStatus {
    /// How often it was raised.
    pub raised: u64,
    /// How often of these nobody was told yet.
    pub untold: u64,
}

/// What is to be told of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) kind: AlertKind,
    pub(super) count: u64,
    pub(super) examples: Vec<String>,
}

/// The alerts of one instance. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    groups: Arc<Mutex<BTreeMap<AlertKind, Group>>>,
    pub(super) wake: Wake,
}

impl Alerts {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A person must look: `subject` is what it is about (a push service, a topic), `detail` what happened.
    pub fn raise(&self, kind: AlertKind, subject: &str, detail: &str) {
        let now = Instant::now();
        let is_news = self.with(kind, |group| {
            group.raised += 1;
            group.untold += 1;
            let detail = format!("{subject}: {}", cut(detail, EXAMPLE_CHARS_MAX));
            if group.examples.len() < EXAMPLES_MAX && !group.examples.contains(&detail) {
                group.examples.push(detail);
            }
            let is_news = group.logged_at.get(subject).is_none_or(|at| now.duration_since(*at) >= ALERT_EVERY);
            if is_news {
                group.logged_at.retain(|_, at| now.duration_since(*at) < ALERT_EVERY);
                if group.logged_at.len() < SUBJECTS_MAX {
                    group.logged_at.insert(subject.to_owned(), now);
                }
            }
            is_news
        });
        match is_news {
            true => tracing::error!(kind = kind.name(), subject, detail, "{}", kind.about()),
            false => tracing::debug!(kind = kind.name(), subject, detail, "{}, again", kind.about()),
        }
        self.wake.wake();
    }

    /// What was raised so far.
    pub fn status(&self) -> BTreeMap<AlertKind, AlertStatus> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let status = |group: &Group| AlertStatus { raised: group.raised, untold: group.untold };
        groups.iter().map(|(kind, group)| (*kind, status(group))).collect()
    }

    /// The kinds of which a mail is due, and when the next one is.
    pub(super) fn due(&self, now: Instant) -> (Vec<Due>, Option<Instant>) {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut due, mut next) = (Vec::new(), None);
        for (kind, group) in groups.iter().filter(|(_, group)| group.untold > 0) {
            match group.told_at.map(|at| at + ALERT_EVERY).filter(|at| *at > now) {
                Some(at) => next = Some(next.map_or(at, |next: Instant| next.min(at))),
                None => due.push(Due { kind: *kind, count: group.untold, examples: group.examples.clone() }),
            }
        }
        (due, next)
    }

    /// It was told.
    pub(super) fn told(&self, due: &Due, now: Instant) {
        self.with(due.kind, |group| {
            group.told_at = Some(now);
            group.untold -= due.count.min(group.untold);
            group.examples.clear();
        });
    }

    fn with<T>(&self, kind: AlertKind, act: impl FnOnce(&mut Group) -> T) -> T {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        act(groups.entry(kind).or_default())
    }
}
