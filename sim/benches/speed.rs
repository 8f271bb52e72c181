//! How fast the simulation is, beside bare turmoil with the same hosts.
//!
//! Ours: a run without faults and checks on, with two instances (store, bus, shared tier, two instances, the clients).
//! Bare: the same hosts, tick, latencies and order; each host does as little as can be: the instances answer each request
//! after their share of calls to the backends, which echo. Requests and messages per simulated second are those of the
//! run of ours just before. Each is measured in a process of its own, for its peak of memory.
//!
//! `cargo bench -p sim`; `-- --test` for a short one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench")]

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sim::fault::draw;
use sim::memory::peak_kib;
use sim::run::run;
use sim::world::Millis;

mod bare {
    //! turmoil without our services.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::{BodyExt, Full};
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Mutex;
    use tokio::task::JoinSet;
    use turmoil::net::{TcpListener, TcpStream};

    use super::{Load, WORKERS};

    const BACKENDS: [&str; 3] = ["store", "bus", "shared"];
    const INSTANCES: [&str; 2] = ["i0", "i1"];
    /// As a frame of ours.
    const FRAME: usize = 24;
    /// As a forecast, about.
    const BODY: &[u8] = &[b'x'; 400];
    const PORT: u16 = 80;

    type Connections = Arc<Vec<Mutex<TcpStream>>>;

