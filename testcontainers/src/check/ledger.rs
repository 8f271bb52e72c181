//! Everything that was written and seen, and what of it breaks a guarantee (DESIGN: C1 to C6).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use uuid::Uuid;

use super::book::{Book, Version};

/// Enough to see what is wrong.
const VIOLATIONS_MAX: usize = 20;

/// What an answer showed of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its version.
    pub version: Version,
    /// What tells its state from every other: each write has a number of its own.
    pub number: u64,
    /// Marked as stale.
    pub stale: bool,
}

/// What is known when a question is asked: it binds the answer.
#[derive(Debug, Clone)]
pub struct Asked {
    node: usize,
    life: u64,
}

/// How much was written and seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Writes that were answered.
    pub acked: u64,
    /// Writes that were not.
    pub writes_refused: u64,
    /// Answers to reads of one forecast.
    pub reads: u64,
    /// Reads without an answer.
    pub reads_refused: u64,
    /// Answers that were marked.
    pub stale: u64,
    /// Items of lists.
    pub lists: u64,
    /// Answers to reads that named a minimum.
    pub minimums: u64,
    /// Changes that streams told.
    pub events: u64,
    /// Resets of streams.
    pub resets: u64,
}

#[derive(Debug, Default)]
struct State {
    books: BTreeMap<Uuid, Book>,
    /// By node and forecast: the newest that it showed, by whichever endpoint.
    shown: BTreeMap<(usize, Uuid), Version>,
    /// By node and forecast: the newest that its stream told.
    told: BTreeMap<(usize, Uuid), Version>,
    /// How often a node was started.
    lives: BTreeMap<usize, u64>,
    numbers: u64,
    counts: Counts,
    violations: Vec<String>,
}

impl State {
    fn violated(&mut self, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    fn show(&mut self, asked: &Asked, id: Uuid, version: Version) {
        if self.lives.get(&asked.node).copied().unwrap_or_default() == asked.life {
            let shown = self.shown.entry((asked.node, id)).or_insert(version);
            *shown = version.max(*shown);
        }
    }
}

/// By which endpoint something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One forecast.
    Get,
    /// A list.
    List,
    /// One forecast, at least this new.
    Minimum(Version),
}

