//! Where the arguments of frames wait.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Anything that travels.
pub(super) type Cargo = Box<dyn Any + Send>;

/// The arguments of frames on their way. What a lost frame left stays until the run is over.
#[derive(Default)]
pub struct Slab(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    last: u64,
    items: BTreeMap<u64, Cargo>,
}

impl Slab {
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many were stored since the begin: the messages between hosts that carried something.
    pub fn stored(&self) -> u64 {
        self.lock().last
    }

    /// Stores `cargo`; answers its handle.
    pub(super) fn put(&self, cargo: Cargo) -> u64 {
        let mut shelf = self.lock();
        shelf.last += 1;
        let handle = shelf.last;
        shelf.items.insert(handle, cargo);
        handle
    }

    pub(super) fn take(&self, handle: u64) -> Option<Cargo> {
        self.lock().items.remove(&handle)
    }
}
