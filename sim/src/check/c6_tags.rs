//! C6 `tags`: no cached list is older than the last eviction of one of its tags. Seen from outside: a list that is asked
//! for after an instance has answered a write, or acknowledged an invalidation of one of the list's companies, must show
//! it, if the same instance answers.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::checker::{Checker, Rules, Violation, violated};
use super::commits::{Commit, Commits};
use super::requests::{Requests, Sent};
use crate::log::{Answer, Event, Op, Record, Shown, Ver};

const NAME: &str = "C6 tags";

/// A write that an instance answered, or heard of.
#[derive(Debug, Clone)]
struct Known {
    ordinal: u64,
    version: Ver,
    deleted: bool,
    /// Of an invalidation: the companies whose lists it names.
    heard: Option<Vec<Uuid>>,
}

impl Known {
    /// Whether lists of `company` must show it.
    fn concerns(&self, company: Option<Uuid>) -> bool {
        self.heard.as_ref().is_none_or(|companies| company.is_none_or(|company| companies.contains(&company)))
    }

    fn how(&self) -> &'static str {
        if self.heard.is_some() { "acknowledged the invalidation of" } else { "wrote" }
    }
}

/// The checker.
#[derive(Default)]
pub(super) struct Tags {
    requests: Requests,
    commits: Commits,
    /// By start of an instance, of what it wrote; by host, of what it heard since its start.
    known: BTreeMap<String, BTreeMap<Uuid, Vec<Known>>>,
    /// When the store was last put back: what was written before may be lost.
    put_back: u64,
    rules: Rules,
}

impl Tags {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    fn learn(&mut self, of: &str, key: Uuid, known: Known) {
        let all = self.known.entry(of.to_owned()).or_default().entry(key).or_default();
        if all.last().is_none_or(|last| !known.version.is_below(last.version)) {
            all.push(known);
        }
    }

    fn observe_event(&mut self, record: &Record) {
        match &record.event {
            Event::PutBack { .. } => {
                self.known.clear();
                self.put_back = record.ordinal;
            }
            Event::Up | Event::Down => drop(self.known.remove(&record.host)),
            Event::InvalidationAcknowledged { key, version, companies } => {
                let is_it = |commit: &&Commit| commit.version == *version && commit.ordinal > self.put_back;
                let Some(commit) = self.commits.of(*key).iter().find(is_it).copied() else { return };
                let (ordinal, deleted, heard) = (record.ordinal, commit.is_delete(), Some(companies.clone()));
                self.learn(&record.host, *key, Known { ordinal, version: *version, deleted, heard });
            }
            _ => {}
        }
    }

    fn wrote(&mut self, record: &Record, sent: &Sent, answer: &Answer) {
        // A write that changes nothing shows somebody else's version, which lists must show then as well; by the wall clock
        // the row may look so old that all have heard of it.
        let is_own = |shown: &&Shown| {
            let is_it = |commit: &Commit| commit.version == shown.version && !commit.put_back;
            let done_already = sent.ask.op == Op::Patch && !self.rules.clocks_step;
            let of = self.commits.of(shown.key).iter();
            of.filter(|commit| done_already || commit.ordinal > sent.ordinal).any(is_it)
        };
        let own: Vec<Shown> = answer.shown.iter().filter(is_own).cloned().collect();
        for shown in own {
            let (ordinal, version, deleted) = (record.ordinal, shown.version, shown.digest.is_none());
            self.learn(&answer.boot, shown.key, Known { ordinal, version, deleted, heard: None });
        }
    }

    /// The last of each kind that was known of the row when the list was asked for.
    fn before<'k>(&'k self, boot: &str, key: Uuid, sent: &Sent, company: Option<Uuid>) -> Vec<&'k Known> {
        let host = boot.split('-').next().unwrap_or_default();
        let of = |name: &str| {
            let all = self.known.get(name)?.get(&key)?;
            all.iter().rev().find(|known| known.ordinal < sent.ordinal && known.concerns(company))
        };
        [of(boot), of(host)].into_iter().flatten().collect()
    }

    fn check(&self, sent: &Sent, answer: &Answer, company: Option<Uuid>) -> Result<(), String> {
        for (key, commits) in self.commits.rows(company) {
            for known in self.before(&answer.boot, key, sent, company) {
                // Whoever filed it elsewhere since is not this instance.
                let since = commits.iter().filter(|commit| !commit.version.is_below(known.version));
                if company.is_some() && since.filter_map(|commit| commit.company).any(|filed| Some(filed) != company) {
                    continue;
                }
                let shown = answer.shown.iter().find(|shown| shown.key == key);
                let later = |commit: &Commit| commit.is_delete() && known.version.is_below(commit.version);
                let wrong = match shown {
                    Some(shown) => {
                        shown.version.is_below(known.version) || (known.deleted && shown.version.1 == known.version.1)
                    }
                    None => !known.deleted && !commits.iter().any(later),
                };
                if wrong {
                    let shown = shown.map_or_else(|| "nothing".to_owned(), |shown| shown.version.to_string());
                    let (boot, how, version) = (&answer.boot, known.how(), known.version);
                    return Err(format!("a list of {boot} shows {shown} of {key} after it {how} {version}"));
                }
            }
        }
        Ok(())
    }
}

