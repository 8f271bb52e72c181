//! What all event streams of an instance share, whatever they tell.

use std::sync::Arc;

use coherence::{Rng, WallClock};
use futures_util::future::BoxFuture;
use http::header;
use http::request::Parts;

use super::slots::StreamSlots;
use crate::auth::{AuthError, Caller, TicketHash, Tickets};
use crate::config::{LimitsConfig, StreamsConfig};
use crate::http::admission::{Admitted, Gatekeeper};
use crate::http::params::query_pairs;
use crate::http::problem::Problem;
use crate::serve::Drain;

/// The parameter that carries a ticket.
const TICKET: &str = "ticket";

/// What all event streams of an instance need. Clones share everything.
#[derive(Clone)]
pub struct StreamBase {
    pub(super) tickets: Arc<dyn Tickets>,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) settings: StreamsConfig,
    pub(super) slots: StreamSlots,
    drain: Drain,
}

impl StreamBase {
    /// No stream is open yet. `tickets` are shared by the instances that a client may be sent to; the end of `drain` is
    /// that of the streams; `rng` makes tickets, and `clock` ends tokens.
    pub fn new(
        tickets: Arc<dyn Tickets>,
        clock: Arc<dyn WallClock>,
        rng: Arc<dyn Rng>,
        drain: Drain,
        settings: &StreamsConfig,
        limits: &LimitsConfig,
    ) -> Self {
        let slots = StreamSlots::new(limits.streams_max, limits.streams_per_subject_max);
        Self { tickets, clock, rng, settings: settings.clone(), slots, drain }
    }

    /// The count of open streams, for the metrics.
    pub fn slots(&self) -> &StreamSlots {
        &self.slots
    }

    /// How long a client waits before it comes again.
    pub(in crate::http) fn retry(&self) -> std::time::Duration {
        self.settings.retry
    }

    pub(super) fn closing(&self) -> BoxFuture<'static, ()> {
        Box::pin(self.drain.closing())
    }

    /// The caller who opens a stream, by a token or, without one, by a ticket.
    pub(in crate::http) async fn admitted(&self, keeper: &Gatekeeper, request: &Parts) -> Result<Admitted, Problem> {
        let mut ticket = None;
        for (name, value) in query_pairs(&request.uri)? {
            if name != TICKET || ticket.is_some() {
                return Err(Problem::invalid_field(name, "there is only `ticket`, once"));
            }
            ticket = Some(value);
        }
        let caller: Arc<Caller> = match ticket.filter(|_| !request.headers.contains_key(header::AUTHORIZATION)) {
            None => keeper.verifier.authenticate(&request.headers).await?,
            Some(ticket) => {
                let hash = TicketHash::of(&ticket).ok_or(AuthError::Ticket)?;
                self.tickets.take(hash).await?.ok_or(AuthError::Ticket)?
            }
        };
        keeper.admit(caller)
    }
}
