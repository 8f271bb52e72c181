//! The writes of one key, and which answers are too old for them. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use coherence::Version;
use tokio::time::Instant;

/// The first scale.
pub(super) const SCALE_1: Duration = Duration::from_secs(1);
/// The second: the bound of C3.
pub(super) const SCALE_5: Duration = Duration::from_secs(5);
/// How many writes of a key wait for their end; then the oldest goes.
const WRITES_MAX: usize = 32;

#[derive(Debug, Clone, Copy)]
struct Write {
    version: Version,
    /// When this process first saw it in the store: it is at least so old.
    seen: Instant,
    late_1: bool,
    late_5: bool,
}

/// What an answer showed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Writes whose end is known now.
    pub(super) ended: u64,
    pub(super) within_1s: u64,
    pub(super) within_5s: u64,
    /// A version that the answer should have shown five seconds after it was seen.
    pub(super) violated: Option<Version>,
    pub(super) violations: u64,
}

/// The writes of one key.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    open: VecDeque<Write>,
    last: Option<Version>,
}

impl Watch {
    /// The store is at `version`. The first that is seen of a key is no write: nobody knows how old it is.
    pub(super) fn saw(&mut self, version: Version, now: Instant) {
        match self.last {
            Some(last) if version > last => {
                if self.open.len() >= WRITES_MAX {
                    self.open.pop_front();
                }
                self.open.push_back(Write { version, seen: now, late_1: false, late_5: false });
            }
            // A change was told: what the store holds is new.
            _ => {}
        }
        self.last = self.last.max(Some(version));
    }

    /// A change to `version` was told, and nothing was known of the key before.
    pub(super) fn told(&mut self, version: Option<Version>) {
        if self.last.is_none() {
            self.last =
                version.map(|version| Version { id: coherence::VersionId(version.id.0.saturating_sub(1)), ..version });
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whoever asked at `asked` was answered `version`.
    pub(super) fn answered(&mut self, version: Version, asked: Instant) -> Found {
        let mut found = Found::default();
        for write in &mut self.open {
            if write.version <= version {
                continue;
            }
            let age = asked.saturating_duration_since(write.seen);
            write.late_1 |= age >= SCALE_1;
            if age >= SCALE_5 && !write.late_5 {
                write.late_5 = true;
                found.violations += 1;
                found.violated = Some(write.version);
            }
        }
        while let Some(write) = self.open.front().copied().filter(|write| write.version <= version) {
            self.open.pop_front();
            found.ended += 1;
            found.within_1s += u64::from(!write.late_1);
            found.within_5s += u64::from(!write.late_5);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(id: u64) -> Version {
        Version::new(1, id)
    }

    #[tokio::test(start_paused = true)]
    async fn writes_end_with_the_answer_that_shows_them() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        watch.saw(v(7), at(0));
        assert!(!watch.is_open(), "nobody knows how old the first one is");
        watch.saw(v(8), at(100));
        watch.saw(v(8), at(5_000));
        assert_eq!(watch.answered(v(7), at(900)), Found::default(), "not late yet");
        assert_eq!(watch.answered(v(8), at(1_050)), Found { ended: 1, within_1s: 1, within_5s: 1, ..Found::default() });

        watch.saw(v(9), at(2_000));
        watch.saw(v(11), at(2_500));
        assert_eq!(watch.answered(v(8), at(3_100)).violations, 0);
        assert_eq!(watch.answered(v(10), at(3_200)), Found { ended: 1, within_5s: 1, ..Found::default() });
        let late = watch.answered(v(10), at(7_500));
        assert_eq!((late.violations, late.violated), (1, Some(v(11))));
        assert_eq!(watch.answered(v(10), at(9_000)).violations, 0, "each counts once");
        assert_eq!(watch.answered(v(12), at(9_100)), Found { ended: 1, ..Found::default() });
    }
}
