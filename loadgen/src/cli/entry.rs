//! The commands.

use std::ffi::OsString;
use std::io::Write as _;

use clap::Parser as _;

use super::args::{ChangeArgs, Cli, Command, ReachArgs};
use super::measure::{changed, measure};
use super::reach;
use crate::engine::Percentiles;
use crate::failure::Failure;
use crate::http::BaseUrl;
use crate::report::{Direction, compare, read, render_comparison, schema};
use crate::scenario::{BUILTIN, Ceiling, ceiling, expect, load};
use crate::seed;

/// Runs the program; answers its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    match dispatch(cli.command) {
        Ok(()) => 0,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "loadgen: {failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Reads(args) => measure(load("reads")?, &args),
        Command::Propagation(args) => measure(load("propagation")?, &args),
        Command::Mixed(args) => measure(load("mixed")?, &args),
        Command::Stampede(args) => measure(load("stampede")?, &args),
        Command::Soak(args) => measure(load("soak")?, &args),
        Command::Outage(args) => measure(load("outage")?, &args),
        Command::Notifications(args) => measure(load("notifications")?, &args),
        Command::Run { scenario, args } => measure(load(&scenario)?, &args),
        Command::Seed { size, reach } => seed_all(size, &reach),
        Command::Clean { reach } => {
            let targets = reach::named(&reach)?;
            targets.preflight()?;
            say(&format!("{} forecasts removed\n", seed::clean(&targets)?));
            Ok(())
        }
        Command::Compare { before, after } => {
            let (before, after) = (read(&before)?, read(&after)?);
            if before.scenario != after.scenario {
                let text = format!("{} and {} are different scenarios", before.scenario, after.scenario);
                return Err(Failure::Usage(text));
            }
            let changes = compare(&before, &after);
            say(&render_comparison(&before, &after, &changes));
            match changes.iter().any(|change| change.direction == Direction::Worse) {
                true => Err(Failure::Threshold("the second report is worse".to_owned())),
                false => Ok(()),
            }
        }
        Command::Expect { scenario, instances, change } => show_expected(&scenario, instances, &change),
        Command::Scenario { name } => match BUILTIN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => {
                say(text);
                Ok(())
            }
            None => load(&name).map(drop),
        },
        Command::Ceiling { target, id, rate, seconds, connections } => {
            let token = std::env::var("LOADGEN_TOKEN").unwrap_or_else(|_| "none".to_owned());
            let url = BaseUrl::parse(&target)?;
            show_ceiling(&Ceiling { url, id: id.to_string(), token, rate, seconds, connections })
        }
        Command::Schema => {
            say(&schema());
            Ok(())
        }
    }
}

/// A closed pipe is no failure.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn seed_all(size: usize, reach: &ReachArgs) -> Result<(), Failure> {
    let targets = reach::named(reach)?;
    targets.preflight()?;
    let ids = seed::seed(&targets, size, &mut |count| {
        if count % 5_000 == 0 {
            let _ = writeln!(std::io::stderr(), "{count} of {size}");
        }
    })?;
    say(&format!("{} forecasts are there; `loadgen clean` removes them\n", ids.len()));
    Ok(())
}

fn show_ceiling(wanted: &Ceiling) -> Result<(), Failure> {
    let measured = ceiling(wanted)?;
    let errors: u64 = measured.failures.values().sum();
    let (lateness, latency) = (Percentiles::of(&measured.lateness), Percentiles::of(&measured.planned));
    let us = |ns: u64| ns as f64 / 1e3;
    say(&format!(
        "{:.0} replies/s, each checked; {errors} errors, {} not sent; lateness p50 {:.1} us, p99 {:.1} us; latency p50 {:.1} us, p99 {:.1} us\n",
        (measured.done - errors) as f64 / (measured.elapsed_ns as f64 / 1e9),
        measured.not_sent,
        us(lateness.p50),
        us(lateness.p99),
        us(latency.p50),
        us(latency.p99)
    ));
    for (name, count) in &measured.failures {
        say(&format!("error {name}: {count}\n"));
    }
    Ok(())
}

fn show_expected(name: &str, instances: usize, change: &ChangeArgs) -> Result<(), Failure> {
    let scenario = changed(load(name)?, change)?;
    if instances == 0 {
        return Err(Failure::Usage("there is at least one instance".to_owned()));
    }
    let Some(expected) = expect(&scenario, instances, scenario.population.size)? else {
        return Err(Failure::Usage(format!("{name} states no [sizes]: there is nothing to compute")));
    };
    let percent = |shares: [f64; 4]| shares.map(|share| format!("{:7.3}", share * 100.0)).join(" ");
    let [l1, l2, l3] = expected.entries;
    say(&format!(
        "L1 {l1} and L2 {l2} forecasts in each of {instances} instances, L3 {l3}, of {}\n                  L1      L2      L3      L4   (%)\n\
         simulated    {}\nclosed form  {}\n",
        scenario.population.size,
        percent(expected.simulated),
        percent(expected.ideal)
    ));
    Ok(())
}
