//! An authenticated hit in L1 through the whole router and our own accept loop, beside a bare axum handler that sends the
//! same body: over loopback sockets, one worker each. Goal (research, P1): at most 1.15 times the processor time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bench::client::Client;
use bench::compare::{Contestant, Row, compare, print};
use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::hit;
use bench::server::Server;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use http::header;
use smartpulse::serve::serve;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 15;
const SLICE: Duration = Duration::from_millis(400);

/// The same body and entity tag, and nothing else.
fn bare(body: Bytes) -> Router {
    let answer = move || {
        let body = body.clone();
        async move {
            ([(header::CONTENT_TYPE, "application/json"), (header::ETAG, "\"0123456789abcdef0123456789abcdef\"")], body)
        }
    };
    Router::new().route("/api/forecasts/{id}", get(answer))
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n")
}

fn contestants() -> Vec<Contestant> {
    let ours = hit::start();
    let (path, body) = (ours.path.as_str(), ours.body.clone());
    let auth = format!("Authorization: Bearer {}\r\n", ours.token);
    let conditional = format!("{auth}If-None-Match: {}\r\n", ours.etag);
    let plain = request(path, &auth);
    let contestant = |name, server: Server, request: &str| {
        let client = Client::new(server.address, CONNECTIONS, request);
        Contestant { name, server, client }
    };
    let inner = bare(body.clone());
    let axum_serve = Server::start("bare", move |listener| async move {
        axum::serve(hit::nodelay(listener), inner).await.unwrap();
    });
    let inner = bare(body);
    let our_loop = Server::start("loop", move |listener| async move {
        serve(hit::nodelay(listener), inner, hit::LIMITS, hit::drain()).await;
    });
    let address = ours.server.address;
    let mut all = vec![
        contestant("bare axum handler", axum_serve, &plain),
        contestant("the same in our accept loop", our_loop, &plain),
        contestant("authenticated L1 hit", ours.server, &plain),
    ];
    let again = hit::start();
    let conditional = conditional.replace(&ours.token, &again.token).replace(&ours.etag, &again.etag);
    let conditional = conditional.replace(path, &again.path);
    let not_modified = request(&again.path, conditional.as_str());
    assert_ne!(again.server.address, address);
    all.push(contestant("the same, 304", again.server, &not_modified));
    assert!(all[2].client.one().contains("x-cache-level: L1"));
    assert!(all[3].client.one().starts_with("HTTP/1.1 304"));
    all
}

/// Bytes of a 304 over those of a 200.
fn bytes_ratio(all: &mut [Contestant]) -> f64 {
    all[3].client.one().len() as f64 / all[2].client.one().len() as f64
}

fn put(sheet: &mut Sheet, rows: &[Row], bytes_ratio: f64) {
    let ratio = |name, what, value| Figure::new(name, what, value, Unit::Ratio);
    let [_, accept, hit, not_modified] = rows else { panic!("four contestants") };
    sheet.put(
        ratio("hit_cpu_over_bare", "authenticated L1 hit: processor time over the bare handler", hit.processor_ratio)
            .at_most(1.15, "research P1"),
    );
    sheet.put(
        ratio("hit_rate_over_bare", "authenticated L1 hit: requests a second over the bare handler", hit.rate_ratio)
            .at_least(0.88, "research P1"),
    );
    sheet.put(
        ratio("not_modified_cpu_over_bare", "304: processor time over the bare handler", not_modified.processor_ratio)
            .at_most(1.12, "research P4"),
    );
    sheet.put(
        ratio("not_modified_bytes_over_200", "304: bytes over those of the 200", bytes_ratio)
            .at_most(0.40, "research P4"),
    );
    sheet.put(ratio("accept_loop_cpu_over_bare", "the bare handler in our accept loop", accept.processor_ratio));
    sheet.put(Figure::new("hit_cpu_us", "authenticated L1 hit: processor time", hit.processor_us, Unit::Us));
    sheet.put(Figure::new("hit_per_s", "authenticated L1 hits on one thread", hit.requests_per_s, Unit::PerS));
}

fn main() {
    let mut all = contestants();
    let mut sheet = Sheet::new(
        "hot_path",
        "an authenticated L1 hit over loopback sockets, beside a bare axum handler with the same body",
    );
    if is_measuring() {
        compare(&mut all, 2, SLICE);
        let rows = compare(&mut all, ROUNDS, SLICE);
        println!("\n{CONNECTIONS} connections, one request in flight on each; medians of {ROUNDS} rounds in turns");
        print(&rows);
        put(&mut sheet, &rows, bytes_ratio(&mut all));
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("hot_path");
    group.throughput(Throughput::Elements(CONNECTIONS as u64));
    for contestant in &mut all {
        group.bench_function(contestant.name, |bencher| bencher.iter(|| contestant.client.rounds(1)));
    }
    group.finish();
    criterion.final_summary();
    sheet.finish();
}
