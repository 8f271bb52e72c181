//! Telling by mail.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use coherence::Timestamp;
use tokio::time::Instant;

use super::raise::Due;
use super::{ALERT_EVERY, AlertKind, Alerts};
use crate::backoff::Backoff;
use crate::model::{EventId, UserId};
use crate::notification::model::{
    Body, Channel, ChannelSet, DeviceFilter, MailAddress, MailItem, Name, NotificationId, NotificationType, Title,
    event_of_body,
};
use crate::notification::ports::NotificationPorts;
use crate::ports::{
    Acceptance, ForUser, IdempotencyKey, IdempotencyRecord, MailFor, NotificationStoreError, TemplateData, TemplateId,
};
use crate::wake::Wake;

/// How long is waited at least for the end of what another instance told.
const ASK_AGAIN_MIN: Duration = Duration::from_secs(1);

/// What came of telling.
enum Told {
    /// The mail is on its way, or there is nobody to tell.
    Now,
    /// Not yet: again after this.
    Later(Duration),
}

/// What can be set about alerts.
#[derive(Debug, Clone)]
pub struct AlertsConfig {
    /// Who is told by mail; `None`: nobody.
    pub address: Option<MailAddress>,
    /// The template of the mail: `userName`, `alertMessage`, `forecastLink`.
    pub template: TemplateId,
    /// What the mail links to.
    pub link: String,
}

/// Tells what was raised.
pub struct AlertsJob {
    alerts: Alerts,
    config: AlertsConfig,
    ports: NotificationPorts,
    mail_wake: Wake,
}

impl AlertsJob {
    /// A job that does not run yet. `mail_wake` is the mail batch worker's.
    pub fn new(alerts: Alerts, config: AlertsConfig, ports: NotificationPorts, mail_wake: Wake) -> Self {
        Self { alerts, config, ports, mail_wake }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.tell() => {}
        }
    }

    async fn tell(&self) {
        loop {
            let (due, next) = self.alerts.due(Instant::now());
            let has_told = !due.is_empty();
            for due in due {
                match self.tell_one(&due).await {
                    Told::Now => self.alerts.told(&due, Instant::now()),
                    Told::Later(wait) => self.alerts.later(&due, Instant::now() + wait),
                }
            }
            // What was raised meanwhile may be due.
            if has_told {
                continue;
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(next.unwrap_or_else(|| Instant::now() + ALERT_EVERY)) => {}
                () = self.alerts.wake.woken() => {}
            }
        }
    }

    /// Tells of one kind, unless an instance did so less than ten minutes ago: then it stays to be told.
    async fn tell_one(&self, due: &Due) -> Told {
        let Some(mail) = self.config.address.clone().and_then(|to| self.mail(to, due)) else { return Told::Now };
        let event_id = self.ports.ids.event_id();
        let mut backoff = Backoff::default();
        loop {
            match self.enqueue(due.kind, event_id, &mail).await {
                Ok(told) => return told,
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, kind = %due.kind, "an alert cannot be mailed now");
                    backoff.wait(&*self.ports.rng).await;
                }
                Err(error) => {
                    tracing::error!(%error, kind = %due.kind, "an alert cannot be mailed");
                    return Told::Later(ALERT_EVERY);
                }
            }
        }
    }

    /// The mail, and in the same transaction the answer of a request that all instances make alike: whoever finds that it
    /// was answered does not tell.
    async fn enqueue(
        &self,
        kind: AlertKind,
        event_id: EventId,
        mail: &MailItem,
    ) -> Result<Told, NotificationStoreError> {
        let key = IdempotencyKey { caller: UserId(event_of_body(b"alerts").0), key: kind.name().to_owned() };
        // Tells an answer of ours from those of others, should it get lost.
        let token = Bytes::copy_from_slice(event_id.0.as_bytes());
        let now = self.ports.clock.now();
        let record = IdempotencyRecord {
            key: key.clone(),
            fingerprint: 0,
            response: token.clone(),
            expires_at: now.saturating_add(ALERT_EVERY).unwrap_or(Timestamp::MAX),
        };
        match self.ports.store.accept(self.acceptance(kind, event_id, mail, record)).await {
            Ok(_) => {}
            Err(NotificationStoreError::IdempotencyKeyTaken) => match self.ports.store.answer(&key).await? {
                Some(answer) if answer.response == token => {}
                Some(answer) => {
                    let left = Duration::try_from(answer.expires_at.duration_since(now)).unwrap_or_default();
                    return Ok(Told::Later(left.clamp(ASK_AGAIN_MIN, ALERT_EVERY)));
                }
                // It was over just now.
                None => return Ok(Told::Later(ASK_AGAIN_MIN)),
            },
            Err(error) => return Err(error),
        }
        self.mail_wake.wake();
        Ok(Told::Now)
    }

    fn acceptance(&self, kind: AlertKind, event_id: EventId, mail: &MailItem, record: IdempotencyRecord) -> Acceptance {
        // A constant of this crate: it is a text.
        let body = Body::new(kind.about()).ok();
        let user = body.map(|body| ForUser {
            user_id: record.key.caller,
            id: NotificationId(event_id.0),
            title: mail.subject.clone(),
            body,
            kind: NotificationType::Alert,
            channels: ChannelSet::of([Channel::Email]),
            devices: DeviceFilter::Both,
            mail: MailFor::Item(mail.clone()),
        });
        let users = user.into_iter().collect();
        Acceptance { event_id, users, attachments: Vec::new(), idempotency: Some(record) }
    }

    fn mail(&self, to: MailAddress, due: &Due) -> Option<MailItem> {
        let examples = due.examples.join("\n");
        let text = format!("{} ({} times since the last mail).\n{examples}", due.kind.about(), due.count);
        let data = [("userName", "Operations"), ("alertMessage", &text), ("forecastLink", &self.config.link)];
        Some(MailItem {
            to,
            to_name: Name::new("Operations").ok(),
            user_id: None,
            // Constants of this crate: they are titles.
            subject: Title::new(format!("[SmartPulse] {}", due.kind.about())).ok()?,
            template: self.config.template.clone(),
            data: data.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<TemplateData>(),
            attachments: Vec::new(),
        })
    }
}
