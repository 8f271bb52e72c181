//! The jobs of the notification service, by the roles of an instance.

use std::sync::Arc;

use domain::notification::alerts::{AlertsConfig, AlertsJob};
use domain::notification::live::LiveRoad;
use domain::notification::mail::{MailBatchWorker, MailSender};
use domain::notification::push::PushSender;
use domain::notification::{CompletedConsumer, NotificationJanitor};
use domain::ports::TemplateId;

use super::backlog::BacklogWatch;
use super::notifications::{NotificationParts, NotificationStatus};
use super::ports::Ports;
use crate::config::{Config, InstanceRole};
use crate::serve::{Importance, Tasks};

/// Where people are sent by mails to operators.
const METRICS_PATH: &str = "/metrics";

/// Jobs that do not run yet.
pub(super) struct NotificationJobs {
    consumer: Option<CompletedConsumer>,
    push: Option<PushSender>,
    mail_batch: Option<MailBatchWorker>,
    mail_sender: Option<MailSender>,
    live: Option<LiveRoad>,
    janitor: Option<NotificationJanitor>,
    backlog: Option<BacklogWatch>,
    alerts: Option<AlertsJob>,
}

impl NotificationJobs {
    /// The jobs of the instance `name`, by its roles. Ports are layered already.
    pub(super) fn new(config: &Config, ports: &Ports, parts: &NotificationParts, name: &str) -> Self {
        let has = |role| config.roles.has(role);
        let (serves, works) = (has(InstanceRole::NotificationApi), has(InstanceRole::NotificationWorker));
        let sends_mails = has(InstanceRole::MailSend);
        let NotificationParts { shared, operations, hub, .. } = parts;
        let consumer = || {
            let (bus, parking) = (Arc::clone(&ports.bus), Arc::clone(&ports.parking));
            CompletedConsumer::new(bus, parking, operations.clone(), shared.ports.clone(), shared.alerts.clone())
        };
        let live = || LiveRoad::new(hub.clone(), Arc::clone(&ports.bus), Arc::clone(&ports.rng), name);
        let push = || PushSender::new(shared.clone(), ports.channels.push.clone(), config.push.sender.clone());
        let mail_batch =
            || MailBatchWorker::new(shared.clone(), Arc::clone(&ports.channels.templates), config.mail.batch.clone());
        let mail_sender = |transport| MailSender::new(shared.clone(), transport, config.mail.sender.clone());
        let alerts = || {
            let settings = AlertsConfig {
                address: config.alerts.address.clone(),
                template: TemplateId(config.alerts.template.clone()),
                link: format!("http://{}{METRICS_PATH}", config.internal.listen),
            };
            AlertsJob::new(shared.alerts.clone(), settings, shared.ports.clone(), shared.mail_wake.clone())
        };
        Self {
            consumer: works.then(consumer),
            push: works.then(push),
            mail_batch: works.then(mail_batch),
            mail_sender: ports.channels.mail.clone().filter(|_| sends_mails).map(mail_sender),
            // Whoever accepts tells the streams of the others.
            live: (serves || works).then(live),
            janitor: works.then(|| NotificationJanitor::new(shared.ports.clone(), config.notifications.retention)),
            backlog: (works || sends_mails).then(|| BacklogWatch::new(Arc::clone(&shared.ports.store))),
            // Both raise alerts.
            alerts: (works || sends_mails).then(alerts),
        }
    }

    pub(super) fn status(&self, parts: &NotificationParts) -> NotificationStatus {
        NotificationStatus {
            consumer: self.consumer.as_ref().map(CompletedConsumer::status),
            push: self.push.as_ref().map(PushSender::status),
            mail_batch: self.mail_batch.as_ref().map(MailBatchWorker::status),
            mail_sender: self.mail_sender.as_ref().map(MailSender::status),
            live: self.live.as_ref().map(LiveRoad::status),
            backlog: self.backlog.as_ref().map(BacklogWatch::handle),
            alerts: parts.shared.alerts.clone(),
            hub: parts.hub.clone(),
        }
    }

    /// Starts them. A channel that ended would leave its messages lying: those are critical.
    pub(super) fn spawn(self, tasks: &Tasks) {
        let stop = || tasks.stop_token().cancelled_owned();
        let critical = Importance::Critical;
        if let Some(consumer) = self.consumer {
            tasks.spawn("completed-consumer", critical, consumer.run(stop()));
        }
        if let Some(push) = self.push {
            tasks.spawn("push-sender", critical, push.run(stop()));
        }
        if let Some(worker) = self.mail_batch {
            tasks.spawn("mail-batch", critical, worker.run(stop()));
        }
        if let Some(sender) = self.mail_sender {
            tasks.spawn("mail-sender", critical, sender.run(stop()));
        }
        if let Some(road) = self.live {
            tasks.spawn("notification-live", critical, road.run(stop()));
        }
        if let Some(janitor) = self.janitor {
            tasks.spawn("notification-janitor", critical, janitor.run(stop()));
        }
        if let Some(watch) = self.backlog {
            // It measures; nothing depends on it.
            tasks.spawn("notification-backlog", Importance::Ordinary, watch.run(stop()));
        }
        if let Some(alerts) = self.alerts {
            tasks.spawn("alerts", critical, alerts.run(stop()));
        }
    }
}
