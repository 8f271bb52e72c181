//! The load generator itself, as a program: replies a second on one processor beside wrk's against the same canned server, how
//! late it is at 10,000/s, and what it sees at that rate of an authenticated hit in L1 beside a bare handler that sends the same
//! bytes. Needs `target/release/loadgen` and its example `canned` (`cargo build --release -p loadgen --bins --examples`), taskset,
//! and wrk (apt-get install wrk); what is not there is not measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bench::client::Client;
use bench::figures::{Figure, Sheet, Unit, is_measuring, root};
use bench::hit;
use bench::quantiles::median;
use bench::server::Server;
use bytes::Bytes;
use http::header;

const ID: &str = "0b5d0000-0000-4000-8000-000000000001";
const ROUNDS: usize = 5;
const SECONDS: &str = "3";
const RATE: &str = "10000";

/// A process that ends with this value.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn release(name: &str) -> Option<PathBuf> {
    Some(root().join("target/release").join(name)).filter(|path| path.exists())
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The canned server on processor 0; its address.
fn canned(binary: &Path) -> (Ends, String) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(binary).arg(&address).stdout(Stdio::null());
    let server = Ends(command.spawn().unwrap());
    while std::net::TcpStream::connect(&address).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    (server, address)
}

/// What a program on processor 1 printed.
fn on_one(program: &Path, arguments: &[&str]) -> String {
    printed(Command::new("taskset").args(["-c", "1"]).arg(program).args(arguments))
}

/// The number that stands before `after`.
fn number_before(text: &str, after: &str) -> f64 {
    let before = text.split(after).next().unwrap();
    let number = before.rsplit(' ').find(|word| !word.is_empty()).unwrap();
    number.parse().unwrap_or_else(|_| panic!("no number before {after:?} in {text:?}"))
}

fn number_after(text: &str, before: &str) -> f64 {
    let after = text.split(before).nth(1).unwrap_or_else(|| panic!("no {before:?} in {text:?}"));
    after.split_whitespace().next().unwrap().parse().unwrap()
}

fn ceiling(loadgen: &Path, address: &str, rate: &str) -> String {
    ceiling_of(loadgen, address, ID, "none", rate)
}

fn ceiling_of(loadgen: &Path, address: &str, id: &str, token: &str, rate: &str) -> String {
    let target = format!("http://{address}");
    let mut command = Command::new("taskset");
    command.args(["-c", "1"]).arg(loadgen).env("LOADGEN_TOKEN", token);
    command.args(["ceiling", "--target", &target, "--id", id, "--seconds", SECONDS, "--rate", rate]);
    printed(&mut command)
}

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// P5: a hit beside a bare handler, both open loop at a rate, in turns. Their servers are threads of this program, which has
/// moved to processor 0.
fn hit_beside_bare(loadgen: &Path, sheet: &mut Sheet) {
    printed(Command::new("taskset").args(["-a", "-c", "-p", "0", &std::process::id().to_string()]));
    let ours = hit::start();
    let request = format!("GET {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", ours.path, ours.token);
    let reply = Client::new(ours.server.address, 1, &request).one();
    // The bytes as they are on the wire; the length is hyper's matter.
    let body = Bytes::from(reply.split_once("\r\n\r\n").unwrap().1.to_owned());
    let mut headers = ours.headers.clone();
    headers.remove(header::CONTENT_LENGTH);
    let bare = Server::start("bare", move |listener| async move {
        axum::serve(hit::nodelay(listener), hit::bare(headers, body)).await.unwrap();
    });
    let id = ours.path.rsplit('/').next().unwrap();
    let (mut p50, mut p99, mut own_p99, mut not_sent) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for _ in 0..ROUNDS {
        let [own, other] = [&ours.server, &bare].map(|server| {
            let said = ceiling_of(loadgen, &server.address.to_string(), id, &ours.token, RATE);
            assert_eq!(number_before(&said, " errors"), 0.0, "{said}");
            not_sent += number_before(&said, " not sent");
            [number_after(&said, "latency p50"), number_after(said.split("latency").nth(1).unwrap(), "us, p99")]
        });
        p50.push(own[0] / other[0]);
        p99.push(own[1] / other[1]);
        own_p99.push(own[1]);
    }
    let ratio = |name, what, values: &mut Vec<f64>| Figure::new(name, what, median(values), Unit::Ratio);
    let what = "a hit over a bare handler, open loop at 10,000/s from the planned time, p50";
    sheet.put(ratio("hit_p50_over_bare", what, &mut p50).at_most(1.06, "research P5"));
    sheet.put(ratio("hit_p99_over_bare", "the same, p99", &mut p99).at_most(1.5, "research P5"));
    sheet.put(Figure::new("hit_p99", "the hit alone, p99", median(&mut own_p99), Unit::Us));
    sheet.put(Figure::new("hit_not_sent", "arrivals of these rounds that were never sent", not_sent, Unit::Count));
}

fn main() {
    if !is_measuring() {
        return;
    }
    let mut sheet = Sheet::new("generator", "the load generator on one processor, each reply checked");
    let (Some(loadgen), Some(server), true) = (release("loadgen"), release("examples/canned"), has("taskset")) else {
        println!("generator: build it first: cargo build --release -p loadgen --bins --examples");
        return;
    };
    let (_server, address) = canned(&server);
    let (mut rates, mut ratios, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let own = number_before(&ceiling(&loadgen, &address, "300000"), " replies/s");
        if has("wrk") {
            let url = format!("http://{address}/api/forecasts/{ID}");
            let said = on_one(Path::new("wrk"), &["-t1", "-c64", &format!("-d{SECONDS}s"), &url]);
            ratios.push(own / number_after(&said, "Requests/sec:"));
        }
        rates.push(own);
        let paced = ceiling(&loadgen, &address, RATE);
        p50.push(number_after(&paced, "lateness p50"));
        p99.push(number_after(&paced, "us, p99"));
    }
    sheet.put(Figure::new("rate_per_s", "replies a second, each checked", median(&mut rates), Unit::PerS));
    if !ratios.is_empty() {
        let figure = Figure::new("rate_over_wrk", "the same over wrk's, in turns", median(&mut ratios), Unit::Ratio);
        sheet.put(figure.at_least(1.0, "research P18"));
    }
    let figure =
        Figure::new("lateness_p50", "how late it is at 10,000/s, p50 of the median round", median(&mut p50), Unit::Us);
    sheet.put(figure.at_most(5.0, "issue: 5 us"));
    sheet.put(Figure::new("lateness_p99", "the same, p99", median(&mut p99), Unit::Us));
    hit_beside_bare(&loadgen, &mut sheet);
    sheet.finish();
}
