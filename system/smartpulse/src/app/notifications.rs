//! The notification service of an instance: its parts over the ports.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Wake;
use domain::notification::alerts::Alerts;
use domain::notification::live::{LiveHub, LiveStatusHandle};
use domain::notification::mail::{MailBatchStatusHandle, MailSenderStatusHandle};
use domain::notification::operations::{NotificationOperations, OperationsConfig};
use domain::notification::push::PushStatusHandle;
use domain::notification::{
    ConsumerStatusHandle, DeliveryMeter, NotificationManager, NotificationPorts, Registry, Shared,
};

use super::backlog::BacklogHandle;
use super::channels::VapidPublic;
use super::notification_jobs::NotificationJobs;
use super::ports::Ports;
use crate::config::{Config, NotificationsConfig};
use crate::http::Gatekeeper;
use crate::http::notifications::{NotificationApi, NotificationApiParts, Rate};
use crate::http::streams::StreamBase;
use crate::serve::{Drain, Tasks, reachable};

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

/// The service of an instance; its jobs do not run yet.
pub(super) struct Notifications {
    parts: NotificationParts,
    status: NotificationStatus,
    /// A lock that nobody waits for: jobs cannot be looked at from two threads, an instance can.
    jobs: Mutex<NotificationJobs>,
}

impl Notifications {
    /// The service of the instance `name`. Ports are layered already.
    pub(super) fn new(config: &Config, ports: &Ports, meter: Arc<dyn DeliveryMeter>, name: &str) -> Self {
        let parts = parts(config, ports, meter);
        let jobs = NotificationJobs::new(config, ports, &parts, name);
        Self { status: jobs.status(&parts), jobs: Mutex::new(jobs), parts }
    }

    pub(super) fn parts(&self) -> &NotificationParts {
        &self.parts
    }

    pub(super) fn status(&self) -> &NotificationStatus {
        &self.status
    }

    /// Starts the jobs.
    pub(super) fn spawn(self, tasks: &Tasks) {
        self.jobs.into_inner().unwrap_or_else(PoisonError::into_inner).spawn(tasks);
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
        let NotificationsConfig { sends, unsubscribes, .. } = config.notifications;
        let parts = NotificationApiParts {
            operations,
            manager,
            registry,
            keeper,
            streams,
            vapid_public_key: vapid.map(|vapid| vapid.key.as_ref().to_owned()),
            sends: Rate { rate_per_s: sends.per_s, burst: sends.burst },
            unsubscribes: Rate { rate_per_s: unsubscribes.per_s, burst: unsubscribes.burst },
        };
        NotificationApi::new(parts, &config.http, &config.limits)
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
    let links = match &config.notifications.public_base_url {
        Some(base) => OperationsConfig::new(base),
        None => {
            let here = |address| format!("http://{}", reachable(address));
            let inbox_base_url = here(config.notifications.listen);
            OperationsConfig { inbox_base_url, ..OperationsConfig::new(here(config.http.listen)) }
        }
    };
    NotificationParts {
        operations: NotificationOperations::new(shared.clone(), links),
        manager: NotificationManager::new(shared.clone(), hub.clone()),
        registry: Registry::new(shared.clone(), ports.channels.push.clone()),
        hub,
        shared,
        vapid: ports.channels.vapid.clone(),
    }
}
