//! The list of tests, and the harness that runs them.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use super::harness::{Backend, is_required, require};
use super::{conformance, connections, one_time, outages, propagation, scripts, topology, wire};

/// What a test needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Any server; what it holds stays.
    Server,
    /// Processes of its own, to be killed.
    Processes,
}

/// A test.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) needs: Needs,
    pub(crate) run: fn(&Backend),
}

/// Runs the suite.
pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They start servers and measure time: two at once, unless somebody says otherwise.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    let tests: Vec<&'static Test> = [
        conformance::TESTS,
        scripts::TESTS,
        connections::TESTS,
        topology::TESTS,
        one_time::TESTS,
        wire::TESTS,
        outages::TESTS,
        propagation::TESTS,
    ]
    .concat();
    let trials = match require() {
        Ok(backends) => tests.into_iter().flat_map(|test| trials(test, &backends)).collect(),
        Err(reason) => tests.into_iter().map(|test| missing(test.name, reason.clone())).collect(),
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(test: &'static Test, backends: &[Backend]) -> Vec<Trial> {
    let fitting = backends.iter().filter(|backend| test.needs == Needs::Server || **backend == Backend::Processes);
    let trials: Vec<_> = fitting
        .map(|backend| {
            let (backend, run) = (backend.clone(), test.run);
            let kind = if backend == Backend::Processes { "processes" } else { "endpoint" };
            let trial = Trial::test(test.name, move || {
                run(&backend);
                Ok(())
            });
            trial.with_kind(kind)
        })
        .collect();
    match trials.is_empty() {
        true => vec![missing(test.name, "redis-server is not installed, and a named server is not killed".to_owned())],
        false => trials,
    }
}

fn missing(name: &str, reason: String) -> Trial {
    let required = is_required();
    let trial = Trial::test(format!("{name} ({reason})"), move || Err(Failed::from(reason)));
    trial.with_ignored_flag(!required)
}
