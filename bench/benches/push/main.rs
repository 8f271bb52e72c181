//! Web Push: what the encryption of a message costs, and how many are encrypted, signed and sent to a local sink on two
//! threads, the sink's work included. Goal (research, section 7): 5,000 a second.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod peers;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapters::outgoing::{AddressPolicy, Outgoing, SystemDns, tls_of_platform};
use adapters::system::SystemClock;
use adapters::testing::{FakePushService, FakeServer, Receiver, Reply};
use adapters::webpush::{
    EphemeralKeys, FreshKeys, VapidKey, VapidSubject, WebPushConfig, WebPushGateway, encrypt, payload,
};
use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::quantiles::quantile;
use bench::turns::{Operation, criterion, turns};
use criterion::{Criterion, Throughput};
use domain::ports::{PushGateway, PushMessage, PushTarget, Urgency, WebPushSubscription};
use tokio::time::Instant;

const DEVICES: usize = 256;
const IN_FLIGHT: usize = 64;
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(5);

fn message() -> PushMessage {
    PushMessage {
        title: "Production Alert".to_owned(),
        body: "Demand dropped 30% below the forecast of unit 4711. ".repeat(5),
        icon: Some("https://app.example/icon.png".to_owned()),
        tag: "evt-0190f2c1".to_owned(),
        ttl: Duration::from_secs(3_600),
        urgency: Urgency::High,
    }
}

fn gateway(origin: &str) -> WebPushGateway {
    let policy = AddressPolicy::default().with_private_origins([origin]).unwrap();
    let (dns, clock) = (Arc::new(SystemDns::default()), Arc::new(SystemClock));
    let outgoing = Outgoing::new(policy, dns, tls_of_platform().unwrap(), Arc::clone(&clock) as _).unwrap();
    let subject = VapidSubject::parse("mailto:ops@smartpulse.example").unwrap();
    WebPushGateway::new(WebPushConfig { key: VapidKey::generate().unwrap(), subject }, outgoing, clock)
}

/// Attempts one after another in each of `IN_FLIGHT` tasks, until the time is over.
async fn send_for(time: Duration, gateway: &Arc<WebPushGateway>, targets: &Arc<Vec<PushTarget>>) -> Vec<Duration> {
    let (started, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (gateway, targets, next) = (Arc::clone(gateway), Arc::clone(targets), Arc::clone(&next));
        running.spawn(async move {
            let (message, mut latencies) = (message(), Vec::new());
            while started.elapsed() < time {
                let begun = Instant::now();
                let target = &targets[next.fetch_add(1, Ordering::Relaxed) % targets.len()];
                gateway.attempt(target, &message).await.unwrap();
                latencies.push(begun.elapsed());
            }
            latencies
        });
    }
    running.join_all().await.into_iter().flatten().collect()
}

/// Nanoseconds that the threads of this process have run on a processor; on a shared machine they travel further than rates.
fn processor_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ran = |text: String| text.split(' ').next().and_then(|first| first.parse::<u64>().ok());
    tasks.filter_map(|task| ran(std::fs::read_to_string(task.path().join("schedstat")).ok()?)).sum()
}

