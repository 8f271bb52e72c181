//! Of S1, what must come before what: a value before its change is in the stream; a new epoch of the stream after memory was
//! lost, before the stream goes on; a key's change before the shared tier vouches for all that the stream told of it; a
//! life's begin before what its tracker tells, and the end of the leases of the life before.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::{Event, Record, Streamed, Told, Ver};

/// A change whose value was written is under way for so long at most: a call is given up after 500 ms, a connection after 1 s.
const UNDER_WAY_MS: u64 = 2_000;
/// Of each term: who asked for the servers before memory was lost may send a head after it, and once more where its answer was
/// lost.
const HEADS_MAX: u32 = 2;

#[derive(Default)]
pub(super) struct Order {
    /// By key: the version that the shared tier has reached by what the sync told it.
    reached: BTreeMap<String, Ver>,
    /// The same, as it was when memory was lost last.
    reached_before: BTreeMap<String, Ver>,
    /// By key: the epoch in which the shared tier was told of it last.
    told_in: BTreeMap<String, u64>,
    /// By key: the epoch in which the stream told of it last, and the highest version of that epoch.
    streamed: BTreeMap<String, (u64, Ver)>,
    /// When memory was lost last.
    lost_ms: Option<u64>,
    /// The stream before that, and the heads by which each term went on with it.
    broken: Option<(u64, BTreeMap<Ver, u32>)>,
    last: Option<Streamed>,
    epochs: BTreeSet<u64>,
    /// By life: where the feed ended when it began.
    lives: BTreeMap<u64, u64>,
    /// The lives of which something was told.
    told_lives: BTreeSet<u64>,
    /// By name: the token of the lease, and that of the lease which the last life ended.
    leases: BTreeMap<String, u64>,
    ended: BTreeMap<String, u64>,
}

