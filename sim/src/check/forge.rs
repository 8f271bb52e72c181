//! Forged histories for the checkers' own tests.

use uuid::Uuid;

use super::checker::{Checker, Violation};
use crate::log::{Answer, Ask, Event, Op, Record, Shown, Ver};

pub(super) const KEY: Uuid = Uuid::from_u128(1);
pub(super) const COMPANY: Uuid = Uuid::from_u128(2);
/// More rows than there are.
const TAKE: u32 = 100;

/// A history that grows at given times.
#[derive(Default)]
pub(super) struct Forge {
    records: Vec<Record>,
    requests: u64,
}

/// A digest that follows from the version, as a document's would.
pub(super) fn digest(version: u64) -> Option<u64> {
    Some(version * 1_000)
}

pub(super) fn shows(version: u64) -> Vec<Shown> {
    vec![Shown { key: KEY, version: Ver(1, version), digest: digest(version) }]
}

impl Forge {
    pub(super) fn event(mut self, at_ms: u64, host: &str, event: Event) -> Self {
        let ordinal = self.records.len() as u64;
        self.records.push(Record { ordinal, at_ms, host: host.to_owned(), cause: None, event });
        self
    }

    pub(super) fn commit(self, at_ms: u64, version: u64) -> Self {
        let (version, digest) = (Ver(1, version), digest(version));
        let event = Event::Committed { key: KEY, company: Some(COMPANY), version, digest, behind: false };
        self.event(at_ms, "store", event)
    }

    /// Commits the row in another company.
    pub(super) fn file(self, at_ms: u64, version: u64, company: Uuid) -> Self {
        let (version, digest) = (Ver(1, version), digest(version));
        let event = Event::Committed { key: KEY, company: Some(company), version, digest, behind: true };
        self.event(at_ms, "store", event)
    }

    /// Asks for a page that shows nothing but tells how many rows there are.
    pub(super) fn total(mut self, at_ms: u64, op: Op, total: u64) -> Self {
        self.requests += 1;
        let (request, shown, boot) = (self.requests, Vec::new(), "i0-a".to_owned());
        let ask = Ask { request, instance: 0, op, key: None, min: None, take: Some(TAKE) };
        let (stale, whole, total) = (false, false, Some(total));
        let answer = Answer { request, status: 200, boot, level: None, stale, shown, whole, total, age_s: None };
        self.event(at_ms, "clients", Event::Asked(ask)).event(at_ms, "clients", Event::Answered(answer))
    }

    /// Asks for a list of at most `take` rows; the answer tells of `total`.
    pub(super) fn list(
        mut self,
        at_ms: u64,
        company: Option<Uuid>,
        take: u32,
        total: Option<u64>,
        shown: Vec<Shown>,
    ) -> Self {
        self.requests += 1;
        let (request, boot) = (self.requests, "i0-a".to_owned());
        let ask = Ask { request, instance: 0, op: Op::List(company), key: None, min: None, take: Some(take) };
        let whole = total.is_some_and(|total| total <= u64::from(take));
        let (level, stale, age_s) = (None, false, None);
        let answer = Answer { request, status: 200, boot, level, stale, shown, whole, total, age_s };
        self.event(at_ms, "clients", Event::Asked(ask)).event(at_ms, "clients", Event::Answered(answer))
    }

    /// Asks for all rows; the answer comes from the output cache, so many seconds old.
    pub(super) fn list_of_age(self, at_ms: u64, age_s: Option<u64>, shown: Vec<Shown>) -> Self {
        let total = Some(shown.len() as u64);
        let mut forge = self.list(at_ms, None, TAKE, total, shown);
        if let Some(Record { event: Event::Answered(answer), .. }) = forge.records.last_mut() {
            (answer.level, answer.age_s) = (Some("L1".to_owned()), age_s);
        }
        forge
    }

