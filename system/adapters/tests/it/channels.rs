//! The notification service over its real adapters: Web Push to a strict push service, SMTP to a scripted mail server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::layers::meter::{Call, Meter, MeterMail, MeterPush};
use adapters::memory::MemoryNotifications;
use adapters::mime::Sender;
use adapters::outgoing::{AddressPolicy, Outgoing, SystemDns, tls_of_platform};
use adapters::smtp::testing::{Act, FakeSmtp, Script, Stage};
use adapters::smtp::{Smtp, SmtpConfig, TlsMode};
use adapters::system::{SystemClock, SystemIds, SystemRng};
use adapters::templates::Templates;
use adapters::testing::{FakePushService, Reply};
use adapters::webpush::{VapidKey, VapidSubject, WebPushConfig, WebPushGateway};
use domain::Wake;
use domain::conformance::notifications::samples::user;
use domain::notification::alerts::Alerts;
use domain::notification::live::LiveHub;
use domain::notification::mail::{MailBatchConfig, MailBatchWorker, MailSender, MailSenderConfig};
use domain::notification::model::{
    Body, Channel, ChannelSet, Delivery, DeliveryStatus, DeviceFilter, MailAddress, Name, NotificationType,
    RegisterDevice, Title, UserEntry,
};
use domain::notification::operations::{Message, NotificationOperations, OperationsConfig, SentMessage};
use domain::notification::push::{PushConfig, PushGateways, PushSender};
use domain::notification::{Delivered, NotificationPorts, Registry, Shared};
use domain::ports::*;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const WITHIN: Duration = Duration::from_secs(20);

/// How often each port, method and error was told.
type Calls = BTreeMap<(&'static str, &'static str, Option<&'static str>), u32>;

/// One instance, and what is around it.
struct World {
    store: MemoryNotifications,
    service: FakePushService,
    mails: FakeSmtp,
    operations: NotificationOperations,
    calls: Arc<Mutex<Calls>>,
    stop: Arc<Notify>,
    jobs: Vec<JoinHandle<()>>,
}

fn shared(store: &MemoryNotifications) -> Shared {
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng::default()));
    let ids = Arc::new(SystemIds::new(clock.clone(), rng.clone()));
    Shared {
        ports: NotificationPorts { store: Arc::new(store.clone()), clock, rng, ids },
        alerts: Alerts::new(),
        live: Arc::new(LiveHub::new()),
        meter: Arc::new(|_: Delivered| {}),
        push_wake: Wake::new(),
        mail_wake: Wake::new(),
        queue_wake: Wake::new(),
    }
}

fn web_push(service: &FakePushService) -> WebPushGateway {
    let policy = AddressPolicy::default().with_private_origins([service.server.origin()]).unwrap();
    let dns = Arc::new(SystemDns::default());
    let outgoing = Outgoing::new(policy, dns, tls_of_platform().unwrap(), Arc::new(SystemClock)).unwrap();
    let subject = VapidSubject::parse("mailto:ops@smartpulse.example").unwrap();
    let config = WebPushConfig { key: VapidKey::generate().unwrap(), subject };
    WebPushGateway::new(config, outgoing, Arc::new(SystemClock))
}

fn smtp(server: &FakeSmtp) -> Smtp {
    let mut config = SmtpConfig::new("127.0.0.1");
    (config.port, config.tls) = (server.address().port(), TlsMode::None);
    let sender = Sender::new("smartpulse@example.org", Some("SmartPulse"), None).unwrap();
    Smtp::new(config, sender, Arc::new(SystemClock)).unwrap()
}

