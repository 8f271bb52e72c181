//! What became of notifications, and where consumer, channels and streams stand.

use coherence::{Timestamp, WallClock};
use domain::notification::ConsumerStatus;
use domain::notification::alerts::{AlertKind, Alerts};
use domain::notification::live::LiveStatus;
use domain::notification::mail::{MailBatchStatus, MailSenderStatus};
use domain::notification::model::{Channel, DeliveryStatus, IntegrationType};
use domain::notification::push::PushStatus;
use domain::notification::{Delivered, DeliveryMeter};
use domain::ports::Backlog;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use std::sync::Arc;

use super::catalogue::{Catalogue, Descriptor, PREFIX};
use super::table::{C, G, Metric, Value, count, gauge, register_table, whole};
use crate::app::NotificationStatus;

/// From a push within the machine to a mail that waited for its server.
const DURATION_BUCKETS_S: [f64; 12] = [0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3_600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    channel: &'static str,
    provider: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: &'static str,
    provider: &'static str,
}

/// Counts and durations of deliveries that ended, by channel.
#[derive(Debug)]
pub struct DeliveryMetrics {
    deliveries: Family<Labels, Counter>,
    durations: Family<ChannelLabels, Histogram, fn() -> Histogram>,
}

impl DeliveryMetrics {
    /// Registers the metrics.
    pub fn register(catalogue: &mut Catalogue) -> Self {
        let deliveries = Family::<Labels, Counter>::default();
        let histogram: fn() -> Histogram = || Histogram::new(DURATION_BUCKETS_S);
        let durations = Family::<ChannelLabels, Histogram, fn() -> Histogram>::new_with_constructor(histogram);
        let help = "Deliveries that ended, by channel, provider and how they ended";
        catalogue.register("notification_deliveries", help, deliveries.clone());
        let help = "Time from the acceptance of a notification until its provider had it, by channel and provider";
        catalogue.register_with_unit("notification_delivery_duration", help, Unit::Seconds, durations.clone());
        Self { deliveries, durations }
    }
}

impl DeliveryMeter for DeliveryMetrics {
    fn delivered(&self, delivered: Delivered) {
        let channel = match delivered.channel {
            Channel::InApp => "in_app",
            Channel::PushNotification => "push",
            Channel::Email => "email",
        };
        let provider = match delivered.provider {
            Some(IntegrationType::WebPush) => "webpush",
            Some(IntegrationType::Fcm) => "fcm",
            None => "",
        };
        let status = delivered.status.name();
        self.deliveries.get_or_create(&Labels { channel, provider, status }).inc();
        if delivered.status == DeliveryStatus::Sent {
            let labels = ChannelLabels { channel, provider };
            self.durations.get_or_create(&labels).observe(delivered.took.as_secs_f64());
        }
    }
}

/// What one scrape sees.
struct Seen {
    consumer: Option<ConsumerStatus>,
    push: Option<PushStatus>,
    batch: Option<MailBatchStatus>,
    sender: Option<MailSenderStatus>,
    live: Option<LiveStatus>,
    backlog: Option<Backlog>,
    streams: usize,
    now: Timestamp,
}

