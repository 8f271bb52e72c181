//! One run, from an open target to what was measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::expect::{Expected, expect};
use super::file::{Kind, Scenario};
use super::hook::{Staller, stall_later};
use super::observers::Observers;
use super::propagation::{Propagation, join};
use super::server_side::ServerSide;
use super::traffic::ForecastTraffic;
use crate::engine::{ClockWatch, Engine, EngineError, Measured, Settings, Traffic as _};
use crate::failure::Failure;
use crate::scrape::Scrape;
use crate::seed;
use crate::target::Targets;

/// Arrivals that may wait for a connection.
const BACKLOG_MAX: usize = 200_000;
/// How long replies are waited for at the end.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the events of the last writes are waited for.
const LAST_EVENTS: Duration = Duration::from_secs(6);
/// How long instances may take to trust their caches after the seeding.
const TRUST_TIMEOUT: Duration = Duration::from_secs(30);
/// From this share of errors on, in a run that aborts on failure, there is no hope.
const HOPELESS_ERRORS: f64 = 0.5;

/// A run.
pub struct Run<'a> {
    /// What is run.
    pub scenario: &'a Scenario,
    /// Against whom.
    pub targets: &'a Targets,
    /// Who is asked for stalls.
    pub staller: Option<Staller>,
    /// The process whose memory is watched, where it is ours.
    pub memory: Option<&'a dyn Fn() -> Option<u64>>,
    /// Set by a signal: the run ends without a report.
    pub interrupted: &'a AtomicBool,
    /// Hears a line of progress.
    pub told: &'a mut dyn FnMut(&str),
    /// Sees what was measured so far, each second.
    pub live: &'a mut dyn FnMut(&Measured),
}

