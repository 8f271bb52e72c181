//! What is counted of a run.

use std::collections::BTreeMap;
use std::time::Instant;

use hdrhistogram::Histogram;

use super::traffic::{Job, Outcome, Times};
use crate::http::Level;

/// The longest latency that is told apart, in nanoseconds: ten minutes.
const LATENCY_MAX_NS: u64 = 600_000_000_000;
/// How fine the histograms of the whole run are, in decimal digits.
const DIGITS: u8 = 3;
/// How fine those of one second are.
const DIGITS_PER_SECOND: u8 = 2;
/// The most seconds of a series; later ones are counted in the last.
const SECONDS_MAX: usize = 7 * 86_400;
/// The most errors told apart by name; further ones are `other`.
const FAILURES_MAX: usize = 64;

/// Replies by the tier that answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LevelCounts {
    /// 200s and the like, by tier.
    pub good: [u64; 4],
    /// 304s, by tier.
    pub not_modified: [u64; 4],
    /// Both, where the reply named no tier.
    pub unnamed: u64,
}

/// Requests to one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetCounts {
    /// Whose bytes went out.
    pub sent: u64,
    /// Those of them that ended as an error.
    pub failed: u64,
}

/// A request that did not become a good reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lost<'a> {
    pub(super) job: &'a Job,
    pub(super) due_ns: u64,
    /// When it was sent; nothing if it never was.
    pub(super) sent_ns: Option<u64>,
    /// What went wrong.
    pub(super) name: &'a str,
    /// Whether somebody waited for it in vain until now: that is a latency, too, and the least that it may be. Of wrong replies
    /// none is recorded: a quick error would make the others look slow.
    pub(super) has_waited: bool,
}

/// Errors by name.
pub type Failures = BTreeMap<String, u64>;

/// Percentiles, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Percentiles {
    /// How many values.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// Half are below.
    pub p50: u64,
    /// 75 %.
    pub p75: u64,
    /// 90 %.
    pub p90: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    pub p999: u64,
    /// The most.
    pub max: u64,
    /// The mean.
    pub mean: f64,
}

/// One second of a run, by the time at which replies came.
#[derive(Debug, Clone, Default)]
pub struct Second {
    /// Arrivals due in it.
    pub due: u64,
    /// Replies, errors included.
    pub done: u64,
    /// Errors.
    pub failed: u64,
    /// Replies by tier.
    pub levels: LevelCounts,
    /// Latency from the planned time.
    pub planned: Percentiles,
}

/// Everything that was measured. `whole` counts include the warm-up, for the comparison with the server's own counters.
#[derive(Debug, Clone)]
pub struct Measured {
    /// From the planned time to the reply, or to the moment at which none was waited for any more.
    pub planned: Histogram<u64>,
    /// From the sending to the same: what a closed loop would print.
    pub sent: Histogram<u64>,
    /// From the planned time to the moment at which the generator sent it, where a connection was free: its own fault alone.
    pub lateness: Histogram<u64>,
    /// From the planned time, by kind of request.
    pub kinds: Vec<(&'static str, Histogram<u64>)>,
    /// Arrivals due, after the warm-up.
    pub due: u64,
    /// Replies and errors, after the warm-up.
    pub done: u64,
    /// Arrivals that were never sent, after the warm-up.
    pub not_sent: u64,
    /// By tier, after the warm-up.
    pub levels: LevelCounts,
    /// Errors, after the warm-up.
    pub failures: Failures,
    /// Arrivals due, warm-up included.
    pub whole_due: u64,
    /// Requests whose bytes went out, warm-up included.
    pub whole_sent: u64,
    /// Arrivals never sent, warm-up included.
    pub whole_not_sent: u64,
    /// By target and tier, warm-up included.
    pub whole_levels: Vec<LevelCounts>,
    /// Requests and errors by target, warm-up included.
    pub whole_targets: Vec<TargetCounts>,
    /// Errors, warm-up included.
    pub whole_failures: Failures,
    /// Each second, the warm-up's first.
    pub seconds: Vec<Second>,
    /// When it began.
    pub started: Instant,
    /// How long the run took, in nanoseconds.
    pub elapsed_ns: u64,
    /// Whether it was ended before its plan was.
    pub aborted: Option<String>,
    current: Histogram<u64>,
    current_second: usize,
    warm_up_ns: u64,
}

impl LevelCounts {
    /// Replies of a tier, 304s included.
    pub fn answers(&self, level: Level) -> u64 {
        self.good[level as usize] + self.not_modified[level as usize]
    }

    /// All replies.
    pub fn total(&self) -> u64 {
        self.good.iter().chain(&self.not_modified).sum::<u64>() + self.unnamed
    }

    fn count(&mut self, level: Option<Level>, is_304: bool) {
        match level {
            Some(level) if is_304 => self.not_modified[level as usize] += 1,
            Some(level) => self.good[level as usize] += 1,
            None => self.unnamed += 1,
        }
    }
}

impl Percentiles {
    /// Those of a histogram.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            min: histogram.min(),
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max(),
            mean: histogram.mean(),
        }
    }
}

/// A histogram of nanoseconds.
#[expect(clippy::expect_used, reason = "the bounds are constants that the library accepts")]
pub(crate) fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, digits).expect("constant bounds")
}