async fn throughput(sheet: &mut Sheet) {
    let sink = FakeServer::start(|_| Reply::new(201, "")).await.unwrap();
    let gateway = Arc::new(gateway(&sink.origin()));
    let targets = (0..DEVICES).map(|device| {
        let receiver = Receiver::new().unwrap();
        let endpoint = format!("{}/push/{device}", sink.origin());
        PushTarget::WebPush(WebPushSubscription { endpoint, p256dh: receiver.p256dh, auth: receiver.auth })
    });
    let targets = Arc::new(targets.collect::<Vec<_>>());
    send_for(WARM_UP, &gateway, &targets).await;
    let (started, before) = (Instant::now(), processor_ns());
    let mut latencies = send_for(MEASURED, &gateway, &targets).await;
    let rate = latencies.len() as f64 / started.elapsed().as_secs_f64();
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(&mut latencies, q).as_secs_f64() * 1e3);
    let (sent, processor_ns) = (latencies.len(), processor_ns() - before);
    let each_us = processor_ns as f64 / 1e3 / sent.max(1) as f64;
    let idle = 2e6 / each_us;
    println!(
        "Web Push to a sink {sent:>7} sent {rate:>8.0}/s   {each_us:.0} us of processor each, the sink's included: {idle:.0}/s of two whole cores"
    );
    println!("                   attempts: p50 {p50:.2} ms   p99 {p99:.2} ms   max {max:.2} ms");
    let rate_goal = "research, section 7: 5,000 a second";
    sheet.put(
        Figure::new("sent_per_s", "pushes a second to a local sink", rate, Unit::PerS).at_least(5_000.0, rate_goal),
    );
    // What neighbours take of a shared machine is left out of this one.
    sheet.put(
        Figure::new("whole_cores_per_s", "the same of two whole cores, by processor time", idle, Unit::PerS)
            .at_least(5_000.0, rate_goal),
    );
    let ms = |name, what, value| Figure::new(name, what, value, Unit::Ms);
    let source = "specification 5.1: 100-500 ms";
    sheet.put(ms("attempt_p50", "one attempt with 64 in flight, p50", p50).at_most(100.0, source));
    sheet.put(ms("attempt_p99", "the same, p99", p99).at_most(500.0, source));
}

/// Encryption alone, beside other people's crates.
fn beside_peers(sheet: &mut Sheet, runner: &mut Criterion) {
    let (receiver, plaintext) = (Receiver::new().unwrap(), payload(&message()).unwrap());
    let native = peers::Native::new(&receiver);
    #[cfg(feature = "peer-web-push")]
    let openssl = peers::WebPush::new(&receiver);
    let mut operations = vec![
        Operation::new("ours", || {
            let fresh = FreshKeys.next().unwrap();
            black_box(encrypt(&plaintext, 128, &receiver.p256dh, &receiver.auth, &fresh).unwrap());
        }),
        Operation::new("web-push-native", || {
            black_box(native.encrypt(&plaintext));
        }),
    ];
    #[cfg(feature = "peer-web-push")]
    operations.push(Operation::new("web-push (OpenSSL)", || {
        black_box(openssl.encrypt(&plaintext));
    }));
    if is_measuring() {
        let found = turns(&mut operations);
        sheet.put(Figure::new("encrypt_us", "a message encrypted with a fresh key", found[0] / 1e3, Unit::Us));
        for ((name, peer), at) in
            [("web_push_native", "web-push-native"), ("web_push", "web-push")].into_iter().zip(1..)
        {
            if let Some(theirs) = found.get(at) {
                let (name, what) = (format!("build_over_{name}"), format!("the same over {peer}"));
                sheet.put(Figure::new(&name, what, found[0] / theirs, Unit::Ratio).at_most(1.0, "peers"));
            }
        }
    }
    criterion(runner, "encrypt", &mut operations);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut sheet = Sheet::new("push", "Web Push: encrypted, signed and sent to a local sink on two threads");
    if is_measuring() {
        runtime.block_on(throughput(&mut sheet));
    }
    let mut criterion = Criterion::default().configure_from_args();
    beside_peers(&mut sheet, &mut criterion);
    let mut group = criterion.benchmark_group("push");
    group.throughput(Throughput::Elements(1));
    group.bench_function("payload", |bencher| bencher.iter(|| payload(&message()).unwrap()));
    // The whole attempt, one after another, at a service that opens what it gets.
    let (service, gateway, target) = runtime.block_on(async {
        let service = FakePushService::start().await.unwrap();
        let gateway = gateway(&service.server.origin());
        let target = service.subscribe(gateway.key().public_key()).unwrap();
        (service, gateway, target)
    });
    group.bench_function("attempt at a strict service", |bencher| {
        bencher.iter(|| {
            runtime.block_on(gateway.attempt(&target, &message())).unwrap();
            assert_eq!(service.delivered().len(), 1);
        });
    });
    group.finish();
    criterion.final_summary();
    sheet.finish();
}