impl World {
    /// An instance of which everything runs, a user with one browser and a mail address.
    async fn start(script: Script) -> Self {
        let (service, mails) = (FakePushService::start().await.unwrap(), FakeSmtp::start(script).await.unwrap());
        let store = MemoryNotifications::new(Arc::new(SystemClock));
        let shared = shared(&store);
        let calls = Arc::new(Mutex::new(Calls::new()));
        let told = Arc::clone(&calls);
        let meter: Arc<dyn Meter> = Arc::new(move |call: Call| {
            *told.lock().unwrap().entry((call.port, call.method, call.error)).or_default() += 1;
        });
        let gateway = web_push(&service);
        let target = service.subscribe(gateway.key().public_key()).unwrap();
        let gateway = Arc::new(MeterPush::new(Arc::new(gateway), "webpush", Arc::clone(&meter)));
        let gateways = PushGateways { web_push: Some(gateway), fcm: None };
        let transport = Arc::new(MeterMail::new(Arc::new(smtp(&mails)), meter));

        let entry = UserEntry {
            id: user(1),
            name: Name::new("Jörg").unwrap(),
            address: Some(MailAddress::new("joerg@example.com").unwrap()),
        };
        store.upsert_directory(vec![entry], Vec::new()).await.unwrap();
        let PushTarget::WebPush(subscription) = target else { panic!("a browser") };
        let body = json!({"integrationType": 0, "subscriptionJson": subscription.to_json()}).to_string();
        let registry = Registry::new(shared.clone(), gateways.clone());
        registry.register(user(1), RegisterDevice::from_json(body.as_bytes()).unwrap()).await.unwrap();

        let pushes = PushSender::new(shared.clone(), gateways, PushConfig::default());
        let templates = Arc::new(Templates::built_in().unwrap());
        let batches = MailBatchWorker::new(shared.clone(), templates, MailBatchConfig::default());
        let config = MailSenderConfig {
            unsubscribe_url: Some("https://pulse.example/unsubscribe/".to_owned()),
            ..MailSenderConfig::default()
        };
        let sender = MailSender::new(shared.clone(), transport, config);
        let stop = Arc::new(Notify::new());
        let stopped = || {
            let stop = stop.clone();
            async move { stop.notified().await }
        };
        let jobs = vec![
            tokio::spawn(pushes.run(stopped())),
            tokio::spawn(batches.run(stopped())),
            tokio::spawn(sender.run(stopped())),
        ];
        let operations = NotificationOperations::new(shared, OperationsConfig::new("https://pulse.example"));
        Self { store, service, mails, operations, calls, stop, jobs }
    }

    async fn send(&self) -> SentMessage {
        let message = Message {
            user_id: user(1),
            title: Title::new("Production Alert").unwrap(),
            body: Body::new("Demand dropped 30% in «Süd»").unwrap(),
            kind: NotificationType::Alert,
            channels: ChannelSet::ALL,
            devices: DeviceFilter::Both,
            attachments: Vec::new(),
        };
        self.operations.send(message, None).await.unwrap()
    }

    /// What came of it, once nothing waits any more.
    async fn deliveries(&self, sent: SentMessage) -> BTreeMap<&'static str, Delivery> {
        let settled = async {
            loop {
                let backlog = self.store.backlog().await.unwrap();
                if backlog.pushes + backlog.mail_intents + backlog.mails == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let seen = || (self.calls.lock().unwrap().clone(), self.mails.commands());
        tokio::time::timeout(WITHIN, settled).await.unwrap_or_else(|_| panic!("it is not settled: {:?}", seen()));
        let log = self.store.deliveries(sent.id).await.unwrap().unwrap();
        let named = log.deliveries.into_iter().map(|delivery| (name(delivery.channel), delivery));
        named.collect()
    }

    /// Stops all jobs, and waits for them.
    async fn stop(&mut self) {
        self.stop.notify_waiters();
        for job in std::mem::take(&mut self.jobs) {
            tokio::time::timeout(WITHIN, job).await.unwrap().unwrap();
        }
    }

    fn calls(&self, port: &'static str, method: &'static str, error: Option<&'static str>) -> u32 {
        self.calls.lock().unwrap().get(&(port, method, error)).copied().unwrap_or_default()
    }
}

const fn name(channel: Channel) -> &'static str {
    match channel {
        Channel::InApp => "in-app",
        Channel::PushNotification => "push",
        Channel::Email => "mail",
    }
}

/// The one message in the browser, and the one mail, are those that were sent.
fn is_what_was_sent(world: &World, mail: &Delivery) {
    let [push] = &world.service.delivered()[..] else { panic!("one message") };
    let shown: Value = serde_json::from_str(&push.text).unwrap();
    assert_eq!((&shown["title"], &shown["body"]), (&json!("Production Alert"), &json!("Demand dropped 30% in «Süd»")));
    let tag = shown["tag"].as_str().unwrap();
    assert_eq!((push.headers["topic"].as_str(), tag.len()), (tag, PUSH_TAG_CHARS_MAX));
    assert_eq!((push.headers["urgency"].as_str(), push.headers["ttl"].as_str()), ("high", "86400"));

    let [received] = &world.mails.mails()[..] else { panic!("one mail") };
    assert_eq!((&*received.from, &received.to[..]), ("smartpulse@example.org", &["joerg@example.com".to_owned()][..]));
    let text = String::from_utf8(received.data.clone()).unwrap();
    for line in [
        &*format!("Message-ID: <{}@example.org>", mail.id),
        "Subject: Production Alert",
        "List-Unsubscribe: <https://pulse.example/unsubscribe/",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line}\n\n{text}");
    }
    assert!(text.contains("J=C3=B6rg") && text.contains("https://pulse.example/notifications"), "{text}");
}

