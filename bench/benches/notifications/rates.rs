//! How many a second the jobs get out, from the store to sinks on this machine: claimed, encrypted and signed or rendered,
//! sent, and what came of each written down. What the ways out can do by themselves is in the benches `push` and `mail`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::mime::Sender;
use adapters::outgoing::{AddressPolicy, Outgoing, SystemDns, tls_of_platform};
use adapters::smtp::{Smtp, SmtpConfig, TlsMode};
use adapters::system::SystemClock;
use adapters::templates::Templates;
use adapters::testing::{FakeServer, Receiver, Reply};
use adapters::webpush::{VapidKey, VapidSubject, WebPushConfig, WebPushGateway};
use bench::figures::{Figure, Sheet, Unit};
use coherence::Timestamp;
use domain::notification::mail::{MailBatchConfig, MailBatchWorker, MailSender, MailSenderConfig};
use domain::notification::model::{Channel, ChannelSet, Device, DeviceId};
use domain::notification::push::{PushConfig, PushGateways, PushSender};
use domain::ports::{PushTarget, WebPushSubscription};
use tokio::sync::Notify;

use super::world::{World, fresh, told, until, user};

const USERS: u128 = 100;
/// Of each user.
const DEVICES: u128 = 5;
const EVENTS: u128 = 40;
/// To each user one.
const MAIL_EVENTS: u128 = 200;
const GOAL: f64 = 5_000.0;
const SOURCE: &str = "research, section 7: 5,000 a second";
const SINK: &str = "/usr/sbin/smtp-sink";

/// Runs until it is told.
fn stop() -> (Arc<Notify>, impl Future<Output = ()> + Send + 'static) {
    let stop = Arc::new(Notify::new());
    let told = Arc::clone(&stop);
    (stop, async move { told.notified().await })
}

/// Nanoseconds that the threads of this process have run on a processor.
fn processor_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ran = |text: String| text.split(' ').next().and_then(|first| first.parse::<u64>().ok());
    tasks.filter_map(|task| ran(std::fs::read_to_string(task.path().join("schedstat")).ok()?)).sum()
}

/// What was done since, a second; and of two whole cores, by processor time (neighbours on the machine left out).
fn put(sheet: &mut Sheet, name: &str, what: &str, count: u128, (started, before): (Instant, u64), limited: bool) {
    let took = started.elapsed().as_secs_f64();
    let each_us = (processor_ns() - before) as f64 / 1e3 / count as f64;
    let (rate, whole) = (count as f64 / took, 2e6 / each_us);
    let rate = Figure::new(&format!("{name}_per_s"), what, rate, Unit::PerS);
    let whole =
        Figure::new(&format!("{name}_whole_cores_per_s"), format!("{what}, of two whole cores"), whole, Unit::PerS);
    for figure in [rate, whole] {
        sheet.put(if limited { figure.at_least(GOAL, SOURCE) } else { figure });
    }
}

async fn devices(world: &World, origin: &str) {
    let now: Timestamp = jiff::Timestamp::now();
    for n in 0..USERS * DEVICES {
        let receiver = Receiver::new().unwrap();
        let endpoint = format!("{origin}/push/{n}");
        let device = Device {
            id: DeviceId(fresh()),
            user_id: user(n % USERS),
            target: PushTarget::WebPush(WebPushSubscription { endpoint, p256dh: receiver.p256dh, auth: receiver.auth }),
            os_version: None,
            vapid_key_id: None,
            created_at: now,
            last_seen_at: now,
            must_resubscribe: false,
        };
        world.store.register(device).await.unwrap();
    }
}

