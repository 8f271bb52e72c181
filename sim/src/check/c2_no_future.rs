//! C2 `no_future`: nothing is served that the store did not commit: version and content.

use super::checker::{Checker, Violation, violated};
use super::commits::Commits;
use super::requests::Requests;
use crate::log::{Op, Record};

const NAME: &str = "C2 no_future";

/// The checker.
#[derive(Default)]
pub(super) struct NoFuture {
    requests: Requests,
    commits: Commits,
}

impl Checker for NoFuture {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.commits.observe(record);
        let Some((sent, answer)) = self.requests.observe(record) else { return Ok(()) };
        for shown in &answer.shown {
            if !self.commits.of(shown.key).iter().any(|commit| commit.is_shown_by(shown)) {
                let message = format!(
                    "{} showed {} of {} with a content that was never committed",
                    answer.boot, shown.version, shown.key
                );
                return Err(violated(NAME, record, message));
            }
        }
        if answer.status == 404
            && sent.ask.op == Op::Get
            && let Some(key) = sent.ask.key
            && !self.commits.was_absent(key, 0, record.at_ms)
        {
            return Err(violated(NAME, record, format!("{key} was never absent")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{Forge, KEY, shows};
    use super::*;
    use crate::log::{Shown, Ver};

    #[test]
    fn a_version_of_the_future_is_refused() {
        assert!(Forge::default().commit(0, 1).get(5, 2).check(NoFuture::default()).is_err());
    }

    #[test]
    fn another_content_under_a_committed_version_is_refused() {
        let wrong = vec![Shown { key: KEY, version: Ver(1, 1), digest: Some(7) }];
        let history = Forge::default().commit(0, 1).ask(5, 6, Op::Get, None, 200, wrong);
        assert!(history.check(NoFuture::default()).is_err());
    }

    #[test]
    fn an_absence_of_what_was_never_absent_is_refused() {
        let absent = |forge: Forge| forge.ask(5, 6, Op::Get, None, 404, vec![]).check(NoFuture::default());
        assert!(absent(Forge::default().commit(0, 1)).unwrap_err().message.contains("never absent"));
        assert_eq!(absent(Forge::default().commit(1, 1)), Ok(()), "before it was there");
        assert_eq!(absent(Forge::default().commit(0, 1).delete(3, 2)), Ok(()));
    }

    #[test]
    fn what_was_committed_is_accepted() {
        let history = Forge::default().commit(0, 1).commit(3, 2).get(5, 1).get(6, 2);
        let history = history.ask(7, 8, Op::List(None), None, 200, shows(2));
        assert_eq!(history.check(NoFuture::default()), Ok(()));
    }
}
