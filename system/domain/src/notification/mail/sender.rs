//! The loop of the mail sender (role `mail-send`).

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coherence::mutant;
use futures_util::future::BoxFuture;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::batch::{Batch, Server, Session};
use super::{MailSenderConfig, MailSenderStatusHandle};
use crate::notification::alerts::AlertKind;
use crate::notification::model::ClaimId;
use crate::notification::ports::{NO_LEASE, POLL_EVERY, Shared};
use crate::ports::{Claim, ClaimedMails, MailTransport, NotificationStoreError};
use crate::wake::Wake;

/// The longest wait for a mail server that is away.
const AWAY_WAIT_MAX: Duration = Duration::from_secs(30);

/// Sends what is in the queue. Several processes share the work by claims.
pub struct MailSender {
    shared: Shared,
    transport: Arc<dyn MailTransport>,
    config: Arc<MailSenderConfig>,
    wake: Wake,
    status: MailSenderStatusHandle,
    stopping: Arc<AtomicBool>,
    batches: JoinSet<(Option<Session>, Server)>,
    claiming: Option<BoxFuture<'static, Claimed>>,
    claim_at: Instant,
    /// Connections without work, the one that waits longest first.
    idle: VecDeque<(Instant, Session)>,
    /// How often in a row no connection could be made.
    failures: u32,
}

struct Claimed {
    id: ClaimId,
    until: Instant,
    answer: Result<ClaimedMails, NotificationStoreError>,
}

async fn ready(claiming: &mut Option<BoxFuture<'static, Claimed>>) -> Claimed {
    match claiming {
        Some(running) => {
            let claimed = running.await;
            *claiming = None;
            claimed
        }
        None => std::future::pending().await,
    }
}