impl Measured {
    pub(crate) fn new(kinds: &[&'static str], targets: usize, warm_up_ns: u64) -> Self {
        Self {
            planned: histogram(DIGITS),
            sent: histogram(DIGITS),
            lateness: histogram(DIGITS),
            kinds: kinds.iter().map(|name| (*name, histogram(DIGITS))).collect(),
            due: 0,
            done: 0,
            not_sent: 0,
            levels: LevelCounts::default(),
            failures: Failures::new(),
            whole_due: 0,
            whole_sent: 0,
            whole_not_sent: 0,
            whole_levels: vec![LevelCounts::default(); targets],
            whole_targets: vec![TargetCounts::default(); targets],
            whole_failures: Failures::new(),
            seconds: Vec::new(),
            started: Instant::now(),
            elapsed_ns: 0,
            aborted: None,
            current: histogram(DIGITS_PER_SECOND),
            current_second: 0,
            warm_up_ns,
        }
    }

    /// What answers may be older than the plan's second that runs now.
    fn second(&mut self, at_ns: u64) -> &mut Second {
        let index = usize::try_from(at_ns / 1_000_000_000).unwrap_or(usize::MAX).min(SECONDS_MAX);
        if self.seconds.len() <= index {
            self.seconds.resize_with(index + 1, Second::default);
        }
        &mut self.seconds[index]
    }

    pub(super) fn arrived(&mut self, due_ns: u64) {
        self.whole_due += 1;
        self.second(due_ns).due += 1;
        if due_ns >= self.warm_up_ns {
            self.due += 1;
        }
    }

    pub(super) fn late(&mut self, due_ns: u64, now_ns: u64) {
        if due_ns >= self.warm_up_ns {
            self.lateness.saturating_record(now_ns.saturating_sub(due_ns).max(1));
        }
    }

    pub(super) fn not_sent(&mut self, due_ns: u64) {
        self.whole_not_sent += 1;
        if due_ns >= self.warm_up_ns {
            self.not_sent += 1;
        }
    }

    pub(super) fn sent_to(&mut self, target: usize) {
        self.whole_sent += 1;
        if let Some(counts) = self.whole_targets.get_mut(target) {
            counts.sent += 1;
        }
    }

    /// By how much L1 + L2 + L3 + L4, the replies of no tier, the 304s and the errors are not what was sent, over all targets.
    pub fn unaccounted(&self) -> u64 {
        let answered = self.whole_levels.iter().map(LevelCounts::total);
        let pairs = self.whole_targets.iter().zip(answered);
        pairs.map(|(counts, answered)| counts.sent.abs_diff(answered + counts.failed)).sum()
    }

    pub(super) fn answered(&mut self, job: &Job, times: &Times, outcome: Outcome) {
        let (level, is_304) = match outcome {
            Outcome::Good(level) => (level, false),
            Outcome::NotModified(level) => (level, true),
            Outcome::Wrong(name) => {
                let (due_ns, sent_ns) = (times.due_ns, Some(times.sent_ns));
                return self.failed(&Lost { job, due_ns, sent_ns, name: &name, has_waited: false }, times.done_ns);
            }
        };
        let second = self.second(times.done_ns);
        second.done += 1;
        second.levels.count(level, is_304);
        if let Some(levels) = self.whole_levels.get_mut(job.target) {
            levels.count(level, is_304);
        }
        if times.due_ns >= self.warm_up_ns {
            self.done += 1;
            self.levels.count(level, is_304);
        }
        self.waited(job.kind, times.due_ns, Some(times.sent_ns), times.done_ns);
    }

    /// How long somebody waited until `now_ns`, whether for a reply or in vain.
    fn waited(&mut self, kind: usize, due_ns: u64, sent_ns: Option<u64>, now_ns: u64) {
        let latency = now_ns.saturating_sub(due_ns).max(1);
        self.roll(now_ns);
        self.current.saturating_record(latency);
        if due_ns < self.warm_up_ns {
            return;
        }
        self.planned.saturating_record(latency);
        if let Some(sent_ns) = sent_ns {
            self.sent.saturating_record(now_ns.saturating_sub(sent_ns).max(1));
        }
        if let Some((_, histogram)) = self.kinds.get_mut(kind) {
            histogram.saturating_record(latency);
        }
    }

    pub(super) fn failed(&mut self, lost: &Lost<'_>, now_ns: u64) {
        let Lost { job, due_ns, sent_ns, name, has_waited } = *lost;
        if let Some(counts) = self.whole_targets.get_mut(job.target).filter(|_| sent_ns.is_some()) {
            counts.failed += 1;
        }
        let second = self.second(now_ns);
        second.done += 1;
        second.failed += 1;
        count(&mut self.whole_failures, name);
        if due_ns >= self.warm_up_ns {
            self.done += 1;
            count(&mut self.failures, name);
        }
        if has_waited {
            self.waited(job.kind, due_ns, sent_ns, now_ns);
        }
    }

    /// Closes the seconds before the one of `now_ns`.
    pub(super) fn roll(&mut self, now_ns: u64) {
        let index = usize::try_from(now_ns / 1_000_000_000).unwrap_or(usize::MAX).min(SECONDS_MAX);
        if index != self.current_second {
            self.close();
            self.current_second = index;
        }
    }

    /// Ends the series.
    pub(super) fn close(&mut self) {
        if !self.current.is_empty() {
            let percentiles = Percentiles::of(&self.current);
            self.second(self.current_second as u64 * 1_000_000_000).planned = percentiles;
            self.current.reset();
        }
    }
}

fn count(failures: &mut Failures, name: &str) {
    if let Some(counter) = failures.get_mut(name) {
        *counter += 1;
        return;
    }
    let name = if failures.len() < FAILURES_MAX { name } else { "other" };
    *failures.entry(name.to_owned()).or_default() += 1;
}
