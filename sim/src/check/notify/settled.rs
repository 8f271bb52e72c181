//! What is settled for one delivery, and for how long nobody can have a reason to ask again.

use crate::log::{Outcome, Reply};

/// A claim outlives what is sent under it by 5 s: until then whoever knows the answer can write it down, and nobody else
/// takes the work over.
const MARGIN_MS: u64 = 4_500;

/// What is known of one thing that is sent.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The answer that settles it, and when it reached the sender.
    answered: Option<(u64, Reply)>,
    /// It is written down that it is over.
    over: bool,
}

impl Settled {
    pub(super) fn answer(&mut self, at_ms: u64, reply: Reply) {
        if matches!(reply, Reply::Taken | Reply::Never) {
            self.answered = Some((at_ms, reply));
        }
    }

    pub(super) fn report(&mut self, outcome: Outcome) {
        self.over = outcome != Outcome::Later;
    }

    /// Why nobody may send it now, if nobody may.
    pub(super) fn forbids(&self, at_ms: u64) -> Option<String> {
        match self.answered {
            _ if self.over => Some("it is over".to_owned()),
            Some((then_ms, reply)) if at_ms < then_ms + MARGIN_MS => {
                Some(format!("{reply:?} was answered {} ms before", at_ms - then_ms))
            }
            _ => None,
        }
    }
}