async fn pushes(sheet: &mut Sheet) {
    let (world, sink) = (World::open().await, FakeServer::start(|_| Reply::new(201, "")).await.unwrap());
    devices(&world, &sink.origin()).await;
    let policy = AddressPolicy::default().with_private_origins([sink.origin()]).unwrap();
    let (dns, clock) = (Arc::new(SystemDns::default()), Arc::new(SystemClock));
    let outgoing = Outgoing::new(policy, dns, tls_of_platform().unwrap(), clock.clone()).unwrap();
    let subject = VapidSubject::parse("mailto:ops@smartpulse.example").unwrap();
    let gateway = WebPushGateway::new(WebPushConfig { key: VapidKey::generate().unwrap(), subject }, outgoing, clock);
    let gateways = PushGateways { web_push: Some(Arc::new(gateway)), fcm: None };
    for event in 0..EVENTS {
        world.store.accept(told(event, 0..USERS, ChannelSet::of([Channel::PushNotification]))).await.unwrap();
    }
    world.checkpoint().await;
    let sender = PushSender::new(world.shared(), gateways, PushConfig::default());
    let (status, (stop, stopped)) = (sender.status(), stop());
    let (since, count) = ((Instant::now(), processor_ns()), USERS * DEVICES * EVENTS);
    let running = tokio::spawn(sender.run(stopped));
    until("the pushes", async || u128::from(status.read().sent) == count).await;
    put(sheet, "pushes", "Web Pushes from the store to a sink", count, since, true);
    stop.notify_one();
    running.await.unwrap();
    assert_eq!(world.store.backlog().await.unwrap().pushes, 0);
}

/// Postfix's smtp-sink on a free port.
struct SmtpSink(Child, u16);

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl SmtpSink {
    fn start() -> Option<Self> {
        if !Path::new(SINK).exists() {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(SINK);
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.args(["-u", "nobody"]);
        }
        let child = command.arg(format!("127.0.0.1:{port}")).arg("100").spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self(child, port))
    }
}

async fn mails(sheet: &mut Sheet) {
    let Some(sink) = SmtpSink::start() else {
        println!("no mails: {SINK} is not installed (.ci/parts-mail.sh)");
        return;
    };
    let world = World::open().await;
    for event in 0..MAIL_EVENTS {
        world.store.accept(told(event, 0..USERS, ChannelSet::of([Channel::Email]))).await.unwrap();
    }
    world.checkpoint().await;
    let count = USERS * MAIL_EVENTS;
    let templates = Arc::new(Templates::built_in().unwrap());
    let worker = MailBatchWorker::new(world.shared(), templates, MailBatchConfig::default());
    let (status, (enough, stopped)) = (worker.status(), stop());
    let since = (Instant::now(), processor_ns());
    let running = tokio::spawn(worker.run(stopped));
    until("the queue", async || u128::from(status.read().queued) == count).await;
    put(sheet, "mails_queued", "mails rendered and queued", count, since, false);
    enough.notify_one();
    running.await.unwrap();
    world.checkpoint().await;

    let mut config = SmtpConfig::new("127.0.0.1");
    (config.port, config.tls) = (sink.1, TlsMode::None);
    let from = Sender::new("smartpulse@example.org", Some("SmartPulse"), None).unwrap();
    let transport = Arc::new(Smtp::new(config, from, Arc::new(SystemClock)).unwrap());
    let url = Some("https://pulse.example/unsubscribe/".to_owned());
    let config = MailSenderConfig { unsubscribe_url: url, ..MailSenderConfig::default() };
    let sender = MailSender::new(world.shared(), transport, config);
    let (status, (enough, stopped)) = (sender.status(), stop());
    let since = (Instant::now(), processor_ns());
    let running = tokio::spawn(sender.run(stopped));
    until("the mails", async || u128::from(status.read().sent) == count).await;
    put(sheet, "mails_sent", "mails from the queue to smtp-sink", count, since, true);
    enough.notify_one();
    running.await.unwrap();
    assert_eq!(world.store.backlog().await.unwrap().mails, 0);
}

pub(crate) async fn measure(sheet: &mut Sheet) {
    pushes(sheet).await;
    mails(sheet).await;
}
