//! The load generator itself, as a program: replies a second on one processor beside wrk's against the same canned server, how
//! late it is at 10,000/s. What it sees of a hit beside a bare handler at that rate (P5) is not measured here. Needs `target/release/loadgen` and its
//! example `canned` (`cargo build --release -p loadgen --bins --examples`), taskset, and wrk (apt-get install wrk); what is not
//! there is not measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bench::figures::{Figure, Sheet, Unit, is_measuring, root};
use bench::quantiles::median;

const ID: &str = "0b5d0000-0000-4000-8000-000000000001";
const ROUNDS: usize = 5;
const SECONDS: &str = "3";

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
    let output = Command::new("taskset").args(["-c", "1"]).arg(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
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
    let target = format!("http://{address}");
    on_one(loadgen, &["ceiling", "--target", &target, "--id", ID, "--seconds", SECONDS, "--rate", rate])
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
        let paced = ceiling(&loadgen, &address, "10000");
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
    sheet.finish();
}
