//! From a plan to what was measured: the engine, and all that may end it early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::file::Scenario;
use super::hook::{Staller, stall_later};
use crate::engine::{ClockWatch, Endpoint, Engine, EngineError, Measured, Settings, Traffic};
use crate::failure::Failure;
use crate::http::BaseUrl;

/// Arrivals that may wait for a connection.
const BACKLOG_MAX: usize = 200_000;
/// How long replies are waited for at the end.
const DRAIN: Duration = Duration::from_secs(10);
/// From this share of errors on, in a run that aborts on failure, there is no hope.
const HOPELESS_ERRORS: f64 = 0.5;

/// What a run is driven with, beside its requests.
pub(super) struct Drive<'a> {
    pub(super) scenario: &'a Scenario,
    /// Whom the jobs' targets are.
    pub(super) urls: &'a [BaseUrl],
    pub(super) staller: Option<Staller>,
    /// Memory and processor time of the server, where it is ours.
    pub(super) usage: Option<&'a dyn Fn() -> Option<Usage>>,
    /// Whether the wall clock is set meanwhile: all times would be wrong.
    pub(super) clock: &'a ClockWatch,
    pub(super) interrupted: &'a AtomicBool,
    pub(super) live: &'a mut dyn FnMut(&Measured),
}

/// What a server uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Memory that it holds, in bytes.
    pub memory_bytes: u64,
    /// Processor time that it has used, in seconds.
    pub processor_s: f64,
}

/// What came of it.
pub(super) struct Driven {
    pub(super) measured: Measured,
    /// The server's memory each second, in bytes.
    pub(super) memory: Vec<u64>,
    /// The server's processor time over the whole run, in seconds.
    pub(super) processor_s: Option<f64>,
}

/// Runs the plan.
pub(super) fn drive<T: Traffic>(drive: Drive<'_>, traffic: &mut T) -> Result<Driven, Failure> {
    let Drive { scenario, urls, staller, usage, clock, interrupted, live } = drive;
    let usage = || usage.and_then(|usage| usage());
    let engine = Engine::connect(settings(scenario, urls)?, &traffic.kinds()).map_err(|error| named(error, urls))?;
    let over = Arc::<AtomicBool>::default();
    let stall = scenario.stall.zip(staller).map(|(stall, staller)| stall_later(staller, stall, Arc::clone(&over)));
    let (mut memory, mut stepped, before) = (Vec::new(), None, usage());
    let measured = engine.run(traffic, &mut |so_far| {
        live(so_far);
        memory.extend(usage().map(|usage| usage.memory_bytes));
        if let Err(step) = clock.check() {
            stepped = Some(step);
            return Some("the clock was set".to_owned());
        }
        if interrupted.load(Ordering::SeqCst) {
            return Some("interrupted".to_owned());
        }
        is_hopeless(scenario, so_far)
    });
    over.store(true, Ordering::SeqCst);
    if let Some(stall) = stall {
        stall.join().unwrap_or_else(|_| Err(Failure::Target("the stall's thread ended".to_owned())))?;
    }
    let measured = measured.map_err(|error| named(error, urls))?;
    if let Some(step) = stepped.or_else(|| clock.check().err()) {
        return Err(step.into());
    }
    if interrupted.load(Ordering::SeqCst) {
        return Err(Failure::Target("interrupted: there is no report".to_owned()));
    }
    let processor_s = before.zip(usage()).map(|(before, after)| after.processor_s - before.processor_s);
    Ok(Driven { measured, memory, processor_s })
}

fn settings(scenario: &Scenario, urls: &[BaseUrl]) -> Result<Settings, Failure> {
    let resolve = |url: &BaseUrl| {
        let address = url.resolve().map_err(|error| Failure::Target(format!("{url}: {error}")))?;
        Ok(Endpoint { address, tls: url.tls().cloned() })
    };
    Ok(Settings {
        targets: urls.iter().map(resolve).collect::<Result<_, Failure>>()?,
        connections: scenario.connections,
        schedule: scenario.schedule()?,
        warm_up: scenario.warm_up(),
        timeout: Duration::from_millis(scenario.timeout_ms),
        backlog_max: BACKLOG_MAX,
        drain: DRAIN,
    })
}

fn named(error: EngineError, urls: &[BaseUrl]) -> Failure {
    match error {
        EngineError::Unreachable(number) => {
            let url = urls.get(number).map_or_else(String::new, ToString::to_string);
            Failure::Target(format!("{url} takes no connections"))
        }
        EngineError::Io(_) => error.into(),
    }
}

/// In a run that aborts on failure: whether most of what came back is errors, or a threshold on errors is missed for good.
fn is_hopeless(scenario: &Scenario, so_far: &Measured) -> Option<String> {
    if !scenario.abort_on_fail || so_far.done == 0 {
        return None;
    }
    let errors: u64 = so_far.failures.values().sum();
    let share = errors as f64 / so_far.done as f64;
    if so_far.done > 1_000 && share > HOPELESS_ERRORS {
        return Some(format!("{:.0} % of the replies are errors", share * 100.0));
    }
    let bound = scenario.thresholds.iter().find(|bound| bound.metric == "errors")?;
    let worst = bound.max?;
    (errors as f64 > worst).then(|| format!("{errors} errors, at most {worst} are allowed"))
}
