//! One run from the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use origin::machine;

use super::args::{ChangeArgs, RunArgs};
use super::live::Live;
use super::reach;
use crate::engine::ClockWatch;
use crate::failure::Failure;
use crate::report::{Circumstances, Report, build, clear, summary, write};
use crate::scenario::{Kind, Run, Scenario, Staller, Usage, execute};
use crate::seed;
use crate::sinks::Sinks;
use crate::spawn::{Spawned, Wanted, beside_ourselves, version_of};
use crate::target::Targets;

/// The scenario with what the flags change.
pub(super) fn changed(mut scenario: Scenario, change: &ChangeArgs) -> Result<Scenario, Failure> {
    if let Some(rate) = change.rate {
        let highest = scenario.stages.iter().map(|stage| stage.rate.max(stage.to.unwrap_or(0.0))).fold(0.0, f64::max);
        for stage in &mut scenario.stages {
            stage.rate *= rate / highest;
            stage.to = stage.to.map(|to| to * rate / highest);
        }
    }
    if let Some(duration) = change.duration
        && let Some(longest) = scenario.stages.iter_mut().max_by(|a, b| a.seconds.total_cmp(&b.seconds))
    {
        longest.seconds = duration;
    }
    scenario.warm_up_s = change.warm_up.unwrap_or(scenario.warm_up_s);
    scenario.population.size = change.population.unwrap_or(scenario.population.size);
    scenario.seed = change.seed.unwrap_or(scenario.seed);
    scenario.connections = change.connections.unwrap_or(scenario.connections);
    scenario.check()?;
    Ok(scenario)
}

/// Runs a scenario, writes the report, and answers it.
pub(super) fn measure(scenario: Scenario, args: &RunArgs) -> Result<(), Failure> {
    let scenario = changed(scenario, &args.change)?;
    let folder = args.out.clone().unwrap_or_else(|| Path::new("loadgen-out").join(&scenario.name));
    clear(&folder).map_err(|error| Failure::Usage(format!("{}: {error}", folder.display())))?;
    let length = scenario.schedule()?.length();
    let mut live = Live::new(args.quiet, length.as_secs_f64(), scenario.warm_up_s);
    let interrupted = Arc::<AtomicBool>::default();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)))
            .map_err(|error| Failure::Usage(format!("signals: {error}")))?;
    }
    let sinks = match scenario.kind {
        Kind::Notifications => Some(Sinks::start(args.sink_listen)?),
        _ => None,
    };
    let (server, version) = match args.spawn {
        Some(instances) => {
            let mut settings = scenario.settings();
            settings.extend(sinks.as_ref().map(Sinks::settings).unwrap_or_default());
            let (server, version) = start(&scenario, &settings, instances, args.binary.as_deref(), &mut live)?;
            (Some(server), Some(version))
        }
        None => (None, None),
    };
    let targets = match &server {
        Some(server) => reach::spawned(server)?,
        None => reach::named(&args.reach)?,
    };
    let ours = Ours { server: server.as_ref(), version, sinks: sinks.as_ref() };
    let outcome = run(&scenario, &targets, ours, args, &mut live, &interrupted);
    live.close();
    let report = match (outcome, &server) {
        (Err(Failure::Target(reason)), Some(server)) if !server.log().is_empty() => {
            return Err(Failure::Target(format!("{reason}\nthe server's last lines:\n{}", server.log())));
        }
        (outcome, _) => outcome?,
    };
    finish(&report, &folder)
}

fn start(
    scenario: &Scenario,
    settings: &BTreeMap<String, String>,
    instances: usize,
    binary: Option<&Path>,
    live: &mut Live,
) -> Result<(Spawned, String), Failure> {
    let binary: PathBuf = match binary {
        // Its folder is not ours once it runs in one of its own.
        Some(binary) => {
            binary.canonicalize().map_err(|error| Failure::Usage(format!("{}: {error}", binary.display())))?
        }
        None => beside_ourselves()?,
    };
    let version = version_of(&binary)?;
    live.say(&format!("starting {instances} instances of {version}"));
    let wanted = Wanted { binary: &binary, instances, settings, roles: &scenario.roles };
    Ok((Spawned::start(&wanted)?, version))
}

/// What was started for a run.
struct Ours<'a> {
    server: Option<&'a Spawned>,
    version: Option<String>,
    sinks: Option<&'a Sinks>,
}

fn run(
    scenario: &Scenario,
    targets: &Targets,
    ours: Ours<'_>,
    args: &RunArgs,
    live: &mut Live,
    interrupted: &AtomicBool,
) -> Result<Report, Failure> {
    let Ours { server, version, sinks } = ours;
    let staller = match (&args.outage_hook, server) {
        (Some(command), _) => Some(Staller::Command(command.clone())),
        (None, Some(server)) => Some(Staller::Process(server.pid())),
        (None, None) if scenario.stall.is_some() => {
            return Err(Failure::Usage("the [stall] of a --target needs an --outage-hook".to_owned()));
        }
        (None, None) => None,
    };
    let preflight = targets.preflight()?;
    if scenario.kind == Kind::Notifications {
        targets.sends_to_sinks()?;
    }
    for note in &preflight.notes {
        live.say(&format!("note: {note}"));
    }
    let circumstances = Circumstances {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        started_at: jiff::Timestamp::now(),
        machine: machine(),
        server: version,
    };
    let usage = || {
        let (memory_bytes, processor_s) = server.and_then(|server| server.memory_bytes().zip(server.processor_s()))?;
        Some(Usage { memory_bytes, processor_s })
    };
    let import = server.map(|server| move |table: &str| server.import_directory(table));
    let clock = ClockWatch::start();
    let live = std::cell::RefCell::new(live);
    let executed = execute(Run {
        scenario,
        targets,
        staller,
        usage: Some(&usage),
        sinks,
        import: import.as_ref().map(|import| import as &dyn Fn(&str) -> Result<(), Failure>),
        clock: &clock,
        interrupted,
        told: &mut |text| live.borrow_mut().say(text),
        live: &mut |so_far| live.borrow_mut().second(so_far),
    });
    // What was written to somebody else's system is removed, also where the run failed.
    if targets.may_write && !targets.is_ours {
        let mut live = live.borrow_mut();
        live.say("removing what was seeded");
        match seed::clean(targets) {
            Ok(removed) => live.say(&format!("{removed} forecasts removed")),
            // The run's own outcome matters more.
            Err(failure) => live.say(&format!("NOT removed: {failure}; `loadgen clean` tries again")),
        }
    }
    let executed = executed?;
    Ok(build(scenario, &executed, targets, &preflight, circumstances))
}

fn finish(report: &Report, folder: &Path) -> Result<(), Failure> {
    let file = write(report, folder)?;
    // A closed pipe hinders nothing: the report is written.
    let _ = std::io::Write::write_all(
        &mut std::io::stdout(),
        format!("{}report: {}\npage:   {}\n", summary(report), file.display(), folder.join("index.html").display())
            .as_bytes(),
    );
    if report.passed {
        return Ok(());
    }
    let missed: Vec<_> =
        report.thresholds.iter().filter(|threshold| !threshold.holds).map(|t| t.metric.as_str()).collect();
    let reason = report.aborted.as_deref().map_or_else(String::new, |reason| format!("; ended early: {reason}"));
    Err(Failure::Threshold(format!("missed: {}{reason}", missed.join(", "))))
}
