//! Of S1, what must come before what: a value before its change is in the stream; a new epoch of the stream after memory was
//! lost, before the stream goes on; a key's change before the shared tier vouches for all that the stream told of it; a
//! life's begin before what its tracker tells.

use std::collections::BTreeMap;

use crate::log::{Event, Record, Streamed, Ver};

/// A change that is under way to the stream when memory is lost may find its value gone.
const UNDER_WAY_MS: u64 = 5_000;
/// Whoever asked for the servers before memory was lost may send a head after it, and once more where its answer was lost.
const HEADS_MAX: u32 = 2;

#[derive(Default)]
pub(super) struct Order {
    /// By key: the version that the shared tier has reached.
    reached: BTreeMap<String, Ver>,
    /// By key: the epoch in which the stream, or a fill beside it, told of it last.
    told_in: BTreeMap<String, u64>,
    /// When memory was lost last.
    lost_ms: Option<u64>,
    /// The stream before that, and the heads that went on with it.
    broken: Option<(u64, u32)>,
    last: Option<Streamed>,
    /// By life: where the feed ended when it began.
    lives: BTreeMap<u64, u64>,
}

impl Order {
    pub(super) fn judge(&mut self, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::Stored { key, version, epoch, .. } | Event::Passed { key, version, epoch } => {
                self.reaches(key, *version);
                self.told_in.insert(key.clone(), *epoch);
            }
            Event::Raised { key, version } => self.reaches(key, *version),
            Event::MemoryLost => {
                self.reached.clear();
                self.told_in.clear();
                self.lost_ms = Some(record.at_ms);
                self.broken = self.last.map(|last| (last.epoch, 0));
            }
            Event::Streamed(streamed) => return self.on_streamed(*streamed),
            Event::StreamedChange { key, version } => return self.on_change(key, *version, record.at_ms),
            Event::Vouched { epoch, keys } => return self.on_vouched(*epoch, keys),
            Event::LifeBegan { life, end } => drop(self.lives.insert(*life, *end)),
            Event::Told(told) if !told.beacon => {
                let end = self.lives.get(&told.term.0).copied().unwrap_or_default();
                if told.position <= end {
                    return Err(format!(
                        "the tracker of {} tells position {}, from before its life began at {end}",
                        told.term, told.position
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn reaches(&mut self, key: &str, version: Ver) {
        let reached = self.reached.entry(key.to_owned()).or_insert(version);
        *reached = version.max(*reached);
    }

    fn on_streamed(&mut self, now: Streamed) -> Result<(), String> {
        let before = self.last.replace(now);
        let Some((epoch, heads)) = self.broken else { return Ok(()) };
        if now.epoch != epoch {
            self.broken = None;
            return Ok(());
        }
        let is_head = before.is_some_and(|before| before.sequence == now.sequence);
        let heads = heads + u32::from(is_head);
        self.broken = Some((epoch, heads));
        match heads > HEADS_MAX {
            true => Err(format!("epoch {epoch} goes on though memory was lost")),
            false => Ok(()),
        }
    }

    fn on_change(&self, key: &str, version: Ver, at_ms: u64) -> Result<(), String> {
        if self.lost_ms.is_some_and(|lost_ms| at_ms < lost_ms + UNDER_WAY_MS) {
            return Ok(());
        }
        let reached = self.reached.get(key).copied();
        if reached.is_some_and(|reached| reached >= version) {
            return Ok(());
        }
        let has = reached.map_or_else(|| "nothing".to_owned(), |reached| reached.to_string());
        Err(format!("{version} of {key} is in the stream, and the shared tier has {has}"))
    }

    fn on_vouched(&self, epoch: u64, keys: &[String]) -> Result<(), String> {
        let wrong = keys.iter().find(|key| match self.told_in.get(*key) {
            Some(told_in) => *told_in != epoch,
            // What a replica brought is not known here.
            None => self.lost_ms.is_none(),
        });
        match wrong {
            Some(key) => Err(format!("the shared tier vouches for {key} in epoch {epoch}, which told nothing of it")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::Forge;
    use super::super::s1_stations::Stations;
    use super::*;
    use crate::log::Told;

    const TERM: Ver = Ver(2, 3);

    fn message(events: impl IntoIterator<Item = Event>) -> Result<(), String> {
        let all = events.into_iter().enumerate();
        let forge = all.fold(Forge::default(), |forge, (at, event)| forge.event(at as u64, "i0", event));
        forge.check(Stations::default()).map_err(|violation| violation.message)
    }

    fn stored(version: u64) -> Event {
        Event::Stored { key: "k".to_owned(), version: Ver(1, version), term: Some(TERM), epoch: 1 }
    }

    fn passed(version: u64, epoch: u64) -> Event {
        Event::Passed { key: "k".to_owned(), version: Ver(1, version), epoch }
    }

    fn change(version: u64) -> Event {
        Event::StreamedChange { key: "k".to_owned(), version: Ver(1, version) }
    }

    #[test]
    fn a_change_in_the_stream_before_its_value_is_refused() {
        assert_eq!(message([stored(2), change(2)]), Ok(()));
        assert_eq!(message([stored(3), change(2)]), Ok(()), "it is past it");
        assert_eq!(message([Event::MemoryLost, passed(3, 1), change(2)]), Ok(()), "a replica's");
        assert!(message([stored(1), change(2)]).unwrap_err().contains("has 1.1"));
        assert!(message([change(2)]).unwrap_err().contains("has nothing"));
        assert_eq!(message([stored(2), Event::MemoryLost, change(2)]), Ok(()), "it was there");
    }

    #[test]
    fn a_stream_that_goes_on_though_memory_was_lost_is_refused() {
        let head = |counter| Streamed { term: TERM, epoch: 1, sequence: 4, tracker: TERM, counter, position: 4 };
        let heads = |count: u64| {
            let before = [Event::Streamed(head(4)), Event::MemoryLost];
            message(before.into_iter().chain((5..5 + count).map(|counter| Event::Streamed(head(counter)))))
        };
        assert_eq!(heads(2), Ok(()), "under way");
        assert!(heads(3).unwrap_err().contains("goes on"));
    }

    #[test]
    fn vouching_for_what_the_stream_did_not_tell_of_is_refused() {
        let vouched = |epoch| Event::Vouched { epoch, keys: vec!["k".to_owned()] };
        assert_eq!(message([stored(1), vouched(1)]), Ok(()));
        assert!(message([stored(1), vouched(2)]).is_err());
        assert_eq!(message([stored(1), passed(1, 2), vouched(2)]), Ok(()));
        let raised = Event::Raised { key: "k".to_owned(), version: Ver(1, 1) };
        assert!(message([raised, vouched(1)]).is_err());
        assert_eq!(message([Event::MemoryLost, vouched(1)]), Ok(()), "a replica's");
    }

    #[test]
    fn what_a_life_tells_from_before_it_began_is_refused() {
        let told = |position, beacon| Event::Told(Told { term: TERM, counter: 1, position, beacon });
        let began = || Event::LifeBegan { life: TERM.0, end: 7 };
        assert_eq!(message([began(), told(8, false)]), Ok(()));
        assert!(message([began(), told(7, false)]).unwrap_err().contains("before its life"));
        assert_eq!(message([Event::FeedRead { to: 7, at_end: true }, began(), told(7, true)]), Ok(()), "a beacon");
    }
}
