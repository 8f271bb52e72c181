//! A database that was put back: what was told before knows more than it.
//!
//! Versions, positions and tokens come again after a restore. So before a term publishes anything, what the topic and the
//! published head show is compared with the database; where that is behind, a new incarnation begins, which empties all
//! tiers.

use std::time::Duration;

use coherence::{Backplane, Fence, Head, Incarnation, Section, mutant};

use crate::event::CdcMessage;
use crate::ports::{Bus, BusError, FeedPosition, Lease, Topic};

/// The backplane has so long to show its head; a term begins without it otherwise.
const HEAD_MAX: Duration = Duration::from_millis(500);

/// A look at the head during a term must not keep the beacon waiting; the next one is soon.
const LOOK_MAX: Duration = Duration::from_millis(100);

/// What was told before: the highest of each that was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    tracker: Fence,
    /// The highest position told in that incarnation.
    position: FeedPosition,
}

impl Told {
    fn add(&mut self, tracker: Fence, position: FeedPosition) {
        if tracker.incarnation > self.tracker.incarnation {
            *self = Self { tracker, position };
        } else if tracker.incarnation == self.tracker.incarnation {
            self.tracker = self.tracker.max(tracker);
            self.position = self.position.max(position);
        }
    }

    /// The incarnation in which it was told.
    pub(super) fn incarnation(&self) -> Incarnation {
        self.tracker.incarnation
    }

    /// Whether it was told in a life before that of `lease`.
    pub(super) fn is_of_earlier_life(&self, lease: &Lease) -> bool {
        let told = self.tracker.incarnation;
        told != Incarnation(0) && told < lease.incarnation
    }

    /// Whether a database that gave out `lease`, and whose feed ends at `end`, cannot have told this.
    pub(super) fn is_ahead_of(&self, lease: &Lease, end: FeedPosition) -> bool {
        let same = self.tracker.incarnation == lease.incarnation;
        let ahead = self.tracker.token >= lease.token || self.position > end;
        let put_back = self.tracker.incarnation > lease.incarnation || (same && ahead) || lease.cursor > end;
        put_back && !mutant!(RestoreUnnoticed)
    }
}

/// Looks at the topic's last message and at the published head.
///
/// # Errors
/// The bus's. Without the bus nothing can be told anyway; without the backplane a term goes on.
pub(super) async fn told(bus: &dyn Bus, backplane: &dyn Backplane, section: &Section) -> Result<Told, BusError> {
    let mut told = Told::default();
    match bus.last(Topic::CdcForecasts).await {
        Ok(Some(last)) => match CdcMessage::read(&last.message.payload).map(|message| message.stands()) {
            Ok(Some((incarnation, mark))) => told.add(Fence { incarnation, token: mark.token }, mark.position),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the topic's last message cannot be read"),
        },
        Ok(None) => {}
        Err(error @ BusError::Corrupt(_)) => tracing::warn!(%error, "the topic's last message cannot be read"),
        Err(error) => return Err(error),
    }
    match tokio::time::timeout(HEAD_MAX, backplane.head(section)).await {
        Ok(Ok(Some(head))) => told.add(Head::tracker(&head), FeedPosition(head.source.feed_position)),
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the published head cannot be read; the term begins without it"),
        Err(_) => tracing::warn!("the published head was not read in time; the term begins without it"),
    }
    Ok(told)
}

/// Whether the published head names a later life than that of `lease`, or a later tracker: a whole life may have passed
/// beneath this term, and the database be back where it gave the lease. Where the head cannot be had, the next look tells.
pub(super) async fn is_outlived(backplane: &dyn Backplane, section: &Section, lease: &Lease) -> bool {
    let head = tokio::time::timeout(LOOK_MAX, backplane.head(section)).await;
    let mine = Fence { incarnation: lease.incarnation, token: lease.token };
    matches!(head, Ok(Ok(Some(head))) if Head::tracker(&head) > mine) && !mutant!(RestoreUnnoticed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::LeaseName;
    use coherence::FencingToken;

    fn fence(incarnation: u64, token: u64) -> Fence {
        Fence { incarnation: Incarnation(incarnation), token: FencingToken(token) }
    }

    fn lease(incarnation: u64, token: u64, cursor: u128) -> Lease {
        let Fence { incarnation, token } = fence(incarnation, token);
        Lease { name: LeaseName::Tracker, token, incarnation, cursor: FeedPosition(cursor) }
    }

    #[test]
    fn what_shows_that_a_database_was_put_back() {
        let told = |incarnation, token, position| Told {
            tracker: fence(incarnation, token),
            position: FeedPosition(position),
        };
        let end = FeedPosition(50);
        assert!(!Told::default().is_ahead_of(&lease(1, 1, 0), end), "nothing was told yet");
        assert!(!told(2, 6, 50).is_ahead_of(&lease(2, 7, 50), end));
        assert!(told(2, 7, 50).is_ahead_of(&lease(2, 7, 50), end), "a token comes again");
        assert!(told(2, 6, 51).is_ahead_of(&lease(2, 7, 50), end), "the feed ends before what was told");
        assert!(told(3, 1, 1).is_ahead_of(&lease(2, 7, 50), end), "a later life was told");
        assert!(!told(1, 99, 99).is_ahead_of(&lease(2, 7, 50), end), "an earlier life does not matter");
        assert!(Told::default().is_ahead_of(&lease(2, 7, 51), end), "the cursor is behind the feed's end");
    }

    #[test]
    fn the_highest_of_what_was_told_counts() {
        let mut told = Told::default();
        told.add(fence(1, 5), FeedPosition(9));
        told.add(fence(1, 6), FeedPosition(7));
        assert_eq!(told, Told { tracker: fence(1, 6), position: FeedPosition(9) });
        told.add(fence(2, 1), FeedPosition(3));
        told.add(fence(1, 8), FeedPosition(20));
        assert_eq!(told, Told { tracker: fence(2, 1), position: FeedPosition(3) });
    }
}
