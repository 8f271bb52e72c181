//! What every open stream does beside its events: it beats, and it ends with its token or with the instance.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::base::StreamBase;
use super::slots::Slot;
use crate::auth::Caller;
use crate::http::problem::Problem;

/// How often a quiet stream looks whether its token has ended: that follows the wall clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a stream has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Turn {
    /// End: the instance does.
    Closing,
    /// End: the token has.
    Expired,
    /// Show that it lives.
    Beat,
}

/// Watches over one open stream, and holds its place.
pub(in crate::http) struct Vigil {
    base: StreamBase,
    caller: Arc<Caller>,
    beat_at: Instant,
    closing: BoxFuture<'static, ()>,
    _slot: Slot,
}

impl Vigil {
    /// Takes a place for a stream of `caller`.
    ///
    /// # Errors
    /// There is none: 429 or 503.
    pub(in crate::http) fn begin(base: &StreamBase, caller: Arc<Caller>) -> Result<Self, Problem> {
        let slot = base.slots.take(caller.identity.user.0)?;
        let beat_at = Instant::now() + base.settings.heartbeat;
        Ok(Self { base: base.clone(), caller, beat_at, closing: base.closing(), _slot: slot })
    }

    /// Whose stream it is.
    pub(in crate::http) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Something was sent: the next beat is a whole interval away.
    pub(in crate::http) fn sent(&mut self) {
        self.beat_at = Instant::now() + self.base.settings.heartbeat;
    }

    /// Whether the token has ended.
    pub(in crate::http) fn is_expired(&self) -> bool {
        self.base.clock.now().as_second() >= self.caller.expires_at_unix_s
    }

    /// Waits until there is something to do. Cancel-safe; not to be called after [`Turn::Closing`].
    pub(in crate::http) async fn turn(&mut self) -> Turn {
        loop {
            if self.is_expired() {
                return Turn::Expired;
            }
            let look_at = self.beat_at.min(Instant::now() + LOOK_EVERY);
            tokio::select! {
                biased;
                () = &mut self.closing => return Turn::Closing,
                () = tokio::time::sleep_until(look_at) => {}
            }
            if Instant::now() >= self.beat_at {
                return Turn::Beat;
            }
        }
    }
}
