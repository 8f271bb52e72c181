//! Faults that a test or the simulation injects, by the name of the port's method.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ports::NotificationStoreError;

/// How many calls are remembered.
const CALLS_MAX: usize = 100_000;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationFault {
    /// It does not reach the store: nothing is done.
    Before,
    /// It is done, and the answer is lost.
    After,
    /// It is not done, and never answered.
    Hang,
    /// It is done, and never answered.
    HangAfter,
    /// The store says that what it holds cannot be read.
    Corrupt,
}

#[derive(Debug, Default)]
struct Plan {
    planned: BTreeMap<&'static str, VecDeque<NotificationFault>>,
    always: BTreeMap<&'static str, NotificationFault>,
    late: BTreeMap<&'static str, Duration>,
    calls: Vec<&'static str>,
}

/// The faults of one store. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct MemoryNotificationFaults {
    plan: Arc<Mutex<Plan>>,
}

impl MemoryNotificationFaults {
    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call of `method` for which no fault is planned yet meets this one.
    pub fn once(&self, method: &'static str, fault: NotificationFault) {
        self.plan().planned.entry(method).or_default().push_back(fault);
    }

    /// All calls of `method` meet this one, until [`heal`](Self::heal).
    pub fn always(&self, method: &'static str, fault: NotificationFault) {
        self.plan().always.insert(method, fault);
    }

    /// All answers of `method` take so long, until [`heal`](Self::heal); what is asked is done before.
    pub fn late(&self, method: &'static str, by: Duration) {
        self.plan().late.insert(method, by);
    }

    /// No fault is planned any more.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.late.clear();
        plan.planned.clear();
        plan.always.clear();
    }

    /// The calls so far, by their names; the first hundred thousand of them.
    pub fn calls(&self) -> Vec<&'static str> {
        self.plan().calls.clone()
    }

    pub(super) fn lateness(&self, method: &'static str) -> Option<Duration> {
        self.plan().late.get(method).copied()
    }

    pub(super) fn next(&self, method: &'static str) -> Option<NotificationFault> {
        let mut plan = self.plan();
        if plan.calls.len() < CALLS_MAX {
            plan.calls.push(method);
        }
        let planned = plan.planned.get_mut(method).and_then(VecDeque::pop_front);
        planned.or_else(|| plan.always.get(method).copied())
    }
}

pub(super) fn unavailable() -> NotificationStoreError {
    NotificationStoreError::Unavailable(None)
}
