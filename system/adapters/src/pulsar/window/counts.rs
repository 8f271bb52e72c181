//! How often messages were handed out before.

use std::collections::BTreeMap;

use domain::ports::MessageId;

/// Deliveries of messages that this consumer had and does not have now: they come again from the broker, here or at another
/// consumer. Of more than the limit the oldest are forgotten; such a message counts as new.
#[derive(Debug)]
pub(super) struct Counts {
    before: BTreeMap<MessageId, u32>,
    max: usize,
}

impl Counts {
    pub(super) fn new(max: usize) -> Self {
        Self { before: BTreeMap::new(), max }
    }

    pub(super) fn remember(&mut self, id: MessageId, deliveries: u32) {
        if deliveries == 0 {
            return;
        }
        self.before.insert(id, deliveries);
        while self.before.len() > self.max {
            self.before.pop_first();
        }
    }

    /// How often it was handed out before it came again.
    pub(super) fn take(&mut self, id: MessageId) -> u32 {
        self.before.remove(&id).unwrap_or(0)
    }

    pub(super) fn forget_through(&mut self, id: MessageId) {
        self.before.retain(|each, _| *each > id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut counts = Counts::new(2);
        for id in [1, 2, 3] {
            counts.remember(MessageId(id), 7);
        }
        counts.remember(MessageId(4), 0);
        assert_eq!([1, 2, 3, 4].map(|id| counts.take(MessageId(id))), [0, 7, 7, 0]);
        assert_eq!(counts.take(MessageId(3)), 0);
    }
}