/// What came of it.
pub struct Executed {
    /// What the client measured.
    pub measured: Measured,
    /// What the server counted, where its metrics can be read.
    pub server: Option<ServerSide>,
    /// What the tiers had to answer.
    pub expected: Option<Expected>,
    /// From commit to every instance.
    pub propagation: Option<Propagation>,
    /// The server's memory each second, in bytes.
    pub memory: Vec<u64>,
    /// Forecasts that were asked for.
    pub population: usize,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Seeds, runs, and compares.
///
/// # Errors
/// [`Failure`]: there is nothing to report.
pub fn execute(run: Run<'_>) -> Result<Executed, Failure> {
    let Run { scenario, targets, staller, memory, interrupted, told, live } = run;
    let mut notes = Vec::new();
    let ids = population(scenario, targets, told, &mut notes)?;
    let size = ids.len();
    let expected = match size == scenario.population.size && targets.is_ours {
        true => expect(scenario, targets.api.len(), size)?,
        false => None,
    };
    let settings = settings(scenario, targets)?;
    let observes = scenario.writes();
    let observers = if observes { Some(Observers::open(&targets.api, &targets.token, &ids)?) } else { None };
    let company = targets.company.to_string();
    let mut traffic = ForecastTraffic::new(scenario, &targets.api, &targets.token, ids, company);
    let before = Scrape::read(&targets.internal)?;
    told(&format!("running {} for {:?}", scenario.name, settings.schedule.length()));
    let engine = Engine::connect(settings, &traffic.kinds()).map_err(|error| named(error, targets))?;
    let over = Arc::<AtomicBool>::default();
    let stall = scenario.stall.zip(staller).map(|(stall, staller)| stall_later(staller, stall, Arc::clone(&over)));
    let clock = ClockWatch::start();
    let (mut memory_bytes, mut stepped) = (Vec::new(), None);
    let measured = engine.run(&mut traffic, &mut |so_far| {
        live(so_far);
        memory_bytes.extend(memory.and_then(|memory| memory()));
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
    let measured = measured.map_err(|error| named(error, targets))?;
    if let Some(step) = stepped.or_else(|| clock.check().err()) {
        return Err(step.into());
    }
    if interrupted.load(Ordering::SeqCst) {
        return Err(Failure::Target("interrupted: there is no report".to_owned()));
    }
    let propagation = observers.map(|observers| {
        await_last(&traffic, measured.started);
        join(&traffic.writes, &traffic.polled, &observers.close(), targets.api.len(), measured.started)
    });
    let after = Scrape::read(&targets.internal)?;
    let server = (!targets.internal.is_empty()).then(|| ServerSide::of(&before, &after, &measured));
    if traffic.dropped {
        notes
            .push("more writes or sightings than are remembered: the later ones are not in the propagation".to_owned());
    }
    note_sizes(scenario, &traffic, &mut notes);
    if traffic.not_reached > 0 {
        notes.push(format!(
            "{} answers 503 to a minimum version not reached in time (C4 allows them)",
            traffic.not_reached
        ));
    }
    Ok(Executed { measured, server, expected, propagation, memory: memory_bytes, population: size, notes })
}

fn settings(scenario: &Scenario, targets: &Targets) -> Result<Settings, Failure> {
    let resolve =
        |url: &crate::http::BaseUrl| url.resolve().map_err(|error| Failure::Target(format!("{url}: {error}")));
    Ok(Settings {
        targets: targets.api.iter().map(resolve).collect::<Result<_, _>>()?,
        connections: scenario.connections,
        schedule: scenario.schedule()?,
        warm_up: scenario.warm_up(),
        timeout: Duration::from_millis(scenario.timeout_ms),
        backlog_max: BACKLOG_MAX,
        drain: DRAIN,
    })
}

fn named(error: EngineError, targets: &Targets) -> Failure {
    match error {
        EngineError::Unreachable(number) => {
            let url = targets.api.get(number).map_or_else(String::new, ToString::to_string);
            Failure::Target(format!("{url} takes no connections"))
        }
        EngineError::Io(_) => error.into(),
    }
}

/// The forecasts that are asked for, and all instances sure of their caches.
fn population(
    scenario: &Scenario,
    targets: &Targets,
    told: &mut dyn FnMut(&str),
    notes: &mut Vec<String>,
) -> Result<Vec<String>, Failure> {
    let size = scenario.population.size;
    let ids = if targets.may_write {
        told(&format!("seeding {size} forecasts"));
        let before = Scrape::read(&targets.internal)?;
        let ids = seed::seed(targets, size, &mut |_| {})?;
        if targets.is_ours {
            told("waiting for the change feed");
            seed::settle(targets, &before, size)?;
        }
        ids
    } else if scenario.writes() {
        return Err(Failure::Usage(format!("{} writes: allow it with --allow-writes and --company", scenario.name)));
    } else {
        let ids = seed::find(targets, size)?;
        if ids.len() < size {
            notes.push(format!("{} forecasts are there, the scenario states {size}", ids.len()));
        }
        ids
    };
    let deadline = Instant::now() + TRUST_TIMEOUT;
    while !targets.internal.is_empty() && targets.is_ours {
        let trusted = Scrape::read(&targets.internal)?.sum("smartpulse_coherence_trusted", &[]);
        if trusted as usize >= targets.internal.len() {
            break;
        }
        if Instant::now() > deadline {
            return Err(Failure::Target("an instance does not trust its caches: nothing hears the beacon".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(ids)
}

/// The model counts with bodies of a stated size; they are what was seen, within two in a hundred, or that is said.
fn note_sizes(scenario: &Scenario, traffic: &ForecastTraffic, notes: &mut Vec<String>) {
    let (count, bytes) = traffic.bodies;
    let Some(sizes) = scenario.sizes.filter(|_| count > 0) else { return };
    let mean = bytes as f64 / count as f64;
    if (mean / sizes.body_bytes as f64 - 1.0).abs() > 0.02 {
        notes.push(format!(
            "documents have {mean:.0} bytes, the scenario states {}: its model is off",
            sizes.body_bytes
        ));
    }
}

/// Waits for the events of the last writes, so that the run's end is not counted against them.
fn await_last(traffic: &ForecastTraffic, started: Instant) {
    let Some(last) = traffic.writes.last() else { return };
    let due = started + Duration::from_nanos(last.acked_ns) + LAST_EVENTS;
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
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

impl Kind {
    /// Its name in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Propagation => "propagation",
            Self::Mixed => "mixed",
            Self::Stampede => "stampede",
            Self::Soak => "soak",
            Self::Outage => "outage",
        }
    }
}
