//! What the store committed, as checkers need it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::log::{Event, Record, Shown, Ver};

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
    /// No commit: what the row became when the store was put back.
    pub(super) put_back: bool,
}

impl Commit {
    /// Whether it left the row as `shown` shows it.
    pub(super) fn is_shown_by(&self, shown: &Shown) -> bool {
        self.version.1 == shown.version.1 && self.digest == shown.digest
    }

    pub(super) fn is_delete(&self) -> bool {
        self.digest.is_none()
    }
}

#[derive(Debug, Default)]
struct Row {
    company: Option<Uuid>,
    commits: Vec<Commit>,
}

impl Row {
    /// Back to what it was before record `to`.
    fn put_back(&mut self, to: u64, record: &Record) {
        let then = self.commits.iter().rev().find(|commit| commit.ordinal < to).copied();
        if self.commits.last().map(|last| last.ordinal) == then.map(|then| then.ordinal) {
            return;
        }
        let (version, digest, company) =
            then.map_or((Ver(0, 0), None, None), |then| (then.version, then.digest, then.company));
        let (ordinal, at_ms) = (record.ordinal, record.at_ms);
        self.company = company.or(self.company);
        self.commits.push(Commit { ordinal, at_ms, version, digest, company, put_back: true });
    }

    /// From where on it was put back at least once: its versions come again from there on.
    fn first_put_back(&self) -> u64 {
        self.commits.iter().find(|commit| commit.put_back).map_or(u64::MAX, |commit| commit.ordinal)
    }
}

/// All commits, by row.
#[derive(Debug, Default)]
pub(super) struct Commits(BTreeMap<Uuid, Row>);

impl Commits {
    pub(super) fn observe(&mut self, record: &Record) {
        match &record.event {
            Event::Committed { key, company, version, digest, .. } => {
                let row = self.0.entry(*key).or_default();
                row.company = company.or(row.company);
                let (ordinal, at_ms) = (record.ordinal, record.at_ms);
                let (version, digest, company) = (*version, *digest, *company);
                row.commits.push(Commit { ordinal, at_ms, version, digest, company, put_back: false });
            }
            Event::PutBack { to, .. } => self.0.values_mut().for_each(|row| row.put_back(*to, record)),
            _ => {}
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

    /// A deletion at or above `version`: the least one. One of a store that was put back is above all before it, whatever
    /// its number.
    pub(super) fn tombstone_from(&self, key: Uuid, version: Ver) -> Option<Ver> {
        let again = self.0.get(&key).map_or(u64::MAX, Row::first_put_back);
        let above = |commit: &Commit| if commit.ordinal >= again { version } else { commit.version };
        let deletions = self.of(key).iter().filter(|commit| commit.is_delete()).map(above);
        deletions.filter(|tombstone| !tombstone.is_below(version)).min()
    }

    /// A version whose life is not known, in the first one in which it was committed, if lives matter: if the row was put
    /// back.
    pub(super) fn in_its_first_life(&self, key: Uuid, version: Ver) -> Ver {
        let Some(row) = self.0.get(&key).filter(|row| version.0 == 0 && row.first_put_back() != u64::MAX) else {
            return version;
        };
        let same = row.commits.iter().map(|commit| commit.version).filter(|of| of.1 == version.1);
        same.min().unwrap_or(version)
    }

    /// Whether `shown` shows the row as it was after it had been put back, at `from_ms` or later.
    pub(super) fn is_put_back_to(&self, shown: &Shown, from_ms: u64) -> bool {
        let since = self.of(shown.key).iter().skip_while(|commit| !commit.put_back || commit.at_ms < from_ms);
        since.into_iter().any(|commit| commit.is_shown_by(shown))
    }

    /// Whether `shown` shows the row as no store has held it since the last time it was put back until `until_ms`.
    pub(super) fn is_of_lost_life(&self, shown: &Shown, until_ms: u64) -> bool {
        let all = self.of(shown.key);
        let last = all.iter().rposition(|commit| commit.put_back && commit.at_ms <= until_ms);
        last.is_some_and(|last| !all[last..].iter().any(|commit| commit.is_shown_by(shown)))
    }

    /// Whether there was no row at some moment between two times.
    pub(super) fn was_absent(&self, key: Uuid, from_ms: u64, to_ms: u64) -> bool {
        let absent_before = self.last_at(key, from_ms).is_none_or(Commit::is_delete);
        absent_before
            || self.of(key).iter().any(|commit| commit.is_delete() && (from_ms..=to_ms).contains(&commit.at_ms))
    }

    /// How many rows of `company` there have been, at `from_ms` and since.
    pub(super) fn counts(&self, company: Option<Uuid>, from_ms: u64) -> BTreeSet<u64> {
        let is_in = |commit: &Commit| !commit.is_delete() && (company.is_none() || commit.company == company);
        let (mut count, mut steps) = (0_i64, Vec::new());
        for row in self.0.values() {
            let mut was_in = false;
            for commit in &row.commits {
                let step = i64::from(is_in(commit)) - i64::from(was_in);
                was_in = is_in(commit);
                if commit.at_ms <= from_ms {
                    count += step;
                } else if step != 0 {
                    steps.push((commit.ordinal, step));
                }
            }
        }
        steps.sort_unstable();
        let mut counts = BTreeSet::from([count.unsigned_abs()]);
        for (place, (ordinal, step)) in steps.iter().enumerate() {
            count += step;
            // What one record did to many rows it did at once.
            if steps.get(place + 1).is_none_or(|(next, _)| next != ordinal) {
                counts.insert(count.unsigned_abs());
            }
        }
        counts
    }

    /// The rows that a list of `company` can show.
    pub(super) fn rows(&self, company: Option<Uuid>) -> impl Iterator<Item = (Uuid, &[Commit])> {
        let wanted = move |row: &Row| company.is_none() || row.company == company;
        self.0.iter().filter(move |(_, row)| wanted(row)).map(|(key, row)| (*key, &row.commits[..]))
    }
}
