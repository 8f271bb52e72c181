//! The mails of one claim, over one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coherence::mutant;
use tokio::time::{Instant, timeout};

use super::outcome::outcome;
use super::{MailSenderConfig, MailSenderStatusHandle};
use crate::backoff::Backoff;
use crate::notification::alerts::AlertKind;
use crate::notification::meter::{Delivered, since};
use crate::notification::model::{Channel, ClaimId, DeliveryId, DeliveryStatus};
use crate::notification::ports::Shared;
use crate::ports::{
    Attachment, MailError, MailOutcome, MailProgress, MailReport, MailSession, MailToSend, MailTransport,
    NotificationStoreError, OutgoingMail, UnknownPolicy,
};

/// A claim must outlive a mail by this: what came of it has to be written down.
const MARGIN: Duration = Duration::from_secs(5);
/// What could not be handed over for no fault of its own is tried again after this.
const SOON: Duration = Duration::from_secs(1);
const NOT_SENT: &str = "it was not handed over";
const FILES_GONE: &str = "files of the mail are gone";

/// A connection, with how often it was used.
pub(super) struct Session {
    pub(super) inner: Box<dyn MailSession>,
    pub(super) used: u32,
}

/// What a batch has learnt of the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Server {
    /// It answers.
    There,
    /// No connection could be made: why.
    Away(String),
    /// It was not asked.
    NotAsked,
}

/// The mails of one claim.
pub(super) struct Batch {
    pub(super) shared: Shared,
    pub(super) transport: Arc<dyn MailTransport>,
    pub(super) config: Arc<MailSenderConfig>,
    pub(super) status: MailSenderStatusHandle,
    /// The sender stops: what is not under way stays in the queue.
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) claim: ClaimId,
    /// When the claim ends, by a clock that began before the store's.
    pub(super) until: Instant,
    pub(super) session: Option<Session>,
    pub(super) server: Server,
}

impl Batch {
    /// Sends the mails; answers the connection, if it can be used again, and what is known of the server.
    pub(super) async fn run(mut self, mails: Vec<MailToSend>) -> (Option<Session>, Server) {
        let (mut reports, mut left) = (Vec::new(), false);
        for chunk in mails.chunks(self.config.chunk.max(1)) {
            // Before anything is marked: without a connection nothing goes.
            if self.must_stop() || !self.connect().await {
                left = true;
                break;
            }
            let ids: Vec<DeliveryId> = chunk.iter().map(|mail| mail.id).collect();
            let Ok(may_go) = self.write(std::mem::take(&mut reports), ids).await else {
                left = true;
                break;
            };
            for mail in chunk.iter().filter(|mail| may_go.contains(&mail.id)) {
                reports.push(self.send(mail).await);
            }
        }
        // What cannot be written down now is found as `sending` when the claim is over.
        if !reports.is_empty() {
            self.write(reports, Vec::new()).await.ok();
        }
        if left && let Err(error) = self.shared.ports.store.release(self.claim).await {
            tracing::debug!(%error, "a claim of mails ends by itself");
        }
        (self.session, self.server)
    }

    fn must_stop(&self) -> bool {
        self.stopping.load(Ordering::Relaxed) || Instant::now() + self.config.send_timeout + MARGIN > self.until
    }

    /// Whether there is a connection.
    async fn connect(&mut self) -> bool {
        if self.session.as_ref().is_some_and(|session| session.used >= self.config.mails_per_connection)
            && let Some(session) = self.session.take()
        {
            timeout(self.config.connect_timeout, session.inner.quit()).await.ok();
        }
        if self.session.is_some() {
            return true;
        }
        // Once is enough to know: the sender asks again, after a while.
        if matches!(self.server, Server::Away(_)) {
            return false;
        }
        let connecting = timeout(self.config.connect_timeout, self.transport.connect()).await;
        match connecting.unwrap_or(Err(MailError::Unreachable(None))) {
            Ok(inner) => {
                (self.session, self.server) = (Some(Session { inner, used: 0 }), Server::There);
                self.status.update(|status| status.connections += 1);
                true
            }
            Err(error) => {
                let why = with_causes(&error);
                tracing::debug!(why, "no connection to the mail server");
                self.server = Server::Away(why);
                self.status.update(|status| status.connect_failures += 1);
                false
            }
        }
    }

    /// Writes down what came of mails, and that others are under way.
    async fn write(
        &mut self,
        reports: Vec<MailReport>,
        sending: Vec<DeliveryId>,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        let marks = if mutant!(SendingUnmarked) { Vec::new() } else { sending.clone() };
        let progress = MailProgress { claim: self.claim, reports, sending: marks };
        let mut backoff = Backoff::default();
        loop {
            match self.shared.ports.store.progress_mails(progress.clone()).await {
                Ok(_) if mutant!(SendingUnmarked) => return Ok(sending),
                Ok(may_go) => return Ok(may_go),
                Err(error) if error.is_retryable() && Instant::now() < self.until => {
                    self.status.update(|status| status.errors += 1);
                    backoff.wait(&*self.shared.ports.rng).await;
                }
                Err(error) => {
                    tracing::error!(%error, "what came of mails cannot be written down");
                    self.status.update(|status| status.errors += 1);
                    return Err(error);
                }
            }
        }
    }

