//! Progress of a long command: a bar on a terminal, plain lines elsewhere.

use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};

/// Plain lines come at each tenth.
const PLAIN_STEPS: u64 = 10;

/// The progress of `total` steps.
pub(super) enum Progress<'a> {
    Bar(ProgressBar),
    Lines { err: &'a mut (dyn Write + Send), done: u64, total: u64 },
}

impl<'a> Progress<'a> {
    pub(super) fn new(total: u64, err: &'a mut (dyn Write + Send), is_terminal: bool) -> Self {
        if !is_terminal {
            return Progress::Lines { err, done: 0, total };
        }
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {per_sec}, {eta} left  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress::Bar(bar)
    }

    pub(super) fn advance(&mut self, rows: u64) {
        match self {
            Progress::Bar(bar) => bar.inc(rows),
            Progress::Lines { err, done, total } => {
                let tenth = |done: u64| done * PLAIN_STEPS / (*total).max(1);
                let before = tenth(*done);
                *done += rows;
                if tenth(*done) > before {
                    let _ = writeln!(err, "{done}/{total} rows");
                }
            }
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        match self {
            Progress::Bar(bar) => bar.println(text),
            // Progress that cannot be shown is no reason to stop.
            Progress::Lines { err, .. } => drop(writeln!(err, "{text}")),
        }
    }

    pub(super) fn finish(self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
