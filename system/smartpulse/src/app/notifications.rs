//! The notification service of an instance: its parts over the ports, and its jobs by role.

use std::sync::Arc;

use domain::Wake;
use domain::notification::alerts::{Alerts, AlertsConfig, AlertsJob};
use domain::notification::live::{LiveHub, LiveRoad, LiveStatusHandle};
use domain::notification::mail::{MailBatchStatusHandle, MailBatchWorker, MailSender, MailSenderStatusHandle};
use domain::notification::operations::{NotificationOperations, OperationsConfig};
use domain::notification::push::{PushSender, PushStatusHandle};
use domain::notification::{
    CompletedConsumer, ConsumerStatusHandle, DeliveryMeter, NotificationJanitor, NotificationManager,
    NotificationPorts, Registry, Shared,
};
use domain::ports::TemplateId;

use super::backlog::{BacklogHandle, BacklogWatch};
use super::channels::VapidPublic;
use super::ports::Ports;
use crate::config::{Config, InstanceRole};
use crate::http::Gatekeeper;
use crate::http::notifications::{NotificationApi, NotificationApiParts, SendLimits};
use crate::http::streams::StreamBase;
use crate::serve::{Drain, Importance, Tasks, reachable};

/// Where people are sent by mails to operators.
const METRICS_PATH: &str = "/metrics";

/// The use cases, and what they stand on. Clones share everything.
#[derive(Clone)]
pub struct NotificationParts {
    /// What tells users something.
    pub operations: NotificationOperations,
    /// The in-app channel.
    pub manager: NotificationManager,
    /// Devices, preferences, directory, and who is not written to.
    pub registry: Registry,
    /// The open streams of this instance.
    pub hub: LiveHub,
    /// What all parts share.
    pub shared: Shared,
    /// The key that browsers subscribe with, if there is Web Push.
    pub vapid: Option<VapidPublic>,
}

/// Where the jobs stand; `None`: the instance has no such job.
#[derive(Clone)]
pub struct NotificationStatus {
    /// The consumer of completed forecasts.
    pub consumer: Option<ConsumerStatusHandle>,
    /// The push sender.
    pub push: Option<PushStatusHandle>,
    /// The worker that renders and queues mails.
    pub mail_batch: Option<MailBatchStatusHandle>,
    /// The mail sender.
    pub mail_sender: Option<MailSenderStatusHandle>,
    /// The road between the live streams of all instances.
    pub live: Option<LiveStatusHandle>,
    /// What waits, as the store said last.
    pub backlog: Option<BacklogHandle>,
    /// What a person must see.
    pub alerts: Alerts,
    /// The open streams.
    pub hub: LiveHub,
}

/// Jobs that do not run yet.
pub(super) struct Notifications {
    parts: NotificationParts,
    consumer: Option<CompletedConsumer>,
    push: Option<PushSender>,
    mail_batch: Option<MailBatchWorker>,
    mail_sender: Option<MailSender>,
    live: Option<LiveRoad>,
    janitor: Option<NotificationJanitor>,
    backlog: Option<BacklogWatch>,
    alerts: Option<AlertsJob>,
}

impl Notifications {
    /// The service of the instance `name`. Ports are layered already.
    pub(super) fn new(config: &Config, ports: &Ports, meter: Arc<dyn DeliveryMeter>, name: &str) -> Self {
        let has = |role| config.roles.has(role);
        let (serves, works) = (has(InstanceRole::NotificationApi), has(InstanceRole::NotificationWorker));
        let sends_mails = has(InstanceRole::MailSend);
        let parts = parts(config, ports, meter);
        let NotificationParts { shared, operations, hub, .. } = &parts;
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
            parts,
        }
    }

    pub(super) fn parts(&self) -> &NotificationParts {
        &self.parts
    }

    /// The API over the parts.
    pub(super) fn api(
        &self,
        config: &Config,
        ports: &Ports,
        keeper: Arc<Gatekeeper>,
        drain: &Drain,
    ) -> NotificationApi {
        let NotificationParts { operations, manager, registry, vapid, .. } = self.parts.clone();
        let (tickets, clock, rng) = (Arc::clone(&ports.tickets), Arc::clone(&ports.clock), Arc::clone(&ports.rng));
        let streams = StreamBase::new(tickets, clock, rng, drain.clone(), &config.streams, &config.limits);
        let sends =
            SendLimits { rate_per_s: config.notifications.sends_per_s, burst: config.notifications.sends_burst };
        let parts = NotificationApiParts {
            operations,
            manager,
            registry,
            keeper,
            streams,
            vapid_public_key: vapid.map(|vapid| vapid.key.as_ref().to_owned()),
            sends,
        };
        NotificationApi::new(parts, &config.http, &config.limits)
    }

    pub(super) fn status(&self) -> NotificationStatus {
        NotificationStatus {
            consumer: self.consumer.as_ref().map(CompletedConsumer::status),
            push: self.push.as_ref().map(PushSender::status),
            mail_batch: self.mail_batch.as_ref().map(MailBatchWorker::status),
            mail_sender: self.mail_sender.as_ref().map(MailSender::status),
            live: self.live.as_ref().map(LiveRoad::status),
            backlog: self.backlog.as_ref().map(BacklogWatch::handle),
            alerts: self.parts.shared.alerts.clone(),
            hub: self.parts.hub.clone(),
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

fn parts(config: &Config, ports: &Ports, meter: Arc<dyn DeliveryMeter>) -> NotificationParts {
    let hub = LiveHub::new();
    let shared = Shared {
        ports: NotificationPorts {
            store: Arc::clone(&ports.notifications),
            clock: Arc::clone(&ports.clock),
            rng: Arc::clone(&ports.rng),
            ids: Arc::clone(&ports.ids),
        },
        alerts: Alerts::new(),
        live: Arc::new(hub.clone()),
        meter,
        push_wake: Wake::new(),
        mail_wake: Wake::new(),
        queue_wake: Wake::new(),
    };
    let base = config.notifications.public_base_url.clone();
    let base = base.unwrap_or_else(|| format!("http://{}", reachable(config.http.listen)));
    NotificationParts {
        operations: NotificationOperations::new(shared.clone(), OperationsConfig::new(base)),
        manager: NotificationManager::new(shared.clone(), hub.clone()),
        registry: Registry::new(shared.clone(), ports.channels.push.clone()),
        hub,
        shared,
        vapid: ports.channels.vapid.clone(),
    }
}