impl MailSender {
    /// A sender that does not run yet.
    pub fn new(shared: Shared, transport: Arc<dyn MailTransport>, config: MailSenderConfig) -> Self {
        Self {
            wake: shared.queue_wake.clone(),
            shared,
            transport,
            config: Arc::new(config),
            status: MailSenderStatusHandle::default(),
            stopping: Arc::new(AtomicBool::new(false)),
            batches: JoinSet::new(),
            claiming: None,
            claim_at: Instant::now(),
            idle: VecDeque::new(),
            failures: 0,
        }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> MailSenderStatusHandle {
        self.status.clone()
    }

    /// Runs until `stop`; then the mails that are under way are waited for, so that nobody need wonder about them.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        self.claim_at = Instant::now();
        loop {
            self.start();
            let timer = self.next_timer();
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = tokio::time::sleep_until(timer) => self.quit_idle(Instant::now()),
                Some(ended) = self.batches.join_next() => self.on_ended(ended),
                claimed = ready(&mut self.claiming) => self.on_claimed(claimed),
                () = self.wake.woken() => self.wake_up(),
            }
        }
        self.drain().await;
    }

    /// While the mail server is away, only one batch asks for it.
    fn places(&self) -> usize {
        if self.failures > 0 { 1 } else { self.config.connections.max(1) }
    }

    fn has_room(&self) -> bool {
        self.claiming.is_none() && self.batches.len() < self.places()
    }

    fn start(&mut self) {
        let now = Instant::now();
        if self.has_room() && self.claim_at <= now {
            self.claiming = Some(Box::pin(self.claim(now)));
        }
        let (busy, idle, reachable) = (self.batches.len(), self.idle.len(), self.failures == 0);
        self.status.update(|status| (status.busy, status.idle, status.reachable) = (busy, idle, reachable));
    }

    fn wake_up(&mut self) {
        // A mail server that is away is not asked more often for it.
        if self.failures == 0 {
            self.claim_at = Instant::now();
        }
    }

    fn claim(&self, now: Instant) -> impl Future<Output = Claimed> + Send + 'static {
        let (store, config) = (self.shared.ports.store.clone(), Arc::clone(&self.config));
        let id = ClaimId(self.shared.ports.ids.uuid());
        let life = if mutant!(IntentLeaseIgnored) { NO_LEASE } else { config.claim_life };
        let until = now + config.claim_life;
        async move {
            let answer = store.claim_mails(Claim { id, life, limit: config.claim_limit }).await;
            Claimed { id, until, answer }
        }
    }

    fn on_claimed(&mut self, claimed: Claimed) {
        let now = Instant::now();
        match claimed.answer {
            Ok(work) => {
                if work.held > 0 {
                    let text = format!("{} mails: their sender went away", work.held);
                    self.shared.alerts.raise(AlertKind::MailUnknown, "NheaMailQueue", &text);
                    self.status.update(|status| status.unknown += u64::from(work.held));
                }
                let wait = match (work.mails.is_empty(), work.next_due) {
                    (false, _) => Duration::ZERO,
                    (true, next) => next.unwrap_or(POLL_EVERY).clamp(Duration::from_millis(1), POLL_EVERY),
                };
                self.claim_at = now + wait;
                if !work.mails.is_empty() {
                    let batch = Batch {
                        shared: self.shared.clone(),
                        transport: Arc::clone(&self.transport),
                        config: Arc::clone(&self.config),
                        status: self.status.clone(),
                        stopping: Arc::clone(&self.stopping),
                        claim: claimed.id,
                        until: claimed.until,
                        // The one used last: the others may be let go.
                        session: self.idle.pop_back().map(|(_, session)| session),
                        server: Server::NotAsked,
                    };
                    self.batches.spawn(batch.run(work.mails));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "mails cannot be claimed");
                self.status.update(|status| status.errors += 1);
                self.claim_at = now + POLL_EVERY.mul_f64(self.shared.ports.rng.factor(0.5));
            }
        }
    }

    fn on_ended(&mut self, ended: Result<(Option<Session>, Server), JoinError>) {
        let now = Instant::now();
        match ended {
            Ok((session, server)) => {
                self.idle.extend(session.map(|session| (now, session)));
                match server {
                    Server::Away(why) => self.is_away(now, &why),
                    Server::There => self.failures = 0,
                    Server::NotAsked => {}
                }
                if self.failures == 0 {
                    // What was given back, or is due again, need not wait.
                    self.claim_at = self.claim_at.min(now);
                }
            }
            // What it had is found as `sending`, or free, when its claim is over.
            Err(error) => tracing::error!(%error, "a batch of mails broke off"),
        }
    }

    fn is_away(&mut self, now: Instant, why: &str) {
        let before = usize::try_from(self.failures).unwrap_or(usize::MAX);
        self.failures = self.failures.saturating_add(1);
        let wait = match self.config.retries.get(before) {
            Some(wait) => *wait,
            None => {
                self.shared.alerts.raise(AlertKind::MailSenderDown, "mail server", why);
                let doublings = u32::try_from(before - self.config.retries.len()).unwrap_or(u32::MAX).min(16);
                Duration::from_secs(1).saturating_mul(1 << doublings).min(AWAY_WAIT_MAX)
            }
        };
        self.claim_at = now + wait.mul_f64(self.shared.ports.rng.factor(self.config.spread));
    }

    fn next_timer(&self) -> Instant {
        let now = Instant::now();
        let claim = self.has_room().then_some(self.claim_at);
        let quit = self.idle.front().map(|(since, _)| *since + self.config.idle);
        [claim, quit].into_iter().flatten().min().unwrap_or(now + POLL_EVERY).max(now)
    }

    /// Says good-bye on connections that had nothing to do for a while.
    fn quit_idle(&mut self, now: Instant) {
        while self.idle.front().is_some_and(|(since, _)| *since + self.config.idle <= now) {
            let Some((_, session)) = self.idle.pop_front() else { return };
            let deadline = self.config.connect_timeout;
            self.batches.spawn(async move {
                timeout(deadline, session.inner.quit()).await.ok();
                (None, Server::NotAsked)
            });
        }
    }

    async fn drain(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + self.config.drain;
        let all = async {
            if self.claiming.is_some() {
                let claimed = ready(&mut self.claiming).await;
                self.shared.ports.store.release(claimed.id).await.ok();
            }
            while let Some(ended) = self.batches.join_next().await {
                if let Ok((Some(session), _)) = ended {
                    self.idle.push_back((Instant::now(), session));
                }
            }
            while let Some((_, session)) = self.idle.pop_front() {
                session.inner.quit().await;
            }
        };
        if tokio::time::timeout_at(deadline, all).await.is_err() {
            tracing::warn!("mails were under way when the time was over; they stand as `sending`");
        }
    }
}
