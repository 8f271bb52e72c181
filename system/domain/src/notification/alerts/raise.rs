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
/// How many subjects of a kind are told apart, of ours and of those that users chose.
const SUBJECTS_MAX: usize = 64;
/// The subject of those beyond: together they have one line.
const OTHERS: &str = "others";
/// How many examples a mail shows.
const EXAMPLES_MAX: usize = 5;
/// How much of an example it shows, in characters.
const EXAMPLE_CHARS_MAX: usize = 300;

/// Who chose what an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// It is configured: FCM, the mail server, a topic.
    Ours,
    /// Whoever registers devices: the push service of a browser.
    Users,
}

#[derive(Debug, Default)]
struct Group {
    /// In all.
    raised: u64,
    /// Since the last mail.
    untold: u64,
    examples: Vec<(Whose, String)>,
    /// When a mail may go next.
    next_at: Option<Instant>,
    ours: Subjects,
    users: Subjects,
}

/// When subjects were logged.
#[derive(Debug, Default)]
struct Subjects(BTreeMap<String, Instant>);

impl Subjects {
    /// Whether a line is due for this subject. There are never more of them than [`SUBJECTS_MAX`] and one.
    fn is_news(&mut self, subject: &str, now: Instant) -> bool {
        let is_recent = |at: &Instant| now.duration_since(*at) < ALERT_EVERY;
        if self.0.get(subject).is_some_and(is_recent) {
            return false;
        }
        let is_full = self.0.len() >= SUBJECTS_MAX;
        if is_full && self.0.get(OTHERS).is_some_and(is_recent) {
            return false;
        }
        self.0.retain(|_, at| is_recent(at));
        let subject = if self.0.len() < SUBJECTS_MAX { subject } else { OTHERS };
        self.0.insert(subject.to_owned(), now);
        true
    }
}

impl Group {
    /// Keeps an example, if there is room. What is ours takes the place of what is not.
    fn keep(&mut self, whose: Whose, example: String) {
        if self.examples.iter().any(|(_, known)| *known == example) {
            return;
        }
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push((whose, example));
        } else if whose == Whose::Ours
            && let Some(other) = self.examples.iter_mut().rfind(|(whose, _)| *whose == Whose::Users)
        {
            *other = (whose, example);
        }
    }
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

    /// A person must look: `subject` is what it is about (our push service, a topic), `detail` what happened.
    pub fn raise(&self, kind: AlertKind, subject: &str, detail: &str) {
        self.raise_of(Whose::Ours, kind, subject, detail);
    }

    /// The same about a subject that users choose, as the push services of their browsers. However many they name, those
    /// of [`raise`](Self::raise) are seen.
    pub fn raise_of_users(&self, kind: AlertKind, subject: &str, detail: &str) {
        self.raise_of(Whose::Users, kind, subject, detail);
    }

    fn raise_of(&self, whose: Whose, kind: AlertKind, subject: &str, detail: &str) {
        let now = Instant::now();
        let is_news = self.with(kind, |group| {
            group.raised += 1;
            group.untold += 1;
            group.keep(whose, format!("{subject}: {}", cut(detail, EXAMPLE_CHARS_MAX)));
            match whose {
                Whose::Ours => group.ours.is_news(subject, now),
                Whose::Users => group.users.is_news(subject, now),
            }
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
            match group.next_at.filter(|at| *at > now) {
                Some(at) => next = Some(next.map_or(at, |next: Instant| next.min(at))),
                None => {
                    let examples = group.examples.iter().map(|(_, example)| example.clone()).collect();
                    due.push(Due { kind: *kind, count: group.untold, examples });
                }
            }
        }
        (due, next)
    }

    /// It was told.
    pub(super) fn told(&self, due: &Due, now: Instant) {
        self.with(due.kind, |group| {
            group.next_at = Some(now + ALERT_EVERY);
            group.untold -= due.count.min(group.untold);
            group.examples.retain(|(_, example)| !due.examples.contains(example));
        });
    }

    /// It cannot be told before `at`: all of it is told then.
    pub(super) fn later(&self, due: &Due, at: Instant) {
        self.with(due.kind, |group| group.next_at = Some(at));
    }

    fn with<T>(&self, kind: AlertKind, act: impl FnOnce(&mut Group) -> T) -> T {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        act(groups.entry(kind).or_default())
    }
}
