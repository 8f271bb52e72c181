//! How many streams are open, in all and of each subject.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::http::code::Code;
use crate::http::problem::Problem;

/// A stream lasts; there is no point in coming back at once.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Counts open streams and refuses those over the caps.
#[derive(Debug, Clone)]
pub struct StreamSlots {
    max: usize,
    per_subject_max: usize,
    /// Never more subjects than there are streams.
    open: Arc<Mutex<BTreeMap<Uuid, usize>>>,
}

/// An open stream; dropping it makes room.
#[derive(Debug)]
pub struct Slot {
    slots: StreamSlots,
    subject: Uuid,
}

impl StreamSlots {
    /// Room for `max` streams, `per_subject_max` of each subject.
    pub fn new(max: usize, per_subject_max: usize) -> Self {
        Self { max, per_subject_max, open: Arc::default() }
    }

    /// Room for one more.
    ///
    /// # Errors
    /// 429 `RATE_LIMITED` for a subject with too many, 503 `OVERLOADED` for an instance with too many.
    pub fn take(&self, subject: Uuid) -> Result<Slot, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = open.get(&subject).copied().unwrap_or_default();
        if mine >= self.per_subject_max {
            let detail = format!("at most {} streams of one subject are open on an instance", self.per_subject_max);
            return Err(Problem::new(Code::RateLimited).detail(detail).retry_after(RETRY_AFTER));
        }
        if open.values().sum::<usize>() >= self.max {
            return Err(Problem::new(Code::Overloaded).retry_after(RETRY_AFTER));
        }
        open.insert(subject, mine + 1);
        drop(open);
        Ok(Slot { slots: self.clone(), subject })
    }

    /// How many are open now.
    pub fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.subject) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_caps_hold_and_an_end_makes_room() {
        let slots = StreamSlots::new(3, 2);
        let subject = Uuid::from_u128;
        let first = slots.take(subject(1)).unwrap();
        let _second = slots.take(subject(1)).unwrap();
        assert_eq!(slots.take(subject(1)).unwrap_err().code(), Code::RateLimited);
        let _third = slots.take(subject(2)).unwrap();
        assert_eq!(slots.take(subject(2)).unwrap_err().code(), Code::Overloaded);
        drop(first);
        assert_eq!(slots.open(), 2);
        assert!(slots.take(subject(1)).is_ok(), "and what is refused takes no room");
    }
}
