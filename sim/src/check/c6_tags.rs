//! C6 `tags`: no cached list is older than the last eviction of one of its tags. Seen from outside: a list that is asked
//! for after an instance has answered a write must show it, if the same instance answers.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::checker::{Checker, Violation, violated};
use super::commits::Commits;
use super::requests::Requests;
use crate::log::{Event, Op, Record, Ver};

const NAME: &str = "C6 tags";

/// A write that an instance answered.
#[derive(Debug, Clone, Copy)]
struct Written {
    ordinal: u64,
    version: Ver,
    deleted: bool,
}

/// The checker.
#[derive(Default)]
pub(super) struct Tags {
    requests: Requests,
    commits: Commits,
    written: BTreeMap<String, BTreeMap<Uuid, Written>>,
    /// What the services committed: a write that changes nothing shows somebody else's version.
    own: BTreeSet<(Uuid, Ver)>,
    /// When the store was last put back: what was written before may be lost.
    put_back: u64,
}

impl Checker for Tags {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        if let Event::Committed { key, version, behind: false, .. } = &record.event {
            self.own.insert((*key, *version));
        }
        self.commits.observe(record);
        if let Event::PutBack { .. } = record.event {
            self.written.clear();
            self.put_back = record.ordinal;
        }
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        if sent.ordinal < self.put_back {
            return Ok(());
        }
        let Op::List(company) = sent.ask.op else {
            if matches!(sent.ask.op, Op::Create | Op::Patch | Op::Delete) {
                let of_boot = self.written.entry(answer.boot.clone()).or_default();
                for shown in answer.shown.iter().filter(|shown| self.own.contains(&(shown.key, shown.version))) {
                    let (version, deleted) = (shown.version, shown.digest.is_none());
                    of_boot.insert(shown.key, Written { ordinal: record.ordinal, version, deleted });
                }
            }
            return Ok(());
        };
        let Some(written) = self.written.get(&answer.boot).filter(|_| answer.status == 200 && answer.whole) else {
            return Ok(());
        };
        for (key, commits) in self.commits.rows(company) {
            let Some(write) = written.get(&key).filter(|write| write.ordinal < sent.ordinal) else { continue };
            // Whoever filed it elsewhere since is not this instance.
            let since = commits.iter().filter(|commit| !commit.version.is_below(write.version));
            if company.is_some() && since.filter_map(|commit| commit.company).any(|filed| Some(filed) != company) {
                continue;
            }
            let shown = answer.shown.iter().find(|shown| shown.key == key);
            let wrong = match shown {
                Some(shown) => {
                    shown.version.is_below(write.version) || (write.deleted && shown.version.1 == write.version.1)
                }
                None => !write.deleted && !commits.iter().any(|c| c.is_delete() && write.version.is_below(c.version)),
            };
            if wrong {
                let shown = shown.map_or_else(|| "nothing".to_owned(), |shown| shown.version.to_string());
                let message =
                    format!("a list of {} shows {shown} of {key} after it wrote {}", answer.boot, write.version);
                return Err(violated(NAME, record, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Forge, KEY, shows};
    use super::*;
    use crate::log::Shown;

    #[test]
    fn a_list_without_the_created_row_is_refused() {
        let history = Forge::default().commit(0, 1).ask(0, 1, Op::Create, None, 201, shows(1));
        assert!(history.ask(5, 6, Op::List(None), None, 200, vec![]).check(Tags::default()).is_err());
    }

    #[test]
    fn a_list_with_the_deleted_row_is_refused() {
        let gone = vec![Shown { key: KEY, version: Ver(1, 2), digest: None }];
        let history = Forge::default().commit(0, 1).delete(1, 2).ask(1, 2, Op::Delete, None, 204, gone);
        assert!(history.ask(5, 6, Op::List(None), None, 200, shows(1)).check(Tags::default()).is_err());
    }

    #[test]
    fn a_write_that_the_store_lost_need_not_show() {
        let history = Forge::default().ask(0, 1, Op::Create, None, 201, shows(1)).commit(1, 1).put_back(3, 0);
        assert_eq!(history.ask(5, 6, Op::List(None), None, 200, vec![]).check(Tags::default()), Ok(()));
    }

    #[test]
    fn lists_that_show_the_write_or_crossed_it_are_accepted() {
        let history = Forge::default().commit(0, 1).ask(0, 1, Op::Create, None, 201, shows(1));
        let history = history.ask(5, 6, Op::List(None), None, 200, shows(1)).delete(7, 2);
        assert_eq!(history.ask(8, 9, Op::List(None), None, 200, vec![]).check(Tags::default()), Ok(()));
    }
}
