//! Progress: live figures where there is a terminal, plain lines where not.

use std::io::{IsTerminal as _, Write as _, stderr};

use crate::engine::Measured;
use crate::http::Level;

/// Without a terminal a line comes this often, in seconds.
const PLAIN_EVERY: usize = 5;

/// The progress of a run, on standard error.
pub(super) struct Live {
    is_terminal: bool,
    is_quiet: bool,
    length_s: f64,
    warm_up_s: f64,
    calls: usize,
    is_open: bool,
}

impl Live {
    pub(super) fn new(is_quiet: bool, length_s: f64, warm_up_s: f64) -> Self {
        Self { is_terminal: stderr().is_terminal(), is_quiet, length_s, warm_up_s, calls: 0, is_open: false }
    }

    /// Each second. Whatever cannot be shown hinders nothing.
    pub(super) fn second(&mut self, so_far: &Measured) {
        self.calls += 1;
        if self.is_quiet || !(self.is_terminal || self.calls.is_multiple_of(PLAIN_EVERY)) {
            return;
        }
        let line = self.line(so_far);
        let _ = if self.is_terminal {
            self.is_open = true;
            write!(stderr(), "\r\x1b[2K{line}").and_then(|()| stderr().flush())
        } else {
            writeln!(stderr(), "{line}")
        };
    }

    fn line(&self, so_far: &Measured) -> String {
        let elapsed_s = so_far.elapsed_ns as f64 / 1e9;
        // The second that has just ended; the one before has all its replies.
        let last = so_far.seconds.len().saturating_sub(2);
        let Some(second) = so_far.seconds.get(last) else { return String::new() };
        let answers = Level::ALL.map(|level| second.levels.answers(level));
        let total: u64 = answers.iter().sum();
        let shares = answers.map(|count| format!("{:.0}", 100.0 * count as f64 / total.max(1) as f64)).join("/");
        let errors: u64 = so_far.whole_failures.values().sum();
        let phase = if elapsed_s < self.warm_up_s { " warm-up" } else { "" };
        format!(
            "{elapsed_s:4.0}/{:.0} s{phase}  {} replies/s  p50 {:.2} ms  p99 {:.2} ms  L1-L4 {shares} %  errors {errors}  not sent {}",
            self.length_s,
            second.done,
            second.planned.p50 as f64 / 1e6,
            second.planned.p99 as f64 / 1e6,
            so_far.whole_not_sent,
        )
    }

    /// A line that stays.
    pub(super) fn say(&mut self, text: &str) {
        if self.is_quiet {
            return;
        }
        self.close();
        let _ = writeln!(stderr(), "{text}");
    }

    /// Ends the live line.
    pub(super) fn close(&mut self) {
        if self.is_open {
            self.is_open = false;
            let _ = writeln!(stderr());
        }
    }
}
