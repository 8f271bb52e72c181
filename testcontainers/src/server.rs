//! One server for all cases of a suite.

use std::sync::{Arc, OnceLock};

use crate::{Absence, Backend};

/// A server that is found when the first case asks for it, and ends with the suite. Clones share it.
pub struct Server<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    backend: Backend,
    find: fn() -> Result<S, Absence>,
    found: OnceLock<Result<S, Absence>>,
}

impl<S> Clone for Server<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> Server<S> {
    /// A server of `backend`, which `find` will look for, once.
    pub fn new(backend: Backend, find: fn() -> Result<S, Absence>) -> Self {
        Self { shared: Arc::new(Shared { backend, find, found: OnceLock::new() }) }
    }

    /// Which backend it is.
    pub fn backend(&self) -> Backend {
        self.shared.backend
    }

    /// The server; the first call looks for it, others wait meanwhile.
    ///
    /// # Errors
    /// There is none; the same answer for every case.
    pub fn get(&self) -> Result<&S, Absence> {
        self.shared.found.get_or_init(self.shared.find).as_ref().map_err(Clone::clone)
    }
}
