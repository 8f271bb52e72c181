//! The loop of the sender.

use std::future::Future;
use std::time::Duration;

use coherence::mutant;
use futures_util::future::BoxFuture;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::attempt::{Ended, attempt, message};
use super::desk::Desk;
use super::{PushConfig, PushGateways, PushStatusHandle};
use crate::backoff::Backoff;
use crate::notification::model::{ClaimId, DeliveryId, IntegrationType};
use crate::notification::ports::{NO_LEASE, POLL_EVERY, Shared};
use crate::ports::{Claim, ClaimedWork, NotificationStoreError, PushIntent, PushReport};
use crate::wake::Wake;

/// How long attempts that run may take when the sender stops; what is broken off then is sent once more by another.
const DRAIN_MAX: Duration = Duration::from_secs(1);
/// How long the last results may take after that.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// Sends pushes. Each instance runs one; they share the work by claims.
#[doc(alias = "PushNotificationSender")]
pub struct PushSender {
    wake: Wake,
    desk: Desk,
    jobs: Jobs,
}

/// What the loop waits for.
struct Jobs {
    attempts: JoinSet<Ended>,
    claiming: Option<BoxFuture<'static, Claimed>>,
    reporting: Option<BoxFuture<'static, Reported>>,
    /// When the store is asked for more.
    claim_at: Instant,
}

struct Claimed {
    id: ClaimId,
    until: Instant,
    answer: Result<ClaimedWork<PushIntent>, NotificationStoreError>,
}

struct Reported {
    claim: ClaimId,
    refused: Result<Vec<DeliveryId>, NotificationStoreError>,
}

async fn ready<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(running) => {
            let answer = running.await;
            *future = None;
            answer
        }
        None => std::future::pending().await,
    }
}

