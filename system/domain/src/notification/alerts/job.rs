//! Telling by mail.

use std::future::Future;

use coherence::Timestamp;
use tokio::time::Instant;

use super::raise::Due;
use super::{ALERT_EVERY, Alerts};
use crate::backoff::Backoff;
use crate::model::EventId;
use crate::notification::model::{MailAddress, MailItem, Name, Title, event_of_body};
use crate::notification::ports::NotificationPorts;
use crate::ports::{MailEnqueue, TemplateData, TemplateId};
use crate::wake::Wake;

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
        let mut backoff = Backoff::default();
        loop {
            let (due, next) = self.alerts.due(Instant::now());
            for due in due {
                while let Err(error) = self.tell_one(&due).await {
                    tracing::warn!(%error, kind = %due.kind, "an alert cannot be mailed now");
                    backoff.wait(&*self.ports.rng).await;
                }
                backoff.reset();
                self.alerts.told(&due, Instant::now());
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(next.unwrap_or_else(|| Instant::now() + ALERT_EVERY)) => {}
                () = self.alerts.wake.woken() => {}
            }
        }
    }

    async fn tell_one(&self, due: &Due) -> Result<(), crate::ports::NotificationStoreError> {
        let Some(to) = self.config.address.clone() else { return Ok(()) };
        let Some(item) = self.mail(to, due) else { return Ok(()) };
        let key = key(due, self.ports.clock.now());
        let enqueued = self.ports.store.enqueue_mails(MailEnqueue { key, items: vec![item], attachments: Vec::new() });
        match enqueued.await {
            Ok(_) => {
                self.mail_wake.wake();
                Ok(())
            }
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => {
                tracing::error!(%error, kind = %due.kind, "an alert cannot be mailed");
                Ok(())
            }
        }
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

/// All instances that tell of one kind within ten minutes tell it once.
fn key(due: &Due, now: Timestamp) -> EventId {
    let window = now.as_second().div_euclid(i64::try_from(ALERT_EVERY.as_secs()).unwrap_or(i64::MAX));
    event_of_body(format!("alert {} {window}", due.kind).as_bytes())
}
