use std::time::{Duration, Instant};

use loadgen::engine::{
    Arrival, Engine, EngineError, Job, Measured, Outcome, Percentiles, Schedule, Settings, Stage, Times, Traffic,
};
use loadgen::http::Reply;

use super::server::Server;

const REPLY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\netag: \"a\"\r\nx-cache-level: L1\r\n\r\n{}";

/// The same GET again and again, over all targets.
struct Plain {
    targets: usize,
}

impl Traffic for Plain {
    fn kinds(&self) -> Vec<&'static str> {
        vec!["get"]
    }

    fn plan(&mut self, arrival: Arrival) -> Job {
        Job { target: arrival.index as usize % self.targets, kind: 0, item: 0, note: arrival.index }
    }

    fn write(&mut self, _job: &mut Job, out: &mut Vec<u8>) {
        out.extend_from_slice(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    }

    fn reply(&mut self, _job: &Job, reply: &Reply<'_>, _times: &Times) -> Outcome {
        match reply.etag {
            Some(b"\"a\"") => Outcome::of_status(reply),
            _ => Outcome::Wrong("etag".into()),
        }
    }
}

fn settings(servers: &[&Server], rate: f64, length: Duration) -> Settings {
    Settings {
        targets: servers.iter().map(|server| server.address.into()).collect(),
        connections: 16,
        schedule: Schedule::new(vec![Stage::constant(length, rate)]).unwrap(),
        warm_up: Duration::ZERO,
        timeout: Duration::from_secs(2),
        backlog_max: 100_000,
        drain: Duration::from_secs(5),
    }
}

fn run(settings: Settings) -> Result<Measured, EngineError> {
    let mut traffic = Plain { targets: settings.targets.len() };
    Engine::connect(settings, &["get"])?.run(&mut traffic, &mut |_| None)
}

const MS: f64 = 1e6;

/// P20: 5,000/s for 5 s, and the server stops for 200 ms in the middle. 1,000 of 25,000 arrivals fall into the stop and wait
/// 0 to 200 ms: the slowest hundredth waits 150 ms or more, the slowest thousandth 195 ms.
#[test]
fn a_stall_shows_in_the_percentiles_from_the_planned_time() {
    let mut seen = Vec::new();
    // A neighbour that takes both cores for a while is a stall of its own: then the run says nothing about ours.
    for _ in 0..5 {
        let server = Server::start(REPLY);
        let settings = settings(&[&server], 5_000.0, Duration::from_secs(5));
        let engine = Engine::connect(settings, &["get"]).unwrap();
        server.stall(Duration::from_millis(2_400), Duration::from_millis(200));
        let measured = engine.run(&mut Plain { targets: 1 }, &mut |_| None).unwrap();
        assert_eq!((measured.due, measured.done, measured.not_sent), (25_000, 25_000, 0));
        assert!(measured.failures.is_empty(), "{:?}", measured.failures);
        let planned = Percentiles::of(&measured.planned);
        let sent = Percentiles::of(&measured.sent);
        let (p99, p999) = (planned.p99 as f64 / MS, planned.p999 as f64 / MS);
        // At least what the stop costs, whatever the machine does; the send-time histogram hides it.
        assert!(p99 >= 120.0 && p999 >= 156.0, "a stall is never shown as less: p99 {p99} ms, p99.9 {p999} ms");
        let lateness = Percentiles::of(&measured.lateness).p99 as f64 / MS;
        seen.push(format!(
            "p99 {p99:.1}, p99.9 {p999:.1}, by send time {:.1}, late {lateness:.2}",
            sent.p99 as f64 / MS
        ));
        if p99 <= 180.0 && p999 <= 234.0 && (sent.p99 as f64 / MS) < p99 / 3.0 {
            return;
        }
    }
    panic!("not within 20 % of 150 and 195 ms in five runs (ms): {seen:#?}");
}

#[test]
fn every_arrival_is_accounted_for() {
    let (first, second) = (Server::start(REPLY), Server::start(REPLY));
    let mut settings = settings(&[&first, &second], 1_000.0, Duration::from_secs(2));
    settings.warm_up = Duration::from_millis(500);
    let measured = run(settings).unwrap();
    assert_eq!((measured.whole_due, measured.due, measured.done), (2_000, 1_500, 1_500));
    assert_eq!(measured.levels.good, [1_500, 0, 0, 0]);
    let per_target: Vec<_> = measured.whole_levels.iter().map(|levels| levels.total()).collect();
    assert_eq!(per_target, [1_000, 1_000]);
    assert_eq!(
        (measured.whole_targets[1].sent, measured.whole_targets[1].failed, measured.unaccounted()),
        (1_000, 0, 0)
    );
    assert_eq!((first.served(), second.served()), (1_000, 1_000), "client and servers agree to the last request");
    let by_second: u64 = measured.seconds.iter().map(|second| second.done).sum();
    assert_eq!(by_second, 2_000);
    assert_eq!(Percentiles::of(&measured.planned).count, 1_500);
}

