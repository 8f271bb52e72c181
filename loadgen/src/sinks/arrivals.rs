//! What has arrived.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Arrivals that are kept.
const ARRIVALS_MAX: usize = 1_000_000;

/// How a notification reaches its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// The inbox: told by an event stream.
    InApp,
    /// A browser.
    WebPush,
    /// An app.
    Fcm,
    /// A mail.
    Mail,
}

/// One arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landed {
    /// Over which channel.
    pub channel: Channel,
    /// For whom.
    pub person: usize,
    /// When it was taken.
    pub at: Instant,
}

/// What has arrived so far. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Mutex<Vec<Landed>>>);

impl Channel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::InApp, Self::WebPush, Self::Fcm, Self::Mail];

    /// `in_app`, `web_push`, `fcm` or `mail`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InApp => "in_app",
            Self::WebPush => "web_push",
            Self::Fcm => "fcm",
            Self::Mail => "mail",
        }
    }
}

impl Arrivals {
    /// Something arrived now.
    pub fn note(&self, channel: Channel, person: usize) {
        let mut landed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if landed.len() < ARRIVALS_MAX {
            landed.push(Landed { channel, person, at: Instant::now() });
        }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// All so far, in order.
    pub fn all(&self) -> Vec<Landed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
