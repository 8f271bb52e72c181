//! Entries with several messages, which others publish: Pulsar's own clients make batches unless told otherwise.
//!
//! The broker knows entries, and the client acknowledges a whole one for any message of it. So an entry goes to the broker
//! when the last of its messages is acknowledged. Given back is an entry too: what comes again of it and is here already,
//! or done, is left out.

use std::collections::{BTreeMap, BTreeSet};

use domain::ports::MessageId;

use super::message::{Received, entry, place};

#[derive(Debug)]
struct Batch {
    of: u16,
    /// Places that were received and not given back, done or not.
    here: BTreeSet<u16>,
    done: BTreeSet<u16>,
}

/// The batches of which a consumer has a part. Bounded by what its window holds.
#[derive(Debug, Default)]
pub(super) struct Batches {
    batches: BTreeMap<MessageId, Batch>,
}

impl Batches {
    /// A message came. `false`: its effect is done, or it is here already.
    pub(super) fn admit(&mut self, received: &Received) -> bool {
        match place(received.id) {
            0 => true,
            place => {
                let new = || Batch { of: received.of, here: BTreeSet::new(), done: BTreeSet::new() };
                let batch = self.batches.entry(entry(received.id)).or_insert_with(new);
                !batch.done.contains(&place) && batch.here.insert(place)
            }
        }
    }

    /// A message's effect is done; answers with the entry that is done with it.
    pub(super) fn ack(&mut self, id: MessageId) -> Option<MessageId> {
        let entry = entry(id);
        if place(id) == 0 {
            return Some(entry);
        }
        // Of an unknown one the rest may not be done: it comes again.
        let batch = self.batches.get_mut(&entry)?;
        batch.done.insert(place(id));
        if batch.done.len() < usize::from(batch.of) {
            return None;
        }
        self.batches.remove(&entry);
        Some(entry)
    }

    /// The same for all up to this one; answers with the last entry that is done.
    pub(super) fn ack_through(&mut self, id: MessageId) -> Option<MessageId> {
        let last = entry(id);
        self.batches.retain(|entry, _| *entry >= last);
        let place = place(id);
        match self.batches.get_mut(&last) {
            _ if place == 0 => Some(last),
            Some(batch) if place < batch.of => {
                batch.done.extend(1..=place);
                before(last)
            }
            Some(_) => {
                self.batches.remove(&last);
                Some(last)
            }
            None => before(last),
        }
    }

    /// These go back; answers with their entries, each once.
    pub(super) fn give_back(&mut self, ids: Vec<MessageId>) -> BTreeSet<MessageId> {
        for id in &ids {
            if let Some(batch) = self.batches.get_mut(&entry(*id)) {
                batch.here.remove(&place(*id));
            }
        }
        ids.into_iter().map(entry).collect()
    }

    /// The stay ended: all that is not acknowledged at the broker comes again.
    pub(super) fn lose(&mut self) {
        self.batches.clear();
    }
}

/// The entry before, in the same ledger. Of the first one there is nothing to say: what is before it is acknowledged later.
fn before(entry: MessageId) -> Option<MessageId> {
    const ONE: u128 = 1 << 16;
    const ENTRIES: u128 = u64::MAX as u128;
    (entry.0 & ENTRIES >= ONE).then(|| MessageId(entry.0 - ONE))
}

#[cfg(test)]
mod tests {
    use pulsar::proto::MessageIdData;

    use super::super::message::id;
    use super::super::window::tests::received;
    use super::*;

    fn at(entry_id: u64, place: i32) -> MessageId {
        id(&MessageIdData { ledger_id: 1, entry_id, batch_index: Some(place - 1), ..MessageIdData::default() })
    }

    fn with(ids: &[MessageId]) -> Batches {
        let mut batches = Batches::default();
        for id in ids {
            assert!(batches.admit(&Received { id: *id, of: 3, ..received(0) }));
        }
        batches
    }

    #[test]
    fn an_entry_is_done_with_its_last_message() {
        let all = [at(5, 1), at(5, 2), at(5, 3)];
        let mut batches = with(&all);
        // Twice is once.
        let done = [all[2], all[0], all[0], all[1]].map(|id| batches.ack(id));
        assert_eq!(done, [None, None, None, Some(at(5, 0))]);
        assert_eq!(batches.ack(at(6, 0)), Some(at(6, 0)));
    }

    /// After a loss nobody knows what else of it is done.
    #[test]
    fn of_an_unknown_entry_nothing_is_done() {
        let mut batches = with(&[at(5, 1)]);
        batches.lose();
        assert_eq!((batches.ack(at(5, 1)), batches.ack_through(at(5, 2))), (None, Some(at(4, 0))));
    }

    #[test]
    fn through_the_middle_of_an_entry() {
        let mut batches = with(&[at(5, 1), at(5, 2), at(5, 3)]);
        assert_eq!(batches.ack_through(at(5, 2)), Some(at(4, 0)));
        assert_eq!(batches.ack(at(5, 3)), Some(at(5, 0)));
        let mut batches = with(&[at(0, 1), at(0, 2), at(0, 3)]);
        assert_eq!(batches.ack_through(at(0, 1)), None);
        assert_eq!(batches.ack_through(at(0, 3)), Some(at(0, 0)));
        assert_eq!(batches.ack_through(at(7, 0)), Some(at(7, 0)));
    }

    #[test]
    fn what_comes_again_is_left_out_where_it_is_here_or_done() {
        let all = [at(5, 1), at(5, 2), at(5, 3)];
        let mut batches = with(&all);
        batches.ack(all[0]);
        assert_eq!(batches.give_back(vec![all[1]]), BTreeSet::from([at(5, 0)]));
        let admitted = all.map(|id| batches.admit(&Received { id, of: 3, ..received(0) }));
        assert_eq!(admitted, [false, true, false]);
        assert_eq!([all[1], all[2]].map(|id| batches.ack(id)), [None, Some(at(5, 0))]);
    }
}
