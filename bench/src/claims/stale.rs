//! Reports of other code.

use super::judge::{Judged, Read, Verdict};
use super::reports::Found;

/// Whether a report is of other code than `git_ref`, which is that of the code as it is now. Code that is not committed is
/// other code than any, its own of a moment ago included; so is code that nobody knows.
pub(super) fn is_stale(found: &Found, git_ref: Option<&str>) -> bool {
    let now = git_ref.filter(|now| !now.ends_with('+'));
    now.is_none() || found.git_ref.as_deref() != now
}

/// Whether a claim rests on a report of other code.
pub(super) fn rests_on_stale(judged: &Judged, read: &Read, git_ref: Option<&str>) -> bool {
    let mut sources = judged.parts.iter().flat_map(|part| &part.sources);
    sources.any(|source| matches!(read.get(source), Some(Ok(found)) if is_stale(found, git_ref)))
}

/// How many claims came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// They hold, by reports of this code.
    pub hold: usize,
    /// They would, by reports of other code: nobody knows.
    pub stale: usize,
    /// They do not, whatever code it was.
    pub do_not_hold: usize,
    /// They were not measured.
    pub not_measured: usize,
}

impl Counts {
    /// Of these claims.
    pub fn of(judged: &[Judged], read: &Read, git_ref: Option<&str>) -> Self {
        let mut counts = Self::default();
        for claim in judged {
            let count = match claim.verdict {
                Verdict::Holds if rests_on_stale(claim, read, git_ref) => &mut counts.stale,
                Verdict::Holds => &mut counts.hold,
                Verdict::NotMeasured => &mut counts.not_measured,
                Verdict::DoesNotHold => &mut counts.do_not_hold,
            };
            *count += 1;
        }
        counts
    }

    /// Whether every claim holds by reports of this code.
    pub const fn all_hold(&self) -> bool {
        self.stale + self.do_not_hold + self.not_measured == 0
    }
}
