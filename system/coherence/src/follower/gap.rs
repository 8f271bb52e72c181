//! The gap machine: where an instance is in its section's stream, and what the next message means. Pure.

use crate::mutant;
use crate::stream::Head;
use crate::version::{Sequence, StreamEpoch};

/// What to do about a change message or a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It follows: apply it. Of a head: all up to it is applied.
    InOrder,
    /// It was applied already.
    Known,
    /// The sequence jumped: what lies between is in the stream.
    Replay,
    /// The stream is another one, or was never looked at.
    Resync,
}

/// Where an instance is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// `None` before the first head was adopted.
    epoch: Option<StreamEpoch>,
    /// All up to here is applied.
    applied: Sequence,
}

impl Position {
    pub(crate) fn epoch(&self) -> Option<StreamEpoch> {
        self.epoch
    }

    pub(crate) fn applied(&self) -> Sequence {
        self.applied
    }

    /// A change message has come.
    pub(crate) fn on_change(&self, epoch: StreamEpoch, sequence: Sequence) -> Step {
        match self.epoch {
            Some(mine) if mine == epoch || mutant!(FollowerIgnoresEpoch) => match sequence {
                known if known <= self.applied => Step::Known,
                next if next == self.applied.next() || mutant!(SkipGapCheck) => Step::InOrder,
                _ => Step::Replay,
            },
            _ => Step::Resync,
        }
    }

    /// A head has come.
    pub(crate) fn on_head(&self, head: &Head) -> Step {
        match self.epoch {
            Some(mine) if mine == head.stream_epoch || mutant!(FollowerIgnoresEpoch) => {
                if head.sequence <= self.applied || mutant!(BeaconIgnored) { Step::InOrder } else { Step::Replay }
            }
            _ => Step::Resync,
        }
    }

    /// The message that follows is applied.
    pub(crate) fn advance(&mut self) {
        self.applied = self.applied.next();
    }

    /// All up to this head counts as applied, since everything is compared anew.
    pub(crate) fn adopt(&mut self, head: &Head) {
        self.epoch = Some(head.stream_epoch);
        self.applied = if mutant!(ResyncOffByOne) { head.sequence.next() } else { head.sequence };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::SourceMark;
    use crate::version::Incarnation;
    use jiff::Timestamp;
    use proptest::prelude::*;

    const EPOCH: StreamEpoch = StreamEpoch(7);

    fn head(epoch: StreamEpoch, sequence: u64) -> Head {
        Head {
            incarnation: Incarnation(1),
            stream_epoch: epoch,
            sequence: Sequence(sequence),
            read_at: Timestamp::UNIX_EPOCH,
            source: SourceMark::default(),
            identity: String::new(),
        }
    }

    fn at(sequence: u64) -> Position {
        let mut position = Position::default();
        position.adopt(&head(EPOCH, sequence));
        position
    }

    #[test]
    fn what_each_message_means() {
        let position = at(5);
        assert_eq!(position.on_change(EPOCH, Sequence(6)), Step::InOrder);
        assert_eq!(position.on_change(EPOCH, Sequence(5)), Step::Known);
        assert_eq!(position.on_change(EPOCH, Sequence(7)), Step::Replay);
        assert_eq!(position.on_change(StreamEpoch(8), Sequence(6)), Step::Resync);
        assert_eq!(Position::default().on_change(EPOCH, Sequence(1)), Step::Resync, "nothing was adopted yet");
        assert_eq!(position.on_head(&head(EPOCH, 4)), Step::InOrder, "an old head says nothing that is not applied");
        assert_eq!(position.on_head(&head(EPOCH, 5)), Step::InOrder);
        assert_eq!(position.on_head(&head(EPOCH, 6)), Step::Replay, "the last message was lost");
        assert_eq!(position.on_head(&head(StreamEpoch(8), 0)), Step::Resync);
    }

    proptest! {
        /// C5 in the small: whatever is lost, repeated or reordered, the machine either has applied all up to the last
        /// message, in order and once each, or has asked for a repair at that message or at the head after it.
        #[test]
        fn no_loss_goes_unseen(fates in prop::collection::vec(0..4_u8, 1..60)) {
            let mut position = at(0);
            let mut applied = Vec::new();
            let mut deliveries = Vec::new();
            let mut delayed = Vec::new();
            for (sequence, fate) in (1_u64..).zip(&fates) {
                match fate {
                    0 => {}
                    1 => deliveries.extend([sequence, sequence]),
                    2 => delayed.push(sequence),
                    _ => {
                        deliveries.push(sequence);
                        deliveries.append(&mut delayed);
                    }
                }
            }
            let last = fates.len() as u64;
            let repair = |position: &mut Position, applied: &mut Vec<u64>, to: u64| {
                for sequence in position.applied().0 + 1..=to {
                    applied.push(sequence);
                    position.advance();
                }
            };
            for sequence in deliveries {
                match position.on_change(EPOCH, Sequence(sequence)) {
                    Step::InOrder | Step::Replay => repair(&mut position, &mut applied, sequence),
                    Step::Known => prop_assert!(applied.contains(&sequence)),
                    Step::Resync => prop_assert!(false, "one epoch only"),
                }
            }
            match position.on_head(&head(EPOCH, last)) {
                Step::InOrder => {}
                Step::Replay => repair(&mut position, &mut applied, last),
                _ => prop_assert!(false, "one epoch only"),
            }
            prop_assert_eq!(applied, (1..=last).collect::<Vec<_>>());
        }
    }
}
