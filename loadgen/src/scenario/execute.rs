//! One run, from an open target to what was measured.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::checks::Checked;
use super::drive::{Drive, Driven, Usage, drive};
use super::expect::{Expected, expect};
use super::file::{Kind, Scenario};
use super::hook::Staller;
use super::notifications::{Notified, execute_notifications};
use super::observers::Observers;
use super::propagation::{Propagation, join};
use super::sampler::{Sampled, Sampler, Wanted};
use super::server_side::ServerSide;
use super::traffic::ForecastTraffic;
use crate::engine::{ClockWatch, Measured};
use crate::failure::Failure;
use crate::scrape::Scrape;
use crate::seed;
use crate::sinks::Sinks;
use crate::target::Targets;

/// How long the events of the last writes are waited for.
const LAST_EVENTS: Duration = Duration::from_secs(6);
/// How long instances may take to trust their caches after the seeding.
const TRUST_TIMEOUT: Duration = Duration::from_secs(30);

/// Brings a CSV of people's addresses into a server.
pub type Import<'a> = dyn Fn(&str) -> Result<(), Failure> + 'a;

/// A run.
pub struct Run<'a> {
    /// What is run.
    pub scenario: &'a Scenario,
    /// Against whom.
    pub targets: &'a Targets,
    /// Who is asked for stalls.
    pub staller: Option<Staller>,
    /// What the server uses, where it is ours.
    pub usage: Option<&'a dyn Fn() -> Option<Usage>>,
    /// Where notifications go.
    pub sinks: Option<&'a Sinks>,
    /// Tells the server people's addresses, where it is ours.
    pub import: Option<&'a Import<'a>>,
    /// Notices that the wall clock is set: then there is no report.
    pub clock: &'a ClockWatch,
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
    /// By what the guarantees were judged, where forecasts were read.
    pub checked: Option<Checked>,
    /// From commit to every instance.
    pub propagation: Option<Propagation>,
    /// What became of notifications.
    pub notified: Option<Notified>,
    /// The server's memory each second, in bytes.
    pub memory: Vec<u64>,
    /// The servers' mean lag each second, in milliseconds: from the commit of a change to its application to the caches of an
    /// instance; nothing where none was applied.
    pub lag_ms: Vec<Option<f64>>,
    /// Its processor time over the whole run, in seconds, where it is ours.
    pub processor_s: Option<f64>,
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
    if run.scenario.kind == Kind::Notifications {
        return execute_notifications(run);
    }
    let Run { scenario, targets, staller, usage, clock, interrupted, told, live, .. } = run;
    let mut notes = Vec::new();
    let ids = population(scenario, targets, told, &mut notes)?;
    let size = ids.len();
    let expected = match size == scenario.population.size && targets.is_ours {
        true => expect(scenario, targets.api.len(), size)?,
        false => None,
    };
    let observes = scenario.writes();
    let observers = if observes { Some(Observers::open(&targets.api, &targets.token, &ids)?) } else { None };
    let company = targets.company.to_string();
    let mut traffic = ForecastTraffic::new(scenario, &targets.api, &targets.token, ids, company);
    if let Some(observers) = &observers {
        traffic.wanted = observers.wanted();
        notes.extend_from_slice(observers.notes());
    }
    let before = Scrape::read(&targets.internal)?;
    told(&format!("running {} for {:?}", scenario.name, scenario.schedule()?.length()));
    let drive_with = Drive { scenario, urls: &targets.api, staller, usage, clock, interrupted, live };
    let (addresses, warm_up) = (targets.internal.clone(), scenario.warm_up());
    let sampler = Sampler::start(Wanted { addresses, warm_up, lag: observes });
    let driven = drive(drive_with, &mut traffic);
    let Sampled { warm, lag_ms } = sampler.end();
    let Driven { measured, memory, processor_s } = driven?;
    let propagation = observers.map(|observers| {
        await_last(&traffic, measured.started);
        join(&traffic.writes, &traffic.polled, &observers.close(), targets.api.len(), measured.started)
    });
    let after = Scrape::read(&targets.internal)?;
    let server = (!targets.internal.is_empty()).then(|| ServerSide::of(&before, warm.as_ref(), &after, &measured));
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
    Ok(Executed {
        measured,
        server,
        expected,
        checked: Some(traffic.checked()),
        propagation,
        notified: None,
        memory,
        lag_ms,
        processor_s,
        population: size,
        notes,
    })
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
            Self::Notifications => "notifications",
        }
    }
}
