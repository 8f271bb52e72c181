//! The Pulsar broker.

use std::sync::Arc;
use std::time::Duration;

use adapters::pulsar::{PulsarAdmin, PulsarExamination, measure_round_trips};
use adapters::system::SystemClock;
use domain::ports::BusError;

use crate::config::Config;
use crate::doctor::{Finding, Verdict, days, duration, round_trip};
use crate::wiring::pulsar;

const BACKEND: &str = "pulsar";
/// Send to receipt, by a subscriber that has caught up; measured: 1.9 ms on one machine.
const USUAL: Duration = Duration::from_millis(8);
/// The broker tells the time in whole seconds: less than this is not certain to be a difference.
const CLOCK_MAX_S: i64 = 2;
const REACH: &str = "are bus.url and bus.admin_url right, the broker up, and the token?";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let settings = Arc::new(pulsar::settings(config));
    let admin = match PulsarAdmin::new(Arc::clone(&settings)) {
        Ok(admin) => admin,
        Err(error) => return vec![Finding::error(BACKEND, "client", &error, "is TLS set up on this machine?")],
    };
    let mut found = match admin.examine(&SystemClock).await {
        Ok(examined) => judge(&examined, config),
        Err(error) => vec![Finding::error(BACKEND, "admin API", &error, REACH)],
    };
    found.push(match measure_round_trips(&settings, &admin).await {
        Ok(taken) => round_trip(BACKEND, &taken, USUAL),
        // Where topics are made by hand there is none for a measurement.
        Err(error @ BusError::Refused(_)) => Finding {
            verdict: Verdict::Warning,
            ..Finding::error(BACKEND, "round trip", &error, "not measured: we may not make a topic in bus.namespace")
        },
        Err(error) => Finding::error(BACKEND, "round trip", &error, REACH),
    });
    found
}

fn judge(examined: &PulsarExamination, config: &Config) -> Vec<Finding> {
    let mut found = vec![Finding::ok(BACKEND, "version", format!("{} at {}", examined.version, config.bus.url))];
    found.push(match &examined.health {
        Ok(()) => Finding::ok(BACKEND, "health", "ok"),
        Err(error) => Finding::error(BACKEND, "health", error, "the broker cannot send itself a message: see its log"),
    });
    found.push(new_entries_delay(examined));
    found.push(retention(examined, config));
    if let Some(ahead) = examined.clock_ahead_s {
        let off = (ahead.abs() > CLOCK_MAX_S).then_some((
            Verdict::Failure,
            "keep both clocks by NTP: the bound on stale answers holds while clocks differ by less than 1 s",
        ));
        found.push(Finding::judged(BACKEND, "clock", format!("{ahead} s ahead of ours, to 1 s"), off));
    }
    found
}

fn new_entries_delay(examined: &PulsarExamination) -> Finding {
    const WHAT: &str = "new entries";
    match &examined.new_entries_delay {
        Ok(Some(Duration::ZERO)) => Finding::ok(BACKEND, WHAT, "are looked for at once"),
        Ok(Some(delay)) => Finding::warning(
            BACKEND,
            WHAT,
            format!("are looked for after {}", duration(*delay)),
            "every message to a subscription that has caught up waits for it: set \
             managedLedgerNewEntriesCheckDelayInMillis=0 in broker.conf",
        ),
        Ok(None) => Finding::warning(
            BACKEND,
            WHAT,
            "the broker does not say its delay",
            "see to it that managedLedgerNewEntriesCheckDelayInMillis is 0",
        ),
        Err(error) => Finding {
            verdict: Verdict::Warning,
            ..Finding::error(
                BACKEND,
                WHAT,
                error,
                "we may not read the broker's settings: see to it that managedLedgerNewEntriesCheckDelayInMillis is 0",
            )
        },
    }
}

fn retention(examined: &PulsarExamination, config: &Config) -> Finding {
    const WHAT: &str = "retention";
    let wanted = config.bus.retention;
    match &examined.retention {
        Ok(None) => Finding::ok(BACKEND, WHAT, format!("for ever in {}", config.bus.namespace)),
        Ok(Some(kept)) => {
            let short = (*kept < wanted).then_some((
                Verdict::Warning,
                "a service raises it when it starts, if its token may; else set it by hand",
            ));
            let found = format!("{} of {} in {}", days(*kept), days(wanted), config.bus.namespace);
            Finding::judged(BACKEND, WHAT, found, short)
        }
        Err(error) => Finding::error(BACKEND, WHAT, error, "is bus.namespace there, and may the token see it?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_told_by_its_name() {
        let config = crate::config::load(&crate::config::Inputs::default()).unwrap().config;
        let good = || PulsarExamination {
            version: "4.0.8".to_owned(),
            health: Ok(()),
            new_entries_delay: Ok(Some(Duration::ZERO)),
            retention: Ok(Some(config.bus.retention)),
            clock_ahead_s: Some(1),
        };
        let worst = |examined: PulsarExamination| -> Vec<_> {
            let found = judge(&examined, &config);
            found.iter().filter(|one| one.verdict > Verdict::Ok).map(|one| (one.what, one.verdict)).collect()
        };
        assert_eq!(worst(good()), []);
        let refused = || BusError::Refused("no".to_owned());
        let slow = PulsarExamination { new_entries_delay: Ok(Some(Duration::from_millis(10))), ..good() };
        assert_eq!(worst(slow), [("new entries", Verdict::Warning)]);
        let hidden = PulsarExamination { new_entries_delay: Err(refused()), ..good() };
        assert_eq!(worst(hidden), [("new entries", Verdict::Warning)]);
        let ill = PulsarExamination { health: Err(refused()), ..good() };
        assert_eq!(worst(ill), [("health", Verdict::Failure)]);
        let short = PulsarExamination { retention: Ok(Some(Duration::ZERO)), ..good() };
        assert_eq!(worst(short), [("retention", Verdict::Warning)]);
        let off = PulsarExamination { clock_ahead_s: Some(-3), ..good() };
        assert_eq!(worst(off), [("clock", Verdict::Failure)]);
    }
}
