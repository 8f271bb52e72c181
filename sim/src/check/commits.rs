//! What the store committed, as checkers need it.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::log::{Event, Record, Ver};

/// One commit of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) ordinal: u64,
    pub(super) at_ms: u64,
    pub(super) version: Ver,
    /// `None`: deleted.
    pub(super) digest: Option<u64>,
    /// Where it is filed; of a deletion `None`.
    pub(super) company: Option<Uuid>,
}

impl Commit {
    pub(super) fn is_delete(&self) -> bool {
        self.digest.is_none()
    }
}

#[derive(Debug, Default)]
struct Row {
    company: Option<Uuid>,
    commits: Vec<Commit>,
}

/// All commits, by row.
#[derive(Debug, Default)]
pub(super) struct Commits(BTreeMap<Uuid, Row>);

impl Commits {
    pub(super) fn observe(&mut self, record: &Record) {
        if let Event::Committed { key, company, version, digest, .. } = &record.event {
            let row = self.0.entry(*key).or_default();
            row.company = company.or(row.company);
            let (ordinal, at_ms) = (record.ordinal, record.at_ms);
            let (version, digest, company) = (*version, *digest, *company);
            row.commits.push(Commit { ordinal, at_ms, version, digest, company });
        }
    }

    pub(super) fn of(&self, key: Uuid) -> &[Commit] {
        self.0.get(&key).map_or(&[], |row| &row.commits)
    }

    /// The last commit at or before a time.
    pub(super) fn last_at(&self, key: Uuid, at_ms: u64) -> Option<&Commit> {
        self.of(key).iter().rev().find(|commit| commit.at_ms <= at_ms)
    }

    pub(super) fn last(&self, key: Uuid) -> Option<&Commit> {
        self.of(key).last()
    }

    /// A deletion at or above `version`: the least one.
    pub(super) fn tombstone_from(&self, key: Uuid, version: Ver) -> Option<Ver> {
        let deletions = self.of(key).iter().filter(|commit| commit.is_delete() && !commit.version.is_below(version));
        deletions.map(|commit| commit.version).min()
    }

    /// Whether there was no row at some moment between two times.
    pub(super) fn was_absent(&self, key: Uuid, from_ms: u64, to_ms: u64) -> bool {
        let absent_before = self.last_at(key, from_ms).is_none_or(Commit::is_delete);
        absent_before
            || self.of(key).iter().any(|commit| commit.is_delete() && (from_ms..=to_ms).contains(&commit.at_ms))
    }

    /// The rows that a list of `company` can show.
    pub(super) fn rows(&self, company: Option<Uuid>) -> impl Iterator<Item = (Uuid, &[Commit])> {
        let wanted = move |row: &Row| company.is_none() || row.company == company;
        self.0.iter().filter(move |(_, row)| wanted(row)).map(|(key, row)| (*key, &row.commits[..]))
    }
}
