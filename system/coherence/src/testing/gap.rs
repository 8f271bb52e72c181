//! The gap machine, for benches: it is nobody else's.

use jiff::Timestamp;

use crate::follower::gap::{Position, Step};
use crate::stream::{Head, SourceMark};
use crate::version::{Incarnation, Sequence, StreamEpoch};

const EPOCH: StreamEpoch = StreamEpoch(7);

/// Takes `messages` that follow one another through the gap machine; answers how many were in order: all.
pub fn follow_in_order(messages: u64) -> u64 {
    let mut position = Position::default();
    position.adopt(&Head {
        incarnation: Incarnation(1),
        stream_epoch: EPOCH,
        sequence: Sequence(0),
        read_at: Timestamp::UNIX_EPOCH,
        source: SourceMark::default(),
        identity: String::new(),
    });
    let mut in_order = 0;
    for sequence in 1..=messages {
        if position.on_change(EPOCH, std::hint::black_box(Sequence(sequence))) == Step::InOrder {
            position.advance();
            in_order += 1;
        }
    }
    in_order
}