impl Order {
    pub(super) fn judge(&mut self, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::Stored { key, version, epoch, term } => {
                if term.is_some() {
                    self.reaches(key, *version);
                }
                self.told_in.insert(key.clone(), *epoch);
            }
            Event::Passed { key, version, epoch } => {
                self.reaches(key, *version);
                self.told_in.insert(key.clone(), *epoch);
            }
            Event::MemoryLost => self.lose(record.at_ms),
            Event::Streamed(streamed) => return self.on_streamed(*streamed),
            Event::StreamedChange { key, version } => return self.on_change(key, *version, record.at_ms),
            Event::Vouched { epoch, keys } => return self.on_vouched(*epoch, keys),
            Event::LifeBegan { life, end } => {
                self.lives.insert(*life, *end);
                self.ended.clone_from(&self.leases);
            }
            // With the rows the leases of then are put back, and a life's number may come again, and its tokens.
            Event::PutBack { .. } => {
                self.ended.clear();
                self.leases.clear();
            }
            Event::Leased { name, term, .. } => {
                if self.ended.get(name) == Some(&term.1) {
                    return Err(format!("the lease {name} of token {} outlives its life", term.1));
                }
                self.leases.insert(name.clone(), term.1);
            }
            Event::Told(told) => return self.on_told(*told),
            _ => {}
        }
        Ok(())
    }

    fn reaches(&mut self, key: &str, version: Ver) {
        let reached = self.reached.entry(key.to_owned()).or_insert(version);
        *reached = version.max(*reached);
    }

    fn lose(&mut self, at_ms: u64) {
        self.reached_before.append(&mut self.reached);
        self.told_in.clear();
        self.streamed.clear();
        self.lost_ms = Some(at_ms);
        self.broken = self.last.map(|last| (last.epoch, BTreeMap::new()));
    }

    /// Where nothing was told of a life before, its tracker cannot know that there was one.
    fn on_told(&mut self, told: Told) -> Result<(), String> {
        let life = told.term.0;
        self.told_lives.insert(life);
        let end = self.lives.get(&life).copied().unwrap_or_default();
        if told.beacon || told.position > end || self.told_lives.first() == Some(&life) {
            return Ok(());
        }
        let position = told.position;
        Err(format!("the tracker of {} tells position {position}, from before its life began at {end}", told.term))
    }

    fn on_streamed(&mut self, now: Streamed) -> Result<(), String> {
        let before = self.last.replace(now);
        let is_new = self.epochs.insert(now.epoch);
        let Some((epoch, heads)) = &mut self.broken else { return Ok(()) };
        if is_new {
            self.broken = None;
            return Ok(());
        }
        let is_head = before.is_some_and(|before| before.sequence == now.sequence);
        let heads = heads.entry(now.term).or_default();
        *heads += u32::from(is_head);
        match *heads > HEADS_MAX {
            true => Err(format!("epoch {} goes on though memory was lost in {epoch}", now.epoch)),
            false => Ok(()),
        }
    }

    fn on_change(&mut self, key: &str, version: Ver, at_ms: u64) -> Result<(), String> {
        let epoch = self.last.map_or(0, |last| last.epoch);
        let streamed = self.streamed.entry(key.to_owned()).or_insert((epoch, version));
        *streamed = if streamed.0 == epoch { (epoch, version.max(streamed.1)) } else { (epoch, version) };
        let has = |reached: &BTreeMap<String, Ver>| reached.get(key).is_some_and(|reached| *reached >= version);
        let is_young = self.lost_ms.is_some_and(|lost_ms| at_ms < lost_ms + UNDER_WAY_MS);
        if has(&self.reached) || (is_young && has(&self.reached_before)) {
            return Ok(());
        }
        let has = self.reached.get(key).map_or_else(|| "nothing".to_owned(), Ver::to_string);
        Err(format!("{version} of {key} is in the stream, and the shared tier was told of {has}"))
    }

    fn on_vouched(&self, epoch: u64, keys: &[(String, Ver)]) -> Result<(), String> {
        for (key, version) in keys {
            let is_told = match self.told_in.get(key) {
                Some(told_in) => *told_in == epoch,
                // What a replica brought is not known here.
                None => self.lost_ms.is_some(),
            };
            if !is_told {
                return Err(format!("the shared tier vouches for {key} in epoch {epoch}, which told nothing of it"));
            }
            if let Some((of, streamed)) = self.streamed.get(key)
                && *of == epoch
                && version < streamed
            {
                return Err(format!("the shared tier vouches for {version} of {key}, epoch {epoch} told {streamed}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::Forge;
    use super::super::s1_stations::Stations;
    use super::*;

    const TERM: Ver = Ver(2, 3);

    fn at(events: impl IntoIterator<Item = (u64, Event)>) -> Result<(), String> {
        let forge = events.into_iter().fold(Forge::default(), |forge, (at_ms, event)| forge.event(at_ms, "i0", event));
        forge.check(Stations::default()).map_err(|violation| violation.message)
    }

    fn message(events: impl IntoIterator<Item = Event>) -> Result<(), String> {
        at(events.into_iter().enumerate().map(|(at, event)| (at as u64, event)))
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

    fn vouched(epoch: u64, version: u64) -> Event {
        Event::Vouched { epoch, keys: vec![("k".to_owned(), Ver(1, version))] }
    }

    fn head(epoch: u64, term: Ver, counter: u64) -> Event {
        Event::Streamed(Streamed { term, epoch, sequence: 4, tracker: TERM, counter, position: 4 })
    }

    #[test]
    fn a_change_in_the_stream_before_its_value_is_refused() {
        assert_eq!(message([stored(2), change(2)]), Ok(()));
        assert_eq!(message([stored(3), change(2)]), Ok(()), "it is past it");
        assert!(message([stored(1), change(2)]).unwrap_err().contains("told of 1.1"));
        assert!(message([change(2)]).unwrap_err().contains("told of nothing"));
        let filled = Event::Stored { key: "k".to_owned(), version: Ver(1, 2), term: None, epoch: 1 };
        let raised = Event::Raised { key: "k".to_owned(), version: Ver(1, 2) };
        assert!(message([filled, raised, change(2)]).is_err(), "by others than the sync");
    }

    #[test]
    fn what_was_told_before_memory_was_lost_may_be_under_way_and_no_longer() {
        let lost = |version, at_ms| at([(0, stored(2)), (10, Event::MemoryLost), (at_ms, change(version))]);
        assert_eq!(lost(2, 11), Ok(()));
        assert!(lost(3, 11).is_err(), "it was never told");
        assert!(lost(2, 2_011).is_err(), "too late");
        let replica = |version| at([(0, Event::MemoryLost), (9_000, passed(version, 1)), (9_001, change(2))]);
        assert_eq!(replica(3), Ok(()), "a replica's");
        assert!(replica(1).is_err());
    }

    #[test]
    fn a_stream_that_goes_on_though_memory_was_lost_is_refused() {
        let heads = |count: u64| {
            let before = [head(1, TERM, 4), Event::MemoryLost];
            message(before.into_iter().chain((5..5 + count).map(|counter| head(1, TERM, counter))))
        };
        assert_eq!(heads(2), Ok(()), "under way");
        assert!(heads(3).unwrap_err().contains("goes on"));
        let an_earlier_one = [head(1, TERM, 4), head(2, TERM, 5), Event::MemoryLost].into_iter();
        let again = an_earlier_one.chain((6..10).map(|counter| head(1, TERM, counter)));
        assert!(message(again).is_err(), "what a replica brought is no new one");
    }

    #[test]
    fn a_lease_that_outlives_its_life_is_refused() {
        let leased = |token| Event::Leased { name: "tracker".to_owned(), term: Ver(1, token), until_ms: 9 };
        let began = || Event::LifeBegan { life: 2, end: 7 };
        assert_eq!(message([leased(3), leased(3), began(), leased(4)]), Ok(()));
        assert!(message([leased(3), began(), leased(3)]).unwrap_err().contains("outlives"));
        let put_back = || Event::PutBack { to: 0, announced: false };
        assert_eq!(message([leased(3), began(), put_back(), leased(3)]), Ok(()), "with the rows of then");
        assert_eq!(message([leased(3), put_back(), began(), leased(3)]), Ok(()), "given out again");
    }

    #[test]
    fn vouching_for_what_the_stream_did_not_tell_of_is_refused() {
        assert_eq!(message([stored(1), vouched(1, 1)]), Ok(()));
        assert!(message([stored(1), vouched(2, 1)]).is_err());
        assert_eq!(message([stored(1), passed(1, 2), vouched(2, 1)]), Ok(()));
        let raised = Event::Raised { key: "k".to_owned(), version: Ver(1, 1) };
        assert!(message([raised, vouched(1, 1)]).is_err());
        assert_eq!(message([Event::MemoryLost, vouched(1, 1)]), Ok(()), "a replica's");
        let told = |version| message([head(1, TERM, 4), stored(2), change(2), vouched(1, version)]);
        assert_eq!(told(2), Ok(()));
        assert!(told(1).unwrap_err().contains("told 1.2"));
    }

    #[test]
    fn what_a_life_tells_from_before_it_began_is_refused() {
        let told = |term: Ver, position, beacon| Event::Told(Told { term, counter: 1, position, beacon });
        let began = || Event::LifeBegan { life: TERM.0, end: 7 };
        let before = || told(Ver(1, 1), 5, false);
        assert_eq!(message([before(), began(), told(TERM, 8, false)]), Ok(()));
        assert!(message([before(), began(), told(TERM, 7, false)]).unwrap_err().contains("before its life"));
        let read = Event::FeedRead { to: 7, at_end: true };
        assert_eq!(message([before(), read, began(), told(TERM, 7, true)]), Ok(()), "a beacon");
        assert_eq!(message([began(), told(TERM, 7, false)]), Ok(()), "nobody told of a life before");
    }
}