    /// The host may not listen yet.
    async fn connect(name: &str) -> TcpStream {
        loop {
            if let Ok(stream) = TcpStream::connect((name, PORT)).await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn backend() -> turmoil::Result {
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut frame = [0; FRAME];
                while stream.read_exact(&mut frame).await.is_ok() && stream.write_all(&frame).await.is_ok() {}
            });
        }
    }

    /// One call of a backend: a frame there and one back.
    async fn call(backends: &Connections, number: u64) -> std::io::Result<()> {
        let place = usize::try_from(number).unwrap_or_default() % backends.len();
        let mut stream = backends[place].lock().await;
        let mut frame = [7; FRAME];
        stream.write_all(&frame).await?;
        stream.read_exact(&mut frame).await.map(drop)
    }

    async fn instance(calls_per_request: f64) -> turmoil::Result {
        let mut backends = Vec::new();
        for name in BACKENDS {
            backends.push(Mutex::new(connect(name).await));
        }
        let backends: Connections = Arc::new(backends);
        let (asked, called) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let (backends, asked, called) = (Arc::clone(&backends), Arc::clone(&asked), Arc::clone(&called));
            let answer = service_fn(move |_: Request<Incoming>| {
                let (backends, asked, called) = (Arc::clone(&backends), Arc::clone(&asked), Arc::clone(&called));
                async move {
                    let due = (asked.fetch_add(1, Ordering::Relaxed) + 1) as f64 * calls_per_request;
                    let mut calls = JoinSet::new();
                    while (called.load(Ordering::Relaxed) as f64) < due {
                        let (backends, number) = (Arc::clone(&backends), called.fetch_add(1, Ordering::Relaxed));
                        calls.spawn(async move { call(&backends, number).await });
                    }
                    while let Some(done) = calls.join_next().await {
                        done.map_err(std::io::Error::other)??;
                    }
                    Ok::<_, std::io::Error>(Response::new(Full::new(Bytes::from_static(BODY))))
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    }

    async fn client(name: &str, every: Duration, answered: Arc<AtomicU64>) -> turmoil::Result {
        let stream = connect(name).await;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut ticks = tokio::time::interval(every);
        loop {
            ticks.tick().await;
            let request = Request::builder().uri("/api/forecasts/7").header("host", name);
            let response = sender.send_request(request.body(Full::new(Bytes::new()))?).await?;
            response.into_body().collect().await?;
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs the load; answers the requests that were answered.
    pub(super) fn run(load: &Load) -> u64 {
        let mut sim = turmoil::Builder::new()
            .rng_seed(1)
            .simulation_duration(Duration::from_secs(86_400))
            .tick_duration(Duration::from_millis(1))
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(load.latency_max_ms))
            .tcp_capacity(16_384)
            .enable_random_order()
            .build();
        for name in BACKENDS {
            sim.host(name, backend);
        }
        let calls = load.messages_per_s / 2.0 / load.requests_per_s;
        for name in INSTANCES {
            sim.host(name, move || instance(calls));
        }
        let answered = Arc::new(AtomicU64::new(0));
        let every = Duration::from_secs_f64((WORKERS * INSTANCES.len()) as f64 / load.requests_per_s);
        let count = Arc::clone(&answered);
        sim.client("clients", async move {
            let mut clients = JoinSet::new();
            for name in INSTANCES {
                for _ in 0..WORKERS {
                    let count = Arc::clone(&count);
                    clients.spawn_local(async move { client(name, every, count).await.map_err(|e| e.to_string()) });
                }
            }
            while let Some(ended) = clients.join_next().await {
                ended??;
            }
            Ok(())
        });
        for _ in 0..load.simulated_ms {
            sim.step().unwrap();
        }
        answered.load(Ordering::Relaxed)
    }
}

/// Clients of each instance, as in our workload.
const WORKERS: usize = 3;
const SEED: u64 = 1;

/// What a run has to carry.
#[derive(Debug, Serialize, Deserialize)]
struct Load {
    simulated_ms: u64,
    latency_max_ms: u64,
    requests_per_s: f64,
    messages_per_s: f64,
}

/// What a process tells.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    load: Load,
    wall_s: f64,
    peak_kib: u64,
}

impl Measured {
    fn speed(&self) -> f64 {
        self.load.simulated_ms as f64 / 1_000.0 / self.wall_s
    }

    fn print(&self, what: &str) {
        println!(
            "{what}: {:.1} simulated s in {:.2} s: {:.0} per second; {:.0} requests and {:.0} messages per simulated s; \
             peak {:.0} MiB",
            self.load.simulated_ms as f64 / 1_000.0,
            self.wall_s,
            self.speed(),
            self.load.requests_per_s,
            self.load.messages_per_s,
            self.peak_kib as f64 / 1_024.0
        );
    }
}

fn ours(storm_ms: u64) -> Measured {
    let mut plan = draw(SEED);
    plan.faults.clear();
    plan.permanent = None;
    plan.tuning.instances = 2;
    plan.storm_ms = storm_ms;
    let began = Instant::now();
    let (outcome, _) = run(&plan, Millis::default()).unwrap();
    let wall_s = began.elapsed().as_secs_f64();
    assert!(outcome.passed(), "{:?}", outcome.verdict);
    let seconds = outcome.simulated_ms as f64 / 1_000.0;
    let load = Load {
        simulated_ms: outcome.simulated_ms,
        latency_max_ms: plan.tuning.latency_max_ms,
        requests_per_s: outcome.requests as f64 / seconds,
        messages_per_s: outcome.messages as f64 / seconds,
    };
    Measured { load, wall_s, peak_kib: peak_kib() }
}

fn bare(load: Load) -> Measured {
    let began = Instant::now();
    let answered = bare::run(&load);
    let wall_s = began.elapsed().as_secs_f64();
    let requests_per_s = answered as f64 / (load.simulated_ms as f64 / 1_000.0);
    Measured { load: Load { requests_per_s, ..load }, wall_s, peak_kib: peak_kib() }
}

fn in_a_process(arguments: &[&str]) -> Measured {
    let output = Command::new(std::env::current_exe().unwrap()).args(arguments).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let told = |name: &str| arguments.iter().position(|argument| argument == name).map(|at| &arguments[at + 1]);
    if let Some(storm_ms) = told("ours") {
        println!("{}", serde_json::to_string(&ours(storm_ms.parse().unwrap())).unwrap());
        return ExitCode::SUCCESS;
    }
    if let Some(load) = told("bare") {
        println!("{}", serde_json::to_string(&bare(serde_json::from_str(load).unwrap())).unwrap());
        return ExitCode::SUCCESS;
    }
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let (storm, rounds) = if is_test { (Duration::from_secs(1), 1) } else { (Duration::from_secs(30), 3) };
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let ours = in_a_process(&["ours", &storm.as_millis().to_string()]);
        let bare = in_a_process(&["bare", &serde_json::to_string(&ours.load).unwrap()]);
        ours.print("ours");
        bare.print("bare");
        ratios.push(ours.speed() / bare.speed());
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratio ours/bare, median of {rounds}: {:.2} (goal: at least 0.50)", ratios[ratios.len() / 2]);
    ExitCode::SUCCESS
}