    /// Without an answer.
    pub(super) fn unanswered(mut self, at_ms: u64, min: Option<u64>) -> Self {
        self.requests += 1;
        let (request, min) = (self.requests, min.map(|version| Ver(1, version)));
        let ask = Ask { request, instance: 0, op: Op::Get, key: Some(KEY), min, take: None };
        let asked = self.event(at_ms, "clients", Event::Asked(ask));
        asked.event(at_ms + 1, "clients", Event::Unanswered { request, why: "no answer in time".to_owned() })
    }

    /// Somebody notices that the store was put back.
    pub(super) fn noticed(self, at_ms: u64) -> Self {
        self.event(at_ms, "store", Event::Mark { name: "put_back_noticed".to_owned() })
    }

    pub(super) fn delete(self, at_ms: u64, version: u64) -> Self {
        let version = Ver(1, version);
        let event = Event::Committed { key: KEY, company: None, version, digest: None, behind: false };
        self.event(at_ms, "store", event)
    }

    /// Puts the store back to what it held before the record `to`.
    pub(super) fn put_back(self, at_ms: u64, to: u64) -> Self {
        self.event(at_ms, "store", Event::PutBack { to, announced: false })
    }

    /// Asks instance 0; the answer comes at `to_ms`.
    pub(super) fn ask(
        self,
        from_ms: u64,
        to_ms: u64,
        op: Op,
        min: Option<u64>,
        status: u16,
        shown: Vec<Shown>,
    ) -> Self {
        self.ask_marked(from_ms, to_ms, op, min, status, shown, false)
    }

    #[allow(clippy::too_many_arguments, reason = "a history is written in one line each")]
    pub(super) fn ask_marked(
        mut self,
        from_ms: u64,
        to_ms: u64,
        op: Op,
        min: Option<u64>,
        status: u16,
        shown: Vec<Shown>,
        stale: bool,
    ) -> Self {
        self.requests += 1;
        let request = self.requests;
        let key = (!matches!(op, Op::List(_) | Op::Create)).then_some(KEY);
        let take = matches!(op, Op::List(_)).then_some(TAKE);
        let ask = Ask { request, instance: 0, op, key, min: min.map(|version| Ver(1, version)), take };
        let boot = "i0-a".to_owned();
        let (whole, total, age_s) = (true, None, None);
        let answer = Answer { request, status, boot, level: None, stale, shown, whole, total, age_s };
        self.event(from_ms, "clients", Event::Asked(ask)).event(to_ms, "clients", Event::Answered(answer))
    }

    /// A write by instance 0, committed between its request and its answer.
    pub(super) fn write(mut self, at_ms: u64, op: Op, version: u64) -> Self {
        self.requests += 1;
        let request = self.requests;
        let deletes = op == Op::Delete;
        let ask = Ask { request, instance: 0, op, key: (op != Op::Create).then_some(KEY), min: None, take: None };
        let asked = self.event(at_ms, "clients", Event::Asked(ask));
        let committed = if deletes { asked.delete(at_ms, version) } else { asked.commit(at_ms, version) };
        let (status, digest) = if deletes { (204, None) } else { (200, digest(version)) };
        let shown = vec![Shown { key: KEY, version: Ver(1, version), digest }];
        let boot = "i0-a".to_owned();
        let (level, stale, whole, total, age_s) = (None, false, false, None, None);
        let answer = Answer { request, status, boot, level, stale, shown, whole, total, age_s };
        committed.event(at_ms, "clients", Event::Answered(answer))
    }

    pub(super) fn get(self, at_ms: u64, version: u64) -> Self {
        self.ask(at_ms, at_ms, Op::Get, None, 200, shows(version))
    }

    pub(super) fn phase(self, at_ms: u64, name: &str) -> Self {
        self.event(at_ms, "harness", Event::Phase { name: name.to_owned() })
    }

    pub(super) fn check(self, mut checker: impl Checker) -> Result<(), Violation> {
        self.records.iter().try_for_each(|record| checker.observe(record))
    }
}