impl Checker for Tags {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.commits.observe(record);
        self.observe_event(record);
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        if sent.ordinal < self.put_back {
            return Ok(());
        }
        match sent.ask.op {
            Op::Create | Op::Patch | Op::Delete => self.wrote(record, &sent, answer),
            Op::List(company) if answer.status == 200 && answer.whole => {
                self.check(&sent, answer, company).map_err(|message| violated(NAME, record, message))?;
            }
            Op::List(_) | Op::Get => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{COMPANY, Forge, KEY, shows};
    use super::*;

    #[test]
    fn a_list_without_the_created_row_is_refused() {
        let history = Forge::default().write(0, Op::Create, 1);
        assert!(history.ask(5, 6, Op::List(None), None, 200, vec![]).check(Tags::default()).is_err());
    }

    #[test]
    fn a_list_with_the_deleted_row_is_refused() {
        let history = Forge::default().commit(0, 1).write(1, Op::Delete, 2);
        assert!(history.ask(5, 6, Op::List(None), None, 200, shows(1)).check(Tags::default()).is_err());
    }

    /// The second version is committed, and its invalidation acknowledged.
    fn heard(version: u64, companies: Vec<Uuid>) -> Forge {
        let acknowledged = Event::InvalidationAcknowledged { key: KEY, version: Ver(1, version), companies };
        Forge::default().commit(0, 1).commit(1, 2).event(3, "i0", acknowledged)
    }

    fn lists(forge: Forge, company: Option<Uuid>, version: u64) -> Result<(), Violation> {
        forge.ask(5, 6, Op::List(company), None, 200, shows(version)).check(Tags::default())
    }

    #[test]
    fn a_list_older_than_an_invalidation_that_was_acknowledged_is_refused() {
        assert!(lists(heard(2, vec![COMPANY]), Some(COMPANY), 1).is_err());
        assert!(lists(heard(2, vec![COMPANY]), None, 1).is_err(), "the list of all");
        assert!(heard(2, vec![COMPANY]).ask(5, 6, Op::List(None), None, 200, vec![]).check(Tags::default()).is_err());
        assert_eq!(lists(heard(2, vec![COMPANY]), Some(COMPANY), 2), Ok(()));
        assert_eq!(lists(heard(2, vec![]), Some(COMPANY), 1), Ok(()), "it names other lists");
        assert_eq!(lists(heard(3, vec![COMPANY]), None, 1), Ok(()), "of a version that nobody committed");
        assert_eq!(lists(heard(2, vec![COMPANY]).event(4, "i0", Event::Up), None, 1), Ok(()), "of an earlier start");
        assert_eq!(lists(heard(2, vec![COMPANY]).put_back(4, 1), None, 1), Ok(()), "lost since");
    }

    #[test]
    fn a_write_that_the_store_lost_need_not_show() {
        let history = Forge::default().write(0, Op::Create, 1).put_back(3, 0);
        assert_eq!(history.ask(5, 6, Op::List(None), None, 200, vec![]).check(Tags::default()), Ok(()));
    }

    #[test]
    fn a_write_that_changed_nothing_shows_in_lists_too() {
        let history = || Forge::default().commit(0, 1).ask(1, 2, Op::Patch, None, 200, shows(1));
        let lists = |shown, rules| history().ask(5, 6, Op::List(None), None, 200, shown).check(Tags::new(rules));
        assert!(lists(vec![], Rules::default()).is_err());
        assert_eq!(lists(shows(1), Rules::default()), Ok(()));
        assert_eq!(lists(vec![], Rules { clocks_step: true, ..Rules::default() }), Ok(()), "it may look very old");
    }

    #[test]
    fn lists_that_show_the_write_or_crossed_it_are_accepted() {
        let history = Forge::default().write(0, Op::Create, 1);
        let history = history.ask(5, 6, Op::List(None), None, 200, shows(1)).delete(7, 2);
        assert_eq!(history.ask(8, 9, Op::List(None), None, 200, vec![]).check(Tags::default()), Ok(()));
    }
}
