//! What a message of the tracker means, given those before it. Pure.

use coherence::{Fence, Head, Incarnation, SourceMark, mutant};

use crate::event::TrackerMark;
use crate::ports::FeedPosition;

/// What a message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is of a tracker of an earlier term: it must not count.
    Refused,
    /// It was seen before.
    Known,
    /// It follows.
    Follows,
    /// Messages are missing before it, or changes in the feed: continuity cannot be shown.
    Hole,
    /// The database is in a later life.
    NewLife,
}

/// How far along the feed the stream is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The tracker's term, with its incarnation.
    tracker: Fence,
    counter: u64,
    position: FeedPosition,
}

impl Progress {
    /// As the stored head tells it.
    pub(super) fn of(head: &Head) -> Self {
        let SourceMark { tracker_counter, feed_position, .. } = head.source;
        Self { tracker: head.tracker(), counter: tracker_counter, position: FeedPosition(feed_position) }
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.tracker.incarnation
    }

    /// As it is stored in the head.
    pub(super) fn source(&self) -> SourceMark {
        SourceMark { tracker_token: self.tracker.token, tracker_counter: self.counter, feed_position: self.position.0 }
    }

    pub(super) fn judge(&self, incarnation: Incarnation, mark: &TrackerMark) -> Verdict {
        let tracker = Fence { incarnation, token: mark.token };
        if tracker < self.tracker && !mutant!(ZombieTrackerAccepted) {
            return Verdict::Refused;
        }
        if incarnation > self.tracker.incarnation {
            return Verdict::NewLife;
        }
        if tracker == self.tracker {
            if mark.counter <= self.counter {
                return Verdict::Known;
            }
            if mark.counter > self.counter.saturating_add(1) && !mutant!(FeedHoleIgnored) {
                return Verdict::Hole;
            }
        }
        // A tracker that took over may tell again what the one before told; it must not begin later.
        if mark.follows > self.position && !mutant!(FeedHoleIgnored) { Verdict::Hole } else { Verdict::Follows }
    }

    /// With this message.
    pub(super) fn with(&self, incarnation: Incarnation, mark: &TrackerMark) -> Self {
        let position = match incarnation > self.tracker.incarnation {
            // Positions of another life have nothing to do with these. A feed that is read again from an earlier place tells
            // what the tracker has told already.
            true => mark.position.max(mark.follows),
            false => self.position.max(mark.position),
        };
        Self { tracker: Fence { incarnation, token: mark.token }, counter: mark.counter, position }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coherence::FencingToken;
    use proptest::prelude::*;

    fn mark(token: u64, counter: u64, follows: u128, position: u128) -> TrackerMark {
        TrackerMark {
            token: FencingToken(token),
            counter,
            follows: FeedPosition(follows),
            position: FeedPosition(position),
        }
    }

    fn at(incarnation: u64, token: u64, counter: u64, position: u128) -> Progress {
        Progress::default().with(Incarnation(incarnation), &mark(token, counter, 0, position))
    }

    #[test]
    fn what_each_message_means() {
        let progress = at(2, 7, 10, 50);
        let judge = |incarnation, mark: TrackerMark| progress.judge(Incarnation(incarnation), &mark);
        assert_eq!(judge(2, mark(7, 11, 50, 51)), Verdict::Follows);
        assert_eq!(judge(2, mark(7, 11, 50, 50)), Verdict::Follows, "a beacon");
        assert_eq!(judge(2, mark(7, 10, 49, 50)), Verdict::Known);
        assert_eq!(judge(2, mark(7, 12, 51, 52)), Verdict::Hole, "a counter is missing");
        assert_eq!(judge(2, mark(7, 11, 51, 52)), Verdict::Hole, "changes were passed over");
        assert_eq!(judge(2, mark(6, 99, 60, 61)), Verdict::Refused, "a tracker of an earlier term");
        assert_eq!(judge(1, mark(9, 99, 60, 61)), Verdict::Refused, "of an earlier life");
        assert_eq!(judge(2, mark(8, 1, 40, 41)), Verdict::Follows, "told again after a take-over");
        assert_eq!(judge(2, mark(8, 1, 51, 52)), Verdict::Hole, "begun later than the one before ended");
        assert_eq!(judge(3, mark(1, 1, 0, 1)), Verdict::NewLife);
    }

    #[test]
    fn a_life_has_positions_of_its_own() {
        let told_again = at(2, 7, 10, 50).with(Incarnation(2), &mark(8, 1, 40, 41));
        assert_eq!(told_again.position, FeedPosition(50));
        let reborn = told_again.with(Incarnation(3), &mark(9, 1, 20, 21));
        assert_eq!((reborn.position, reborn.incarnation()), (FeedPosition(21), Incarnation(3)));
        let replayed = told_again.with(Incarnation(3), &mark(9, 1, 95, 60));
        assert_eq!(
            replayed.judge(Incarnation(3), &mark(10, 1, 95, 96)),
            Verdict::Follows,
            "told up to 95, by whomever"
        );
    }

    proptest! {
        /// Whatever is lost of a tracker's term, the message after the loss shows it, and nothing counts twice.
        #[test]
        fn no_loss_goes_unseen(fates in prop::collection::vec(0..3_u8, 1..60)) {
            let (mut progress, mut lost) = (at(1, 1, 0, 0), false);
            for (n, fate) in (1_u64..).zip(fates) {
                let message = mark(1, n, u128::from(n) - 1, u128::from(n));
                if fate == 0 {
                    lost = true;
                    continue;
                }
                let expected = if lost { Verdict::Hole } else { Verdict::Follows };
                prop_assert_eq!(progress.judge(Incarnation(1), &message), expected);
                progress = progress.with(Incarnation(1), &message);
                lost = false;
                if fate == 2 {
                    prop_assert_eq!(progress.judge(Incarnation(1), &message), Verdict::Known);
                }
            }
        }
    }
}