    /// Hands one mail over. Those of a chunk that cannot be are written down as not sent: nobody need wonder.
    async fn send(&mut self, mail: &MailToSend) -> MailReport {
        let not_sent = |after| MailReport {
            id: mail.id,
            attempts: mail.attempts,
            outcome: MailOutcome::Retry { after, error: NOT_SENT.to_owned() },
        };
        if self.must_stop() {
            return not_sent(Duration::ZERO);
        }
        let files = match self.files(mail).await {
            Ok(files) => files,
            Err(error) if error.is_retryable() => return not_sent(SOON),
            Err(error) => {
                let outcome = MailOutcome::Failed { error: error.to_string(), suppress: false };
                return self.report(mail, mail.attempts, outcome);
            }
        };
        if !self.connect().await {
            return not_sent(SOON);
        }
        let Some(session) = self.session.as_mut() else { return not_sent(SOON) };
        session.used += 1;
        self.status.update(|status| status.attempts += 1);
        let mail_out = outgoing(mail, files, &self.config);
        // What takes too long may have been taken.
        let sent = timeout(self.config.send_timeout, session.inner.send(&mail_out)).await;
        let attempts = mail.attempts.saturating_add(1);
        let sent = sent.unwrap_or(Err(MailError::Unknown));
        // A server that goes away may say so with a refusal: the next mail would be blamed for a session that is over.
        if session.inner.is_over() || matches!(sent, Err(MailError::Unreachable(_) | MailError::Unknown)) {
            self.session = None;
        }
        let outcome = match sent {
            Ok(_) => MailOutcome::Sent,
            Err(error) => {
                let age = since(mail.waits_since, self.shared.ports.clock.now());
                outcome(&error, attempts, age, &self.config, &*self.shared.ports.rng)
            }
        };
        self.report(mail, attempts, outcome)
    }

    async fn files(&mut self, mail: &MailToSend) -> Result<Vec<Attachment>, NotificationStoreError> {
        if mail.attachments.is_empty() {
            return Ok(Vec::new());
        }
        let files = self.shared.ports.store.attachments(&mail.attachments).await?;
        match files.len() == mail.attachments.len() {
            true => Ok(files.into_iter().map(|stored| stored.file).collect()),
            false => Err(NotificationStoreError::Corrupt(FILES_GONE.to_owned())),
        }
    }

    fn report(&self, mail: &MailToSend, attempts: u32, outcome: MailOutcome) -> MailReport {
        let alerts = &self.shared.alerts;
        self.status.update(|status| match &outcome {
            MailOutcome::Sent => status.sent += 1,
            MailOutcome::Retry { .. } => status.retried += 1,
            MailOutcome::Unknown { .. } => status.unknown += 1,
            MailOutcome::Failed { suppress, .. } => {
                status.failed += 1;
                status.suppressed += u64::from(*suppress);
            }
        });
        let ended = match &outcome {
            MailOutcome::Sent => Some(DeliveryStatus::Sent),
            MailOutcome::Failed { error, suppress } => {
                // A refused recipient is no fault of ours.
                if !suppress {
                    alerts.raise(AlertKind::MailFailing, &mail.template.0, error);
                }
                Some(DeliveryStatus::Failed)
            }
            MailOutcome::Unknown { error, .. } if mail.on_unknown == UnknownPolicy::Hold => {
                alerts.raise(AlertKind::MailUnknown, &mail.template.0, error);
                Some(DeliveryStatus::Unknown)
            }
            MailOutcome::Retry { .. } | MailOutcome::Unknown { .. } => None,
        };
        if let Some(status) = ended {
            let took = since(mail.waits_since, self.shared.ports.clock.now());
            self.shared.meter.delivered(Delivered { channel: Channel::Email, provider: None, status, took });
        }
        MailReport { id: mail.id, attempts, outcome }
    }
}

/// An error with all its causes, as a person must see them: what a transport says holds no password.
fn with_causes(error: &MailError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        // Many say their cause themselves.
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// The mail as it goes out. Its `Message-ID` is the row's at each attempt: the one thing by which a receiver can tell a
/// copy.
fn outgoing(mail: &MailToSend, attachments: Vec<Attachment>, config: &MailSenderConfig) -> OutgoingMail {
    let has_token = !mail.unsubscribe_token.is_empty();
    OutgoingMail {
        message_id: mail.id.to_string(),
        to: mail.to.as_str().to_owned(),
        to_name: mail.to_name.clone(),
        subject: mail.subject.clone(),
        text: mail.text.clone(),
        html: mail.html.clone(),
        attachments,
        unsubscribe: config
            .unsubscribe_url
            .as_ref()
            .filter(|_| has_token)
            .map(|before| format!("{before}{}", mail.unsubscribe_token)),
    }
}
