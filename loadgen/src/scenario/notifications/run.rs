//! One run of notifications.

use std::time::{Duration, Instant};

use super::super::drive::{Drive, drive};
use super::super::execute::{Executed, Run};
use super::inboxes::Inboxes;
use super::join::join;
use super::people::{Person, directory, forget, register, token};
use super::traffic::NotificationTraffic;
use crate::failure::Failure;
use crate::sinks::{Arrivals, Channel, Sinks};

/// How long the last notifications may take.
const LAST_ARRIVALS: Duration = Duration::from_secs(15);
/// Nothing has come for so long: nothing comes twice either.
const QUIET: Duration = Duration::from_secs(2);

/// Sends, and waits for the arrivals.
pub(crate) fn execute_notifications(mut run: Run<'_>) -> Result<Executed, Failure> {
    let (targets, scenario) = (run.targets, run.scenario);
    let missing = |what: &str| Failure::Usage(format!("notifications: {what}"));
    let sinks = run.sinks.ok_or_else(|| missing("there are no sinks"))?;
    if !targets.may_write {
        return Err(missing("it writes: allow it with --allow-writes and --company"));
    }
    if targets.notifications.is_empty() {
        return Err(missing("name the --notifications URL of the notification API (or the server serves none)"));
    }
    (run.told)(&format!("{} people, with their devices", scenario.population.size));
    let sender = token(targets, None, true)?;
    let number = u64::from(std::process::id()) & 0xffff;
    let people = register(targets, sinks, scenario.population.size, number)?;
    if let Some(import) = run.import {
        import(&directory(&people))?;
    }
    let outcome = measure(&mut run, &people, sender, sinks);
    // Taken away again from a server that is not ours, also where the run failed.
    let forgotten = if targets.is_ours { Ok(()) } else { forget(targets, &people) };
    let mut executed = outcome?;
    if let Err(failure) = forgotten {
        executed.notes.push(format!("devices were NOT removed: {failure}"));
    }
    Ok(executed)
}

fn measure(run: &mut Run<'_>, people: &[Person], sender: String, sinks: &Sinks) -> Result<Executed, Failure> {
    let (targets, scenario) = (run.targets, run.scenario);
    let channels = match run.import {
        Some(_) => Channel::ALL.to_vec(),
        None => vec![Channel::InApp, Channel::WebPush],
    };
    let inboxes = Inboxes::open(targets, people, &sinks.arrivals)?;
    let urls = [targets.notifications.clone(), targets.api.clone()].concat();
    let notifying = targets.notifications.len();
    let mut traffic = NotificationTraffic::new(scenario, people, targets.company, sender, &urls, notifying);
    let length = scenario.schedule()?.length();
    (run.told)(&format!("running {} for {length:?}", scenario.name));
    let driven = drive(
        Drive {
            scenario,
            urls: &urls,
            staller: None,
            usage: run.usage,
            clock: run.clock,
            interrupted: run.interrupted,
            live: &mut *run.live,
        },
        &mut traffic,
    )?;
    await_last(&sinks.arrivals, traffic.accepted.len() * channels.len());
    let streams_lost = inboxes.close();
    let (landed, warm_up) = (sinks.arrivals.all(), scenario.warm_up().as_nanos());
    let warm_up_ns = u64::try_from(warm_up).unwrap_or(u64::MAX);
    let mut notified = join(&traffic.accepted, &landed, &channels, driven.measured.started, warm_up_ns);
    notified.streams_lost = streams_lost;
    let mut notes = Vec::new();
    if run.import.is_none() {
        notes.push("FCM and mails were not measured: their settings and the directory are the operator's".to_owned());
        notes.push("the people's inboxes keep what they were told; it goes with `notifications.inbox_days`".to_owned());
    }
    Ok(Executed {
        measured: driven.measured,
        server: None,
        expected: None,
        checked: None,
        propagation: None,
        notified: Some(notified),
        memory: driven.memory,
        lag_ms: Vec::new(),
        processor_s: driven.processor_s,
        population: people.len(),
        notes,
    })
}

/// Waits until as much has come as must, and then for what comes twice.
fn await_last(arrivals: &Arrivals, expected: usize) {
    let deadline = Instant::now() + LAST_ARRIVALS;
    while arrivals.count() < expected && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(QUIET);
}
