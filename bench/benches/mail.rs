//! Mails through the transport of the mail server: as many as it takes for a few seconds, over one and several
//! connections. The other end is Postfix's smtp-sink where it is installed (`.ci/parts-mail.sh`), else our own server of
//! the tests, on a thread of its own. Goal: 5,000 a second on two cores, both ends included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use adapters::mime::Sender;
use adapters::smtp::testing::{FakeSmtp, Script};
use adapters::smtp::{Smtp, SmtpConfig, TlsMode};
use adapters::system::SystemClock;
use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::quantiles::quantile;
use criterion::Criterion;
use domain::ports::{MailTransport, OutgoingMail};

const SINK: &str = "/usr/sbin/smtp-sink";
const SLICE: Duration = Duration::from_secs(3);

/// Where the mails go.
enum Sink {
    Postfix(Child),
    Ours,
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Self::Postfix(child) = self {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Sink {
    /// Starts one, with these arguments if it is smtp-sink; answers its port.
    fn start(arguments: &[&str]) -> (Self, u16) {
        if !Path::new(SINK).exists() {
            return (Self::Ours, ours());
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(SINK);
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.args(["-u", "nobody"]);
        }
        let child = command.args(arguments).arg(format!("127.0.0.1:{port}")).arg("100").spawn().unwrap();
        let sink = Self::Postfix(child);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        (sink, port)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Postfix(_) => "smtp-sink",
            Self::Ours => "our own server (smtp-sink is not installed)",
        }
    }
}

/// Our own server, on a thread that ends with the process.
fn ours() -> u16 {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = FakeSmtp::start(Script::new().counting()).await.unwrap();
            tell.send(server.address().port()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    told.recv().unwrap()
}

fn transport(port: u16) -> Arc<Smtp> {
    let mut config = SmtpConfig::new("127.0.0.1");
    (config.port, config.tls) = (port, TlsMode::None);
    let sender = Sender::new("smartpulse@example.org", Some("SmartPulse"), None).unwrap();
    Arc::new(Smtp::new(config, sender, Arc::new(SystemClock)).unwrap())
}

/// A mail as an alert is one: 2.5 kB as it travels.
fn mail(n: u64) -> OutgoingMail {
    OutgoingMail {
        message_id: format!("00000000-0000-7000-8000-{n:012}"),
        to: "john@example.com".to_owned(),
        to_name: Some("John".to_owned()),
        subject: "Production Alert".to_owned(),
        text: "Demand dropped 30%\n".repeat(10),
        html: "<tr><td>Demand dropped 30%</td></tr>\n".repeat(40),
        attachments: Vec::new(),
        unsubscribe: Some("https://example.org/api/unsubscribe?token=0123456789abcdef".to_owned()),
    }
}

/// Sends for a while over so many connections; answers how many a second.
async fn busy(transport: &Arc<Smtp>, connections: usize, what: &str) -> f64 {
    let (started, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (transport, next) = (Arc::clone(transport), Arc::clone(&next));
        running.spawn(async move {
            let mut session = transport.connect().await.unwrap();
            let mut latencies = Vec::new();
            while started.elapsed() < SLICE {
                let begun = Instant::now();
                session.send(&mail(next.fetch_add(1, Ordering::Relaxed))).await.unwrap();
                latencies.push(begun.elapsed());
            }
            session.quit().await;
            latencies
        });
    }
    let mut latencies: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
    let rate = latencies.len() as f64 / started.elapsed().as_secs_f64();
    let [p50, p99] = [0.5, 0.99].map(|q| quantile(&mut latencies, q).as_secs_f64() * 1e3);
    println!("{connections:>3} connections{what:<22} {rate:>8.0} mails/s   p50 {p50:>6.3} ms   p99 {p99:>6.3} ms");
    rate
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut sheet = Sheet::new("mail", "mails through the SMTP transport to a local sink, both ends on two cores");
    let (sink, port) = Sink::start(&[]);
    let smtp = transport(port);
    if is_measuring() {
        println!("mails to {}", sink.name());
        for connections in [1, 2, 4, 10] {
            let rate = runtime.block_on(busy(&smtp, connections, ""));
            let what = format!("mails a second over {connections} connections to {}", sink.name());
            let figure = Figure::new(&format!("sent_per_s_{connections}"), what, rate, Unit::PerS);
            sheet.put(if connections == 10 { figure.at_least(5_000.0, "goal: 5,000 a second") } else { figure });
        }
        if matches!(sink, Sink::Postfix(_)) {
            let (_plain, port) = Sink::start(&["-p"]);
            for connections in [1, 10] {
                runtime.block_on(busy(&transport(port), connections, ", no PIPELINING"));
            }
        }
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut session = runtime.block_on(smtp.connect()).unwrap();
    let mut n = 0;
    criterion.bench_function("one mail after another to the sink", |bencher| {
        bencher.iter(|| {
            n += 1;
            runtime.block_on(session.send(&mail(n))).unwrap();
        });
    });
    criterion.final_summary();
    sheet.finish();
}
