//! MailBatchWorker: rendering, and one transaction for each batch.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coherence::{Rng, mutant};
use tokio::time::Instant;

use super::{MailBatchConfig, MailBatchStatusHandle};
use crate::backoff::Backoff;
use crate::notification::alerts::AlertKind;
use crate::notification::model::{ClaimId, DELIVERY_ERROR_CHARS_MAX, cut};
use crate::notification::ports::{NO_LEASE, POLL_EVERY, Shared};
use crate::ports::{Claim, ClaimedWork, MailIntent, MailTemplates, MailsToQueue, NotificationStoreError, QueuedMail};
use crate::wake::Wake;

/// How long it may take to give a claim back when the worker stops.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// The worker. Each instance runs one; they share the work by claims.
#[doc(alias = "MailAutoBatchWorker")]
pub struct MailBatchWorker {
    shared: Shared,
    templates: Arc<dyn MailTemplates>,
    config: MailBatchConfig,
    wake: Wake,
    status: MailBatchStatusHandle,
    /// The claim of the batch in hand: given back when the worker stops.
    claim: Mutex<Option<ClaimId>>,
}

impl MailBatchWorker {
    /// A worker that does not run yet.
    pub fn new(shared: Shared, templates: Arc<dyn MailTemplates>, config: MailBatchConfig) -> Self {
        let wake = shared.mail_wake.clone();
        let (status, claim) = (MailBatchStatusHandle::default(), Mutex::default());
        Self { shared, templates, config, wake, status, claim }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> MailBatchStatusHandle {
        self.status.clone()
    }

    /// Runs until `stop`; a batch that is not written then is free for other workers.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.work() => {}
        }
        let claim = self.hold(None);
        if let Some(claim) = claim {
            let released = tokio::time::timeout(LAST_WORDS_MAX, self.shared.ports.store.release(claim)).await;
            if !matches!(released, Ok(Ok(()))) {
                tracing::debug!(%claim, "a claim of mails ends by itself");
            }
        }
    }

    /// Notes the claim in hand; answers the one before.
    fn hold(&self, claim: Option<ClaimId>) -> Option<ClaimId> {
        std::mem::replace(&mut *self.claim.lock().unwrap_or_else(PoisonError::into_inner), claim)
    }

    async fn work(&self) {
        let mut backoff = Backoff::default();
        loop {
            let id = ClaimId(self.shared.ports.ids.uuid());
            self.hold(Some(id));
            match self.collect(id).await {
                Ok(work) if work.items.is_empty() => {
                    let wait = work.next_due.unwrap_or(POLL_EVERY).min(POLL_EVERY);
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep(wait) => {}
                        () = self.wake.woken() => {}
                    }
                }
                Ok(work) => {
                    backoff.reset();
                    self.queue(self.render(id, work.items)).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "mails cannot be claimed for their rendering");
                    self.status.update(|status| status.errors += 1);
                    backoff.wait(&*self.shared.ports.rng).await;
                }
            }
        }
    }

    /// A full batch, or what comes within the window after its first mail.
    async fn collect(&self, id: ClaimId) -> Result<ClaimedWork<MailIntent>, NotificationStoreError> {
        let mut work = self.claim(id, self.config.size).await?;
        let begun = Instant::now();
        let size = usize::try_from(self.config.size).unwrap_or(usize::MAX);
        if work.items.is_empty() || work.items.len() >= size {
            return Ok(work);
        }
        tokio::time::sleep_until(begun + self.config.window).await;
        let room = u32::try_from(size - work.items.len()).unwrap_or(u32::MAX);
        match self.claim(id, room).await {
            Ok(more) => work.items.extend(more.items),
            // What is claimed already can go.
            Err(error) => tracing::debug!(%error, "a batch of mails is written before it is full"),
        }
        Ok(work)
    }

    async fn claim(&self, id: ClaimId, limit: u32) -> Result<ClaimedWork<MailIntent>, NotificationStoreError> {
        let life = if mutant!(IntentLeaseIgnored) { NO_LEASE } else { self.config.claim_life };
        self.shared.ports.store.claim_mail_intents(Claim { id, life, limit }).await
    }

    fn render(&self, claim: ClaimId, intents: Vec<MailIntent>) -> MailsToQueue {
        let mut mails = MailsToQueue { claim, rows: Vec::with_capacity(intents.len()), failed: Vec::new() };
        for intent in intents {
            match self.templates.render(&intent.item.template, &intent.item.data) {
                Ok(rendered) => mails.rows.push(QueuedMail {
                    id: intent.id,
                    rendered,
                    on_unknown: self.templates.unknown_policy(&intent.item.template),
                    unsubscribe_token: token(&*self.shared.ports.rng),
                }),
                Err(error) => {
                    let text = error.to_string();
                    self.shared.alerts.raise(AlertKind::MailFailing, &intent.item.template.0, &text);
                    mails.failed.push((intent.id, cut(&text, DELIVERY_ERROR_CHARS_MAX).to_owned()));
                }
            }
        }
        mails
    }

    async fn queue(&self, mails: MailsToQueue) {
        let mut waits = self.config.retries.iter();
        loop {
            match self.shared.ports.store.queue_mails(mails.clone()).await {
                Ok(refused) => return self.queued(&mails, refused.len()),
                Err(error) => {
                    self.status.update(|status| status.errors += 1);
                    match waits.next().filter(|_| error.is_retryable()) {
                        Some(wait) => {
                            let factor = self.shared.ports.rng.factor(self.config.spread);
                            tokio::time::sleep(wait.mul_f64(factor)).await;
                        }
                        // They are taken up again when the claim's life is over.
                        None => {
                            self.shared.alerts.raise(AlertKind::MailFailing, "NheaMailQueue", &error.to_string());
                            return self.status.update(|status| status.given_up += 1);
                        }
                    }
                }
            }
        }
    }

    fn queued(&self, mails: &MailsToQueue, refused: usize) {
        if refused > 0 {
            tracing::warn!(mails = refused, "another worker had taken over mails of this one");
        }
        self.status.update(|status| {
            status.batches += 1;
            status.queued += mails.rows.len() as u64;
            status.failed += mails.failed.len() as u64;
            status.refused += refused as u64;
        });
        self.shared.queue_wake.wake();
    }
}

/// A token that nobody can guess.
fn token(rng: &dyn Rng) -> String {
    format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64())
}
