//! A wall clock that is set in the middle of a run.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use loadgen::engine::ClockWatch;
use loadgen::http::BaseUrl;
use loadgen::scenario::{Run, Scenario, execute};
use loadgen::target::Targets;

use super::run::{FORECAST, SCENARIO, route};
use super::server::Server;

/// Runs against a stand-in; the clock is `stepped` since the run began.
fn run(clock: &ClockWatch) -> Result<u64, String> {
    let server = Server::start_with(|request| route(request, FORECAST));
    let targets = Targets {
        api: vec![BaseUrl::of(server.address)],
        internal: Vec::new(),
        notifications: Vec::new(),
        secret: None,
        claims: (None, None),
        token: "token".to_owned(),
        company: uuid::Uuid::from_u128(1),
        may_write: false,
        is_ours: false,
    };
    let scenario = Scenario::parse(SCENARIO).unwrap();
    let executed = execute(Run {
        scenario: &scenario,
        targets: &targets,
        staller: None,
        usage: None,
        sinks: None,
        import: None,
        clock,
        interrupted: &AtomicBool::new(false),
        told: &mut |_| {},
        live: &mut |_| {},
    });
    match executed {
        Ok(executed) => Ok(executed.measured.done),
        Err(failure) => Err(format!("{}: {failure}", failure.exit_code())),
    }
}

#[test]
fn a_clock_that_is_set_leaves_no_report() {
    assert_eq!(run(&ClockWatch::start()), Ok(500), "a good clock: the run is whole");
    let now = Instant::now();
    for wall in [SystemTime::now() - Duration::from_secs(60), SystemTime::now() + Duration::from_secs(60)] {
        let began = Instant::now();
        let error = run(&ClockWatch::at(wall, now)).unwrap_err();
        assert!(error.starts_with("3: ") && error.contains("clock"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(3), "it ended early");
    }
}