/// The book-keeping of all clients of a group of nodes. The nodes are numbered.
#[derive(Debug, Default)]
pub struct Ledger {
    state: Mutex<State>,
}

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a new write.
    pub fn number(&self) -> u64 {
        let mut state = self.state();
        state.numbers += 1;
        state.numbers
    }

    /// A write is sent.
    pub fn sending(&self, id: Uuid, number: u64) {
        self.state().books.entry(id).or_default().sending(number);
    }

    /// A write was answered by the node that was asked.
    pub fn acked(&self, asked: &Asked, before: Option<Version>, id: Uuid, number: u64, shown: Shown) {
        let now = Instant::now();
        let mut state = self.state();
        state.counts.acked += 1;
        if shown.number != number {
            state.violated(format!("{id}: a write of {number} was answered with {}", shown.number));
        }
        if before.is_some_and(|before| before >= shown.version) {
            state.violated(format!("{id}: a write got {}, and {before:?} was there before", shown.version));
        }
        if let Err(what) = state.books.entry(id).or_default().acked(now, shown.version, number) {
            state.violated(format!("{id}: acknowledged: {what}"));
        }
        state.show(asked, id, shown.version);
    }

    /// A write was not answered, or with an error: nobody knows whether it stands.
    pub fn write_refused(&self) {
        self.state().counts.writes_refused += 1;
    }

    /// A read was not answered, or with an error.
    pub fn read_refused(&self) {
        self.state().counts.reads_refused += 1;
    }

    /// The newest version that is known to be committed.
    pub fn newest(&self, id: Uuid) -> Option<Version> {
        self.state().books.get(&id).and_then(Book::newest)
    }

    /// A question to a node begins, with what it has shown so far of these forecasts and what is due.
    pub fn asking(&self, node: usize, ids: &[Uuid]) -> (Asked, Vec<Bounds>) {
        let (at, state) = (Instant::now(), self.state());
        let bounds = ids.iter().map(|id| Bounds {
            id: *id,
            shown: state.shown.get(&(node, *id)).copied(),
            due: state.books.get(id).and_then(|book| book.due(at)),
        });
        let bounds = bounds.collect();
        (Asked { node, life: state.lives.get(&node).copied().unwrap_or_default() }, bounds)
    }

    /// The node answered.
    pub fn seen(&self, asked: &Asked, bounds: &Bounds, shown: Shown, by: By) {
        let (id, node) = (bounds.id, asked.node);
        let mut state = self.state();
        match by {
            By::Get => state.counts.reads += 1,
            By::List => state.counts.lists += 1,
            By::Minimum(_) => state.counts.minimums += 1,
        }
        state.counts.stale += u64::from(shown.stale);
        let version = shown.version;
        if let Err(what) = state.books.entry(id).or_default().is_real(version, shown.number) {
            state.violated(format!("{id} at node {node} by {by:?}: {what}"));
        }
        if bounds.shown.is_some_and(|floor| version < floor) {
            state.violated(format!("C1/C6: {id} at node {node} by {by:?}: {version} after {:?}", bounds.shown));
        }
        if !shown.stale && bounds.due.is_some_and(|due| version < due) {
            state.violated(format!(
                "C3: {id} at node {node} by {by:?}: unmarked {version}, and {:?} was committed 5 s before",
                bounds.due
            ));
        }
        if matches!(by, By::Minimum(least) if version < least) {
            state.violated(format!("C4: {id} at node {node} by {by:?}: {version}"));
        }
        state.show(asked, id, version);
    }

    /// A node told of a change by its stream; `before` is what the stream told before, without a reset in between.
    pub fn told(&self, asked: &Asked, id: Uuid, version: Version, whole: bool, before: Option<Version>) {
        let mut state = self.state();
        state.counts.events += 1;
        let newest = state.told.entry((asked.node, id)).or_insert(version);
        *newest = version.max(*newest);
        if let Some(before) = before {
            let next = Version { id: before.id + 1, ..before };
            if version < before {
                state.violated(format!("C1: the stream of node {} told {version} of {id} after {before}", asked.node));
            } else if version > next && whole {
                state.violated(format!("C5: the stream of node {} told {version} of {id} after {before}", asked.node));
            }
        }
        state.show(asked, id, version);
    }

    /// The newest version that the stream of a node told.
    pub fn newest_told(&self, node: usize, id: Uuid) -> Option<Version> {
        self.state().told.get(&(node, id)).copied()
    }

    /// A stream said that something may have been missed.
    pub fn reset(&self) {
        self.state().counts.resets += 1;
    }

    /// The process of a node has ended; what comes is another instance.
    pub fn ended(&self, node: usize) {
        let mut state = self.state();
        *state.lives.entry(node).or_default() += 1;
        state.shown.retain(|(of, _), _| *of != node);
    }

    /// So far.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// What was broken so far; the first ones.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }
}

/// What binds an answer about a forecast.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Which.
    pub id: Uuid,
    shown: Option<Version>,
    due: Option<Version>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: fn(u64) -> Version = |id| Version { incarnation: 1, id };

    fn written(ledger: &Ledger, id: Uuid, number: u64) {
        let (asked, _) = ledger.asking(0, &[id]);
        ledger.sending(id, number);
        let shown = Shown { version: V(number), number, stale: false };
        ledger.acked(&asked, None, id, number, shown);
    }

    #[test]
    fn what_goes_back_is_old_or_below_its_minimum_is_told() {
        let (ledger, id) = (Ledger::default(), Uuid::from_u128(1));
        [1, 2].into_iter().for_each(|number| written(&ledger, id, number));
        let old = Shown { version: V(1), number: 1, stale: false };
        let (asked, bounds) = ledger.asking(1, &[id]);
        ledger.seen(&asked, &bounds[0], old, By::Get);
        assert_eq!(ledger.violations(), Vec::<String>::new(), "another node may be behind");
        let (asked, bounds) = ledger.asking(0, &[id]);
        ledger.seen(&asked, &bounds[0], old, By::List);
        ledger.seen(&asked, &Bounds { shown: None, ..bounds[0] }, old, By::Minimum(V(2)));
        ledger.seen(&asked, &Bounds { shown: None, due: Some(V(2)), id }, old, By::Get);
        ledger.told(&asked, id, V(4), true, Some(V(2)));
        ledger.ended(0);
        assert!(ledger.asking(0, &[id]).1[0].shown.is_none());
        let named: Vec<_> = ledger.violations().iter().map(|text| text[..2].to_owned()).collect();
        assert_eq!(named, ["C1", "C4", "C3", "C5"]);
    }
}
