//! Where the arguments of frames wait.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::log::{Message, Messages, Sending};
use crate::world::SimTime;

/// Anything that travels.
pub(super) type Cargo = Box<dyn Any + Send>;

/// The arguments of frames on their way. What a lost frame left stays until the run is over.
#[derive(Default)]
pub struct Slab(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    last: u64,
    items: BTreeMap<u64, Cargo>,
    /// There where the run records its messages.
    messages: Option<Messages>,
}

impl Slab {
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on messages are recorded.
    pub fn record(&self, time: Arc<SimTime>) {
        self.lock().messages = Some(Messages::new(time));
    }

    /// What was recorded.
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.as_ref().map(Messages::all).unwrap_or_default()
    }

    /// How many were stored since the begin: the messages between hosts that carried something.
    pub fn stored(&self) -> u64 {
        self.lock().last
    }

    /// Stores `cargo`, which somebody sends; answers its handle.
    pub(super) fn put<'s>(&self, cargo: Cargo, sending: impl FnOnce(&Cargo) -> Sending<'s>) -> u64 {
        let mut shelf = self.lock();
        let handle = shelf.next();
        if let Some(messages) = &mut shelf.messages {
            messages.sent(handle, sending(&cargo));
        }
        shelf.items.insert(handle, cargo);
        handle
    }

    /// Stores the answer to `question`.
    pub(super) fn put_answer(&self, cargo: Cargo, question: u64) -> u64 {
        let mut shelf = self.lock();
        let handle = shelf.next();
        if let Some(messages) = &mut shelf.messages {
            messages.answered(handle, question);
        }
        shelf.items.insert(handle, cargo);
        handle
    }

    /// A message that its sender loses: it needs no place.
    pub(super) fn lose<'s>(&self, sending: impl FnOnce() -> Sending<'s>) {
        let mut shelf = self.lock();
        let handle = shelf.next();
        if let Some(messages) = &mut shelf.messages {
            messages.sent(handle, sending());
        }
    }

    /// Whoever received the frame takes what it carries.
    pub(super) fn take(&self, handle: u64) -> Option<Cargo> {
        let mut shelf = self.lock();
        if let Some(messages) = &mut shelf.messages {
            messages.received(handle);
        }
        shelf.items.remove(&handle)
    }
}

impl Shelf {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}