const METRICS: [Metric<Seen>; 41] = [
    ("notification_events", "Events of forecast:completed accepted", C, |seen| count(seen.consumer.as_ref()?.events)),
    ("notification_accepted", "Notifications that events led to", C, |seen| {
        count(seen.consumer.as_ref()?.notifications)
    }),
    ("notification_duplicates", "Users of events that came again, and were not told again", C, |seen| {
        count(seen.consumer.as_ref()?.duplicates)
    }),
    ("notification_events_parked", "Events that could not be worked on, and are parked", C, |seen| {
        count(seen.consumer.as_ref()?.parked)
    }),
    ("notification_events_given_back", "Events given back, since the store was away", C, |seen| {
        count(seen.consumer.as_ref()?.given_back)
    }),
    ("notification_consumer_errors", "Calls of the consumer that failed", C, |seen| {
        count(seen.consumer.as_ref()?.errors)
    }),
    ("notification_consumer_connected", "Whether the consumer is subscribed", G, |seen| {
        gauge(seen.consumer.as_ref()?.connected)
    }),
    ("notification_streams_open", "Live streams that are open now", G, |seen| whole(seen.streams as u64)),
    ("notification_changes_told", "Changes of inboxes told to the other instances", C, |seen| {
        count(seen.live.as_ref()?.told)
    }),
    ("notification_changes_heard", "Changes of inboxes heard of", C, |seen| count(seen.live.as_ref()?.heard)),
    ("notification_live_errors", "Calls of the bus for live streams that failed", C, |seen| {
        count(seen.live.as_ref()?.errors)
    }),
    ("notification_queue_pushes", "Pushes that wait in the store", G, |seen| whole(seen.backlog?.pushes)),
    ("notification_queue_mail_intents", "Mails that wait to be rendered", G, |seen| whole(seen.backlog?.mail_intents)),
    ("notification_queue_mails", "Mails that wait to be sent", G, |seen| whole(seen.backlog?.mails)),
    ("notification_queue_unknown", "Mails whose fate is unknown, held for a person", G, |seen| {
        whole(seen.backlog?.unknown)
    }),
    ("notification_queue_oldest_seconds", "How long the oldest of all that waits has waited", G, |seen| {
        let oldest = seen.backlog?.oldest;
        Some(Value::Gauge(oldest.map_or(0.0, |oldest| seen.now.duration_since(oldest).as_secs_f64().max(0.0))))
    }),
    ("push_held", "Pushes held in memory now", G, |seen| whole(seen.push.as_ref()?.held as u64)),
    ("push_attempts_running", "Attempts that run now", G, |seen| whole(seen.push.as_ref()?.running as u64)),
    ("push_breakers_open", "Push services that are left alone now", G, |seen| {
        whole(seen.push.as_ref()?.open_breakers as u64)
    }),
    ("push_removal_stopped", "Whether no device is removed, since too many seem gone", G, |seen| {
        gauge(seen.push.as_ref()?.removal_stopped)
    }),
    ("push_claimed", "Pushes taken from the store", C, |seen| count(seen.push.as_ref()?.claimed)),
    ("push_attempts", "Attempts made", C, |seen| count(seen.push.as_ref()?.attempts)),
    ("push_sent", "Pushes that a push service has", C, |seen| count(seen.push.as_ref()?.sent)),
    ("push_failed", "Pushes given up", C, |seen| count(seen.push.as_ref()?.failed)),
    ("push_devices_removed", "Devices removed, since they are gone", C, |seen| count(seen.push.as_ref()?.removed)),
    ("push_devices_flagged", "Devices that must subscribe again", C, |seen| count(seen.push.as_ref()?.flagged)),
    ("push_deferred", "Pushes that went back to the store for later", C, |seen| count(seen.push.as_ref()?.deferred)),
    ("push_refused", "Results that came too late: another sender had taken over", C, |seen| {
        count(seen.push.as_ref()?.refused)
    }),
    ("push_store_errors", "Calls of the store by the push sender that failed", C, |seen| {
        count(seen.push.as_ref()?.errors)
    }),
    ("mail_batches", "Batches of mails queued", C, |seen| count(seen.batch.as_ref()?.batches)),
    ("mail_queued", "Mails queued", C, |seen| count(seen.batch.as_ref()?.queued)),
    ("mail_not_rendered", "Mails that could not be rendered", C, |seen| count(seen.batch.as_ref()?.failed)),
    ("mail_batch_errors", "Calls of the store by the batch worker that failed", C, |seen| {
        count(seen.batch.as_ref()?.errors)
    }),
    ("mail_server_reachable", "Whether the mail server could be reached at the last try", G, |seen| {
        gauge(seen.sender.as_ref()?.reachable)
    }),
    ("mail_connections", "Connections to the mail server made", C, |seen| count(seen.sender.as_ref()?.connections)),
    ("mail_connect_failures", "Connections that could not be made", C, |seen| {
        count(seen.sender.as_ref()?.connect_failures)
    }),
    ("mail_sent", "Mails that the mail server has", C, |seen| count(seen.sender.as_ref()?.sent)),
    ("mail_retried", "Mails that it did not take, and that are tried again", C, |seen| {
        count(seen.sender.as_ref()?.retried)
    }),
    ("mail_failed", "Mails given up", C, |seen| count(seen.sender.as_ref()?.failed)),
    ("mail_unknown", "Mails of which nobody knows whether they were taken", C, |seen| {
        count(seen.sender.as_ref()?.unknown)
    }),
    ("mail_suppressed", "Addresses that are not written to any more", C, |seen| {
        count(seen.sender.as_ref()?.suppressed)
    }),
];

/// Registers what the jobs tell, and what was raised.
pub fn register_notifications(catalogue: &mut Catalogue, status: NotificationStatus, clock: Arc<dyn WallClock>) {
    let alerts = AlertCollector(status.alerts.clone());
    let look = move || Seen {
        consumer: status.consumer.as_ref().map(|handle| handle.read()),
        push: status.push.as_ref().map(|handle| handle.read()),
        batch: status.mail_batch.as_ref().map(|handle| handle.read()),
        sender: status.mail_sender.as_ref().map(|handle| handle.read()),
        live: status.live.as_ref().map(|handle| handle.read()),
        backlog: status.backlog.as_ref().and_then(|handle| handle.read()),
        streams: status.hub.open_streams(),
        now: clock.now(),
    };
    register_table(catalogue, &METRICS, look);
    catalogue.register_collector(
        alerts,
        [Descriptor {
            name: format!("{PREFIX}_{ALERTS}_total"),
            kind: "counter",
            unit: String::new(),
            help: ALERTS_HELP.to_owned(),
        }],
    );
}

const ALERTS: &str = "alerts";
const ALERTS_HELP: &str = "What a person must see, by kind";

#[derive(Debug)]
struct AlertCollector(Alerts);

impl Collector for AlertCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let raised = self.0.status();
        let mut metric = encoder.encode_descriptor(ALERTS, ALERTS_HELP, None, MetricType::Counter)?;
        // All kinds from the start: an alarm on a rise needs a zero before it.
        for kind in AlertKind::ALL {
            let number = raised.get(&kind).map_or(0, |status| status.raised);
            ConstCounter::new(number).encode(metric.encode_family(&[("kind", kind.name())])?)?;
        }
        Ok(())
    }
}