#[tokio::test]
async fn a_notification_arrives_once_on_each_channel() {
    let mut world = World::start(Script::new()).await;
    let sent = world.send().await;
    let deliveries = world.deliveries(sent).await;
    for (channel, delivery) in &deliveries {
        assert_eq!((delivery.status, delivery.attempts.min(1)), (DeliveryStatus::Sent, delivery.attempts), "{channel}");
    }
    assert_eq!(deliveries.keys().copied().collect::<Vec<_>>(), ["in-app", "mail", "push"]);
    let query = InboxQuery { user_id: user(1), start: InboxStart::Skip(0), take: 10 };
    assert_eq!(world.store.list(&query).await.unwrap().items.len(), 1);
    is_what_was_sent(&world, &deliveries["mail"]);
    world.stop().await;
    assert_eq!((world.service.server.requests(), world.mails.count()), (1, 1));
    assert_eq!(world.mails.commands().last().map(String::as_str), Some("QUIT"));
    let calls: Vec<_> = world.calls.lock().unwrap().clone().into_iter().collect();
    let expected = [(("mail", "connect", None), 1), (("mail", "send", None), 1), (("webpush", "attempt", None), 1)];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn faults_of_both_sides_cost_attempts_and_no_copies() {
    // Not yet; going away; then a connection that breaks before the message was under way. One command at a time, so that
    // each act meets the command that is meant.
    let script = Script::new()
        .extensions(&[])
        .on(Stage::RcptTo, Act::reply("450 4.2.0 greylisted"))
        .on(Stage::MailFrom, Act::Usual)
        .on(Stage::MailFrom, Act::reply("421 4.3.2 going down"))
        .on(Stage::Data, Act::Drop);
    let mut world = World::start(script).await;
    let busy = Reply::new(429, "").header("Retry-After", "1");
    world.service.server.answer_with([Reply::new(503, "later"), busy, Reply::Cut(Vec::new())]);
    let sent = world.send().await;
    let deliveries = world.deliveries(sent).await;
    for channel in ["mail", "push"] {
        let delivery = &deliveries[channel];
        assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Sent, 4), "{channel}: {delivery:?}");
    }
    is_what_was_sent(&world, &deliveries["mail"]);
    for error in ["failing", "throttled", "unreachable"] {
        assert_eq!(world.calls("webpush", "attempt", Some(error)), 1, "{error}");
    }
    assert_eq!(world.calls("mail", "send", Some("transient")), 2);
    assert_eq!(world.calls("mail", "send", Some("unreachable")), 1);
    assert_eq!((world.mails.connections(), world.calls("mail", "connect", None)), (3, 3));
    world.stop().await;
    assert_eq!((world.service.server.requests(), world.mails.count()), (4, 1));
}

#[tokio::test]
async fn what_is_gone_for_good_is_forgotten_by_both_sides() {
    let script = Script::new().on(Stage::RcptTo, Act::reply("550 5.1.1 no such user"));
    let mut world = World::start(script).await;
    world.service.server.answer_with([Reply::new(410, "")]);
    let sent = world.send().await;
    let deliveries = world.deliveries(sent).await;
    assert_eq!(deliveries["push"].status, DeliveryStatus::Removed);
    assert_eq!(deliveries["mail"].status, DeliveryStatus::Failed);
    assert_eq!(world.store.devices(user(1)).await.unwrap(), []);
    let suppressed = world.store.suppressions(None, 10).await.unwrap();
    assert!(matches!(&suppressed[..], [one] if one.reason == SuppressionReason::Refused), "{suppressed:?}");
    world.stop().await;
    assert_eq!((world.service.server.requests(), world.mails.count()), (1, 0));
}

#[test]
fn the_mail_sender_is_more_patient_than_the_transport() {
    let (sender, smtp) = (MailSenderConfig::default(), SmtpConfig::new("mail.example.org"));
    // Else a mail that the server cannot have taken is held for a person.
    assert!(sender.send_timeout > smtp.longest_send() + Duration::from_secs(30), "{:?}", smtp.longest_send());
    // Else no mail is ever begun, or two senders have it.
    assert!(sender.claim_life > sender.send_timeout + Duration::from_secs(60));
    assert!(sender.claim_life <= CLAIM_LIFE_MAX);
    // Else the greeting of a slow server is never heard.
    assert!(sender.connect_timeout > 2 * smtp.connect_timeout + smtp.command_timeout);
}
