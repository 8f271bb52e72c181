//! What the mail jobs tell operators.

use std::sync::{Arc, Mutex, PoisonError};

macro_rules! handle {
    ($(#[$doc:meta])* $handle:ident of $status:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub struct $handle(Arc<Mutex<$status>>);

        impl $handle {
            /// Where it stands.
            pub fn read(&self) -> $status {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner)
            }

            pub(super) fn update(&self, change: impl FnOnce(&mut $status)) {
                change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
    };
}

/// Where the batch worker stands. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailBatchStatus {
    /// Batches written.
    pub batches: u64,
    /// Mails queued.
    pub queued: u64,
    /// Mails that could not be rendered.
    pub failed: u64,
    /// Mails that another worker had taken over.
    pub refused: u64,
    /// Batches that could not be written after all tries.
    pub given_up: u64,
    /// Calls that failed.
    pub errors: u64,
}

handle! {
    /// A handle to the worker's status.
    MailBatchStatusHandle of MailBatchStatus
}

/// Where the mail sender stands. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailSenderStatus {
    /// Connections at work now.
    pub busy: usize,
    /// Connections that wait for work.
    pub idle: usize,
    /// Whether the mail server could be reached at the last try.
    pub reachable: bool,
    /// Connections made.
    pub connections: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// Mails handed over.
    pub attempts: u64,
    /// Mails that the mail server has.
    pub sent: u64,
    /// Mails that it did not take, and that are tried again.
    pub retried: u64,
    /// Mails given up.
    pub failed: u64,
    /// Mails of which nobody knows whether it has them.
    pub unknown: u64,
    /// Addresses that are not written to any more.
    pub suppressed: u64,
    /// Calls of the store that failed.
    pub errors: u64,
}

handle! {
    /// A handle to the sender's status.
    MailSenderStatusHandle of MailSenderStatus
}
