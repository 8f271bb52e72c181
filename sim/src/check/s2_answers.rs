//! S2 `answers`: an answer is about what was asked.
//!
//! The other checkers hold what an answer shows against what the store committed. Here it is held against its question:
//! the thing asked for and no other, in one piece; of a list as many rows as there are to show, each once, of the company
//! asked for; and no cached list is older than lists may get.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::checker::{Checker, Rules, Violation, violated};
use super::commits::Commits;
use super::requests::{Requests, Sent};
use crate::log::{Answer, Op, Record};

const NAME: &str = "S2 answers";

/// The checker.
#[derive(Default)]
pub(super) struct Answers {
    requests: Requests,
    commits: Commits,
    rules: Rules,
}

impl Answers {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    fn judge(&self, sent: &Sent, answer: &Answer) -> Result<(), String> {
        match (sent.ask.op, answer.status) {
            (Op::List(company), 200) => self.list(sent, company, answer),
            (Op::Get | Op::Patch, 200) | (Op::Delete, 204) | (Op::Create, 200 | 201) => one(sent.ask.key, answer),
            (_, status) if !answer.shown.is_empty() => Err(format!("{status} shows something")),
            (_, 200..=299) => Err(format!("{} answers {:?}", answer.status, sent.ask.op)),
            _ => Ok(()),
        }
    }

    fn list(&self, sent: &Sent, company: Option<Uuid>, answer: &Answer) -> Result<(), String> {
        let (Some(total), Some(take)) = (answer.total, sent.ask.take) else {
            return Err("a list cannot be read".to_owned());
        };
        let (shown, wanted) = (answer.shown.len() as u64, total.min(u64::from(take)));
        if shown != wanted {
            return Err(format!("a list of {total} rows shows {shown}, and not {wanted}"));
        }
        let keys: BTreeSet<Uuid> = answer.shown.iter().map(|shown| shown.key).collect();
        if keys.len() as u64 != shown {
            return Err("a list shows a row twice".to_owned());
        }
        // What no commit shows is C2's.
        let is_elsewhere = |shown: &&crate::log::Shown| {
            let mut of = self.commits.of(shown.key).iter().filter(|commit| commit.is_shown_by(shown)).peekable();
            of.peek().is_some() && !of.any(|commit| commit.company == company)
        };
        if let Some(shown) = answer.shown.iter().find(is_elsewhere).filter(|_| company.is_some()) {
            return Err(format!("a list shows {} of {}, which is of another company", shown.version, shown.key));
        }
        let hit = answer.level.as_deref() == Some("L1");
        match answer.age_s {
            Some(age_s) if hit && !answer.stale && age_s > self.rules.list_age_max_s => {
                Err(format!("a list is {age_s} s old, lists live {} s at most", self.rules.list_age_max_s))
            }
            None if hit => Err("a list does not tell its age".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Exactly the one asked for, with the life of its version.
fn one(key: Option<Uuid>, answer: &Answer) -> Result<(), String> {
    let [shown] = answer.shown.as_slice() else {
        return Err(format!("{} shows {} things, and not one", answer.status, answer.shown.len()));
    };
    if key.is_some_and(|key| key != shown.key) {
        return Err(format!("shows {}, and {} was asked for", shown.key, key.unwrap_or_default()));
    }
    if shown.version.0 == 0 {
        return Err(format!("shows {} without the life of its version", shown.key));
    }
    Ok(())
}

impl Checker for Answers {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.commits.observe(record);
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        let judged = self.judge(&sent, answer);
        judged.map_err(|why| violated(NAME, record, format!("{}: {why}", answer.boot)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{COMPANY, Forge, KEY, shows};
    use super::*;
    use crate::log::{Shown, Ver};

    const OTHER: Uuid = Uuid::from_u128(77);

    fn begun() -> Forge {
        Forge::default().commit(0, 1)
    }

    fn check(forge: Forge) -> Result<(), Violation> {
        forge.check(Answers::new(Rules { list_age_max_s: 9, ..Rules::default() }))
    }

    #[track_caller]
    fn refused(forge: Forge, why: &str) {
        let message = check(forge).unwrap_err().message;
        assert!(message.contains(why), "{message}");
    }

    fn get(status: u16, shown: Vec<Shown>) -> Forge {
        begun().ask(5, 6, Op::Get, None, status, shown)
    }

    #[test]
    fn another_thing_none_or_two_are_refused() {
        refused(get(200, vec![Shown { key: OTHER, ..shows(1)[0].clone() }]), "was asked for");
        refused(get(200, vec![]), "0 things");
        refused(get(200, [shows(1), shows(1)].concat()), "2 things");
        refused(get(200, vec![Shown { version: Ver(0, 1), ..shows(1)[0].clone() }]), "without the life");
        refused(get(404, shows(1)), "404 shows");
        refused(begun().ask(5, 6, Op::Delete, None, 204, vec![]), "0 things");
    }

    #[test]
    fn a_list_that_lacks_what_its_total_tells_of_is_refused() {
        let of = |take, total, shown| begun().list(5, None, take, Some(total), shown);
        refused(of(100, 2, shows(1)), "shows 1, and not 2");
        refused(of(3, 9, shows(1)), "shows 1, and not 3");
        refused(of(100, 2, [shows(1), shows(1)].concat()), "twice");
        refused(begun().list(5, None, 100, None, vec![]), "cannot be read");
        assert_eq!(check(of(1, 9, shows(1))), Ok(()));
    }

    #[test]
    fn a_row_of_another_company_is_refused() {
        refused(begun().list(5, Some(OTHER), 100, Some(1), shows(1)), "another company");
        assert_eq!(check(begun().list(5, Some(COMPANY), 100, Some(1), shows(1))), Ok(()));
        let moved = begun().file(3, 2, OTHER).list(5, Some(OTHER), 100, Some(1), shows(2));
        assert_eq!(check(moved), Ok(()));
    }

    #[test]
    fn a_cached_list_that_outlives_its_time_is_refused() {
        let aged = |age_s| begun().list_of_age(5, age_s, shows(1));
        refused(aged(Some(10)), "10 s old");
        refused(aged(None), "its age");
        assert_eq!(check(aged(Some(9))), Ok(()));
    }

    #[test]
    fn what_was_asked_for_is_accepted() {
        let history = get(200, shows(1)).ask(7, 8, Op::Get, None, 404, vec![]).write(9, Op::Patch, 2);
        assert_eq!(check(history.ask(11, 12, Op::Get, None, 503, vec![])), Ok(()));
        assert_eq!(KEY, shows(1)[0].key);
    }
}