impl PushSender {
    /// A sender that does not run yet.
    pub fn new(shared: Shared, gateways: PushGateways, config: PushConfig) -> Self {
        let wake = shared.push_wake.clone();
        let desk = Desk::new(shared, config, gateways, PushStatusHandle::default());
        let jobs = Jobs { attempts: JoinSet::new(), claiming: None, reporting: None, claim_at: Instant::now() };
        Self { wake, desk, jobs }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> PushStatusHandle {
        self.desk.status.clone()
    }

    /// Runs until `stop`. Attempts that run then have a moment; what is held is free for other senders.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        self.jobs.claim_at = Instant::now();
        loop {
            self.start();
            self.desk.show();
            let timer = self.next_timer();
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = tokio::time::sleep_until(timer) => {}
                Some(ended) = self.jobs.attempts.join_next() => self.on_ended(ended),
                reported = ready(&mut self.jobs.reporting) => self.on_reported(reported),
                claimed = ready(&mut self.jobs.claiming) => self.on_claimed(claimed),
                () = self.wake.woken() => self.jobs.claim_at = Instant::now(),
            }
        }
        self.drain().await;
        let last_words = tokio::time::timeout(LAST_WORDS_MAX, self.last_words());
        if last_words.await.is_err() {
            tracing::warn!("the push sender could not give back what it holds; its claims end by themselves");
        }
    }

    /// Starts all that can be started.
    fn start(&mut self) {
        let now = Instant::now();
        self.desk.settle(now);
        while let Some((held, slot)) = self.desk.next(now) {
            let kind = IntegrationType::of(&held.intent.device.target);
            // What has no gateway was given up when it was taken up.
            let Some(gateway) = self.desk.gateways.of(kind).cloned() else { continue };
            let message = message(&held.intent, &self.desk.config);
            self.jobs.attempts.spawn(attempt(gateway, held, slot, message, self.desk.config.attempt_timeout));
        }
        if self.jobs.reporting.is_none()
            && let Some((claim, reports)) = self.desk.next_reports()
        {
            self.jobs.reporting = Some(Box::pin(report(self.desk.shared.clone(), claim, reports)));
        }
        if self.jobs.claiming.is_none() && self.jobs.claim_at <= now && self.has_room() {
            self.jobs.claiming = Some(Box::pin(self.claim(now)));
        }
    }

    /// An attempt ended, and perhaps others with it. They do not panic: they catch it.
    fn on_ended(&mut self, ended: Result<Ended, JoinError>) {
        let mut next = Some(ended);
        while let Some(ended) = next {
            if let Ok(ended) = ended {
                self.desk.ended(ended, Instant::now());
            }
            next = self.jobs.attempts.try_join_next();
        }
    }

    /// More is claimed while there is room, and little that could go.
    fn has_room(&self) -> bool {
        let config = &self.desk.config;
        let enough = 2 * config.concurrency;
        self.desk.held < config.held_max && self.desk.lanes.ready(enough) < enough
    }

    fn claim(&self, now: Instant) -> impl Future<Output = Claimed> + Send + 'static {
        let (store, config) = (self.desk.shared.ports.store.clone(), &self.desk.config);
        let room = u32::try_from(config.held_max - self.desk.held).unwrap_or(u32::MAX);
        let life = if mutant!(IntentLeaseIgnored) { NO_LEASE } else { config.claim_life };
        let id = ClaimId(self.desk.shared.ports.ids.uuid());
        let (claim, until) = (Claim { id, life, limit: config.claim_limit.min(room) }, now + config.claim_life);
        async move { Claimed { id, until, answer: store.claim_pushes(claim).await } }
    }

    fn on_claimed(&mut self, claimed: Claimed) {
        let now = Instant::now();
        match claimed.answer {
            Ok(work) => {
                let wait = match (work.items.is_empty(), work.next_due) {
                    // There may be more.
                    (false, _) => Duration::ZERO,
                    (true, next) => next.unwrap_or(POLL_EVERY).clamp(Duration::from_millis(1), POLL_EVERY),
                };
                self.jobs.claim_at = now + wait;
                self.desk.take_up(work.items, claimed.id, claimed.until);
            }
            Err(error) => {
                tracing::warn!(%error, "pushes cannot be claimed");
                self.desk.status.update(|status| status.errors += 1);
                self.jobs.claim_at = now + POLL_EVERY.mul_f64(self.desk.shared.ports.rng.factor(0.5));
            }
        }
    }

    fn on_reported(&mut self, reported: Reported) {
        match reported.refused {
            Ok(refused) if refused.is_empty() => {}
            Ok(refused) => {
                tracing::warn!(pushes = refused.len(), "another sender had taken over pushes of this one");
                self.desk.status.update(|status| status.refused += refused.len() as u64);
            }
            Err(error) => {
                tracing::error!(%error, claim = %reported.claim, "what came of pushes cannot be written down");
                self.desk.status.update(|status| status.errors += 1);
            }
        }
    }

    fn next_timer(&self) -> Instant {
        let now = Instant::now();
        let claim = (self.jobs.claiming.is_none() && self.has_room()).then_some(self.jobs.claim_at);
        [self.desk.next_timer(), claim].into_iter().flatten().min().unwrap_or(now + POLL_EVERY).max(now)
    }

    async fn drain(&mut self) {
        let deadline = Instant::now() + DRAIN_MAX;
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.jobs.attempts.join_next()).await {
            self.on_ended(ended);
        }
    }

    /// Writes down what is known, and frees the rest.
    async fn last_words(&mut self) {
        self.jobs.attempts.shutdown().await;
        if self.jobs.reporting.is_some() {
            ready(&mut self.jobs.reporting).await;
        }
        let store = self.desk.shared.ports.store.clone();
        while let Some((claim, reports)) = self.desk.next_reports() {
            if let Err(error) = store.report_pushes(claim, reports).await {
                tracing::warn!(%error, "what came of pushes cannot be written down");
            }
        }
        for claim in self.desk.held_claims() {
            if let Err(error) = store.release(claim).await {
                tracing::debug!(%error, "a claim ends by itself");
            }
        }
    }
}

/// Writes down what came of pushes; tries until the store has it, or the claims are over in any case.
async fn report(shared: Shared, claim: ClaimId, reports: Vec<PushReport>) -> Reported {
    const TRIES: u32 = 60;
    let mut backoff = Backoff::default();
    let mut tried = 0;
    loop {
        tried += 1;
        match shared.ports.store.report_pushes(claim, reports.clone()).await {
            Err(error) if error.is_retryable() && tried < TRIES => backoff.wait(&*shared.ports.rng).await,
            refused => return Reported { claim, refused },
        }
    }
}