#[test]
fn what_cannot_be_sent_is_counted_and_not_hidden() {
    let server = Server::start(REPLY);
    let mut settings = settings(&[&server], 2_000.0, Duration::from_secs(1));
    settings.backlog_max = 50;
    settings.drain = Duration::from_millis(500);
    let engine = Engine::connect(settings, &["get"]).unwrap();
    server.stall(Duration::ZERO, Duration::from_secs(60));
    let measured = engine.run(&mut Plain { targets: 1 }, &mut |_| None).unwrap();
    // 16 connections hold one each until the end; 50 wait; the rest was refused a place.
    assert_eq!(measured.due, 2_000);
    assert_eq!(measured.whole_sent, 16);
    assert_eq!(measured.not_sent, 2_000 - 16);
    assert_eq!(measured.failures.get("no_reply_at_end"), Some(&16));
    assert_eq!(measured.levels.total(), 0);
    assert_eq!((measured.whole_targets[0].failed, measured.unaccounted()), (16, 0));
    assert!(
        Percentiles::of(&measured.planned).p50 as f64 >= 400.0 * MS,
        "what was waited for to the end is no good time"
    );
}

#[test]
fn wrong_replies_and_late_ones_are_errors_by_name() {
    let wrong = Server::start("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\netag: \"a\"\r\n\r\n");
    let measured = run(settings(&[&wrong], 100.0, Duration::from_millis(500))).unwrap();
    assert_eq!(measured.failures.get("status_500"), Some(&50));
    let other_tag = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: \"b\"\r\n\r\n");
    let measured = run(settings(&[&other_tag], 100.0, Duration::from_millis(500))).unwrap();
    assert_eq!(measured.failures.get("etag"), Some(&50));
    assert_eq!((measured.whole_targets[0].failed, measured.unaccounted()), (50, 0));
    let no_http = Server::start("hello\r\n\r\n");
    let measured = run(settings(&[&no_http], 100.0, Duration::from_millis(500))).unwrap();
    let malformed = measured.failures.get("malformed").copied().unwrap_or_default();
    assert!(
        malformed > 0 && measured.failures.values().sum::<u64>() + measured.not_sent == 50,
        "{:?}",
        measured.failures
    );
    let silent = Server::start(REPLY);
    let mut hasty = settings(&[&silent], 16.0, Duration::from_secs(1));
    hasty.timeout = Duration::from_millis(200);
    let engine = Engine::connect(hasty, &["get"]).unwrap();
    silent.stall(Duration::ZERO, Duration::from_secs(60));
    let measured = engine.run(&mut Plain { targets: 1 }, &mut |_| None).unwrap();
    assert_eq!(measured.failures.get("timeout"), Some(&16), "{:?}", measured.failures);
    assert_eq!(measured.unaccounted(), 0);
    let (planned, sent) = (Percentiles::of(&measured.planned), Percentiles::of(&measured.sent));
    assert_eq!((planned.count, sent.count), (16, 16), "who waits in vain waits, too");
    assert!(planned.min as f64 >= 190.0 * MS && sent.min as f64 >= 190.0 * MS, "{planned:?} {sent:?}");
    assert!(measured.seconds.iter().any(|second| second.planned.p50 as f64 >= 190.0 * MS), "in its second, too");
}

#[test]
fn a_target_that_takes_no_connections_is_an_error_and_a_run_can_be_ended() {
    let server = Server::start(REPLY);
    let mut unreachable = settings(&[&server], 10.0, Duration::from_secs(1));
    // Port 1 of this machine: nobody listens there.
    unreachable.targets.push("127.0.0.1:1".parse::<std::net::SocketAddr>().unwrap().into());
    let begun = Instant::now();
    assert!(matches!(run(unreachable), Err(EngineError::Unreachable(1))));
    assert!(begun.elapsed() < Duration::from_secs(10));
    let engine = Engine::connect(settings(&[&server], 10.0, Duration::from_secs(60)), &["get"]).unwrap();
    let mut calls = 0;
    let measured = engine.run(&mut Plain { targets: 1 }, &mut |_| {
        calls += 1;
        (calls == 2).then(|| "enough".to_owned())
    });
    let measured = measured.unwrap();
    assert_eq!(measured.aborted.as_deref(), Some("enough"));
    assert!((19..=21).contains(&measured.due), "{}", measured.due);
}
