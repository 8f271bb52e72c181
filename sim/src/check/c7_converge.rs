//! C7 `converge`: when faults end, all instances answer what the store holds, in bounded time.

use super::checker::{Checker, Rules, Violation, violated};
use super::commits::Commits;
use super::requests::{Requests, Sent};
use crate::log::{Ask, Event, Op, Record};

const NAME: &str = "C7 converge";

/// The phase in which all is quiet and everything is read.
pub(crate) const FINAL: &str = "final";

/// The checker.
#[derive(Default)]
pub(super) struct Converge {
    requests: Requests,
    commits: Commits,
    is_final: bool,
    /// The instance that a permanent fault hurts: it may say that it cannot answer, or that its answer is stale.
    hurt: Option<usize>,
    rules: Rules,
}

impl Converge {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    fn check(
        &self,
        record: &Record,
        Sent { ask: Ask { op, key, .. }, at_ms: sent_ms, .. }: &Sent,
        answer: &crate::log::Answer,
    ) -> Result<(), Violation> {
        let wrong = |message: String| Err(violated(NAME, record, message));
        // What takes its time may be answered by what is held, which by now is right.
        let took_ms = record.at_ms.saturating_sub(*sent_ms);
        if answer.stale && took_ms < self.rules.soft_timeout_ms {
            return wrong(format!("{} still answers stale", answer.boot));
        }
        for shown in &answer.shown {
            let last = self.commits.last(shown.key);
            if last.is_none_or(|last| !last.is_shown_by(shown) || shown.version.is_below(last.version)) {
                let last = last.map(|last| last.version.to_string()).unwrap_or_default();
                return wrong(format!("{} shows {} of {}, the store {last}", answer.boot, shown.version, shown.key));
            }
        }
        match (*op, answer.status) {
            (Op::Get, 404) => match key.and_then(|key| self.commits.last(key)).filter(|last| !last.is_delete()) {
                Some(last) => wrong(format!("{} lacks {key:?}, the store has {}", answer.boot, last.version)),
                None => Ok(()),
            },
            (Op::List(company), 200) => {
                let alive = || self.commits.rows(company).filter(|(_, all)| all.last().is_some_and(|c| !c.is_delete()));
                let count = alive().count() as u64;
                if let Some(total) = answer.total.filter(|total| *total != count) {
                    return wrong(format!("a list of {} tells of {total} rows, there are {count}", answer.boot));
                }
                let missing = alive().find(|(key, _)| !answer.shown.iter().any(|shown| shown.key == *key));
                match missing.filter(|_| answer.whole || answer.total.is_none()) {
                    Some((key, _)) => wrong(format!("a list of {} lacks {key}", answer.boot)),
                    None => Ok(()),
                }
            }
            (Op::Get, 200) => Ok(()),
            (_, status) => wrong(format!("{} answers {status}", answer.boot)),
        }
    }
}

impl Checker for Converge {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.commits.observe(record);
        match &record.event {
            Event::Phase { name } => self.is_final = name == FINAL,
            Event::NotConverged { reasons } => {
                return Err(violated(NAME, record, format!("still pending: {}", reasons.join(", "))));
            }
            Event::Permanent { hurt, .. } => self.hurt = *hurt,
            Event::Unanswered { request, why } if self.is_final => {
                let asked = self.requests.asked(*request);
                if asked.is_none() || asked.map(|sent| sent.ask.instance) != self.hurt {
                    return Err(violated(NAME, record, format!("no answer in the end: {why}")));
                }
            }
            _ => {}
        }
        match self.requests.observe(record) {
            Some((sent, answer)) if Some(sent.ask.instance) == self.hurt && (answer.stale || answer.status == 503) => {
                Ok(())
            }
            Some((sent, answer)) if self.is_final => self.check(record, &sent, answer),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Forge, shows};
    use super::*;

    fn quiet() -> Forge {
        Forge::default().commit(0, 1).commit(10, 2).phase(9_000, FINAL)
    }

    #[test]
    fn an_old_version_in_the_end_is_refused() {
        assert!(quiet().get(9_001, 1).check(Converge::default()).is_err());
    }

    #[test]
    fn what_the_store_lost_when_it_was_put_back_is_refused() {
        let history = || Forge::default().commit(0, 1).commit(10, 2).put_back(20, 1).phase(9_000, FINAL);
        assert!(history().get(9_001, 2).check(Converge::default()).is_err());
        assert_eq!(history().get(9_001, 1).check(Converge::default()), Ok(()));
    }

    #[test]
    fn a_list_that_lacks_a_row_and_an_error_are_refused() {
        assert!(quiet().ask(9_001, 9_002, Op::List(None), None, 200, vec![]).check(Converge::default()).is_err());
        assert!(quiet().ask(9_001, 9_002, Op::Get, None, 503, vec![]).check(Converge::default()).is_err());
    }

    #[test]
    fn whom_a_permanent_fault_hurts_must_be_honest_and_no_more() {
        let hurt = |who| quiet().event(1, "harness", Event::Permanent { what: String::new(), hurt: Some(who) });
        let unable = |who| hurt(who).ask(9_001, 9_002, Op::Get, None, 503, vec![]).check(Converge::default());
        assert_eq!(unable(0), Ok(()));
        assert!(unable(1).is_err(), "another one is hurt");
        assert!(hurt(0).get(9_001, 1).check(Converge::default()).is_err(), "an old answer without a mark");
    }

    #[test]
    fn a_wrong_total_a_lack_and_a_stale_or_missing_answer_are_refused() {
        assert!(quiet().total(9_001, Op::List(None), 2).check(Converge::default()).is_err());
        assert_eq!(quiet().total(9_001, Op::List(None), 1).check(Converge::default()), Ok(()), "a page of many");
        let absent = quiet().ask(9_001, 9_002, Op::Get, None, 404, vec![]).check(Converge::default());
        assert!(absent.unwrap_err().message.contains("lacks"));
        let stale = quiet().ask_marked(9_001, 9_002, Op::Get, None, 200, shows(2), true).check(Converge::default());
        assert!(stale.unwrap_err().message.contains("stale"));
        let slow = |version| {
            let slow = quiet().ask_marked(9_001, 9_061, Op::Get, None, 200, shows(version), true);
            slow.check(Converge::new(Rules { soft_timeout_ms: 50, ..Rules::default() }))
        };
        assert_eq!(slow(2), Ok(()), "it took longer than such answers are waited for");
        assert!(slow(1).is_err(), "and was wrong");
        assert!(quiet().unanswered(9_001, None).check(Converge::default()).unwrap_err().message.contains("no answer"));
        let gone = quiet().delete(9_002, 3).ask(9_003, 9_004, Op::Get, None, 404, vec![]);
        assert_eq!(gone.check(Converge::default()), Ok(()));
    }

    #[test]
    fn what_never_comes_about_is_refused() {
        let reasons = vec!["i0 does not run".to_owned()];
        assert!(quiet().event(9_001, "harness", Event::NotConverged { reasons }).check(Converge::default()).is_err());
    }

    #[test]
    fn what_the_store_holds_is_accepted() {
        let history = quiet().get(9_001, 2).ask(9_001, 9_002, Op::List(None), None, 200, shows(2));
        assert_eq!(history.check(Converge::default()), Ok(()));
    }
}
