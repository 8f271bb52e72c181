//! The numbers of the specification, by its sections.

use super::super::claim::{Claim, Evidence, Section, Source};
use super::{at_least, at_most, tests};
use crate::figures::Unit::{Count, Ms, Percent, Ratio};

const READS: Source = Source::Load("reads");
const PROPAGATION: Source = Source::Load("propagation");
const NOTIFICATIONS: Source = Source::Load("notifications");
const TIERS: Source = Source::Bench("tiers");
/// The case `propagation` of the suite `together`, in release.
const ROAD: Source = Source::Suite("road");

fn claim(id: &'static str, text: &'static str, evidence: impl Into<Vec<Evidence>>) -> Claim {
    super::claim(Section::Specification, id, text, evidence)
}

/// A share of the tiers, within half a point.
fn share(name: &'static str, wanted: f64) -> Vec<Evidence> {
    vec![at_least(READS, name, wanted - 0.005, Ratio), at_most(READS, name, wanted + 0.005, Ratio)]
}

pub(super) fn claims() -> Vec<Claim> {
    [reads(), propagation(), notifications(), work()].concat()
}

fn reads() -> Vec<Claim> {
    vec![
        claim(
            "S 1.1",
            "a client receives a forecast within 1-20 ms (embedded tiers)",
            [
                at_most(READS, "p50_ms", 20.0, Ms),
                at_most(READS, "p99_ms", 20.0, Ms),
                at_most(READS, "not_sent", 0.0, Count),
                at_most(READS, "errors", 0.0, Count),
            ],
        ),
        claim(
            "S summary",
            "a cache miss takes less than 20 ms (L3 embedded and in Redis, L4 in SQLite)",
            [
                at_most(TIERS, "l3_p99", 20.0, Ms),
                at_most(TIERS, "l4_p99", 20.0, Ms),
                at_most(TIERS, "l3_redis_p99", 20.0, Ms),
            ],
        ),
        claim(
            "S summary",
            "a cache miss takes less than 20 ms (L4 in SQL Server)",
            [Evidence::Missing("no SQL Server is started here")],
        ),
        claim("S 1.1", "L1 answers 75 % of reads", share("l1_share", 0.75)),
        claim("S 1.1", "L2 answers 15 % of reads", share("l2_share", 0.15)),
        claim("S 1.1", "L3 answers 8 % of reads (L3 embedded)", share("l3_share", 0.08)),
        claim("S 1.1", "L4 answers 2 % of reads (L3 and L4 embedded)", share("l4_share", 0.02)),
        claim(
            "S summary",
            "caching reduces the database's load 50 times (L3 embedded, the database SQLite)",
            [at_least(READS, "database_load_reduction", 50.0, Ratio)],
        ),
    ]
}

/// Times of notifications mean something only where all of them were sent, accepted, and arrived once.
pub(super) fn notified(own: impl Into<Vec<Evidence>>) -> Vec<Evidence> {
    let whole = ["errors", "not_sent", "missing", "extra"].map(|name| at_most(NOTIFICATIONS, name, 0.0, Count));
    [own.into(), whole.to_vec(), vec![at_least(NOTIFICATIONS, "notifications", 100.0, Count)]].concat()
}

/// The road of production: what the suite `together` saw of three processes on one SQLite file, a Redis and a Pulsar. Times of a
/// build that is not optimised are nobody's.
fn road(name: &'static str, most: f64) -> [Evidence; 2] {
    [at_most(ROAD, name, most, Ms), at_least(ROAD, "is_release", 1.0, Count)]
}

fn propagation() -> Vec<Claim> {
    let embedded = |name, bench, most| {
        [at_most(PROPAGATION, name, most, Ms), at_most(Source::Bench("propagation"), bench, most, Ms)]
    };
    vec![
        claim(
            "S 4.1, 6.1",
            "a change is on all instances within 1-5 s (all of it embedded, three instances of one process)",
            [
                at_least(PROPAGATION, "within_5s_share", 1.0, Ratio),
                at_most(PROPAGATION, "propagation_max_ms", 5_000.0, Ms),
            ],
        ),
        claim(
            "S 4.1, 6.1",
            "a change is on all instances within 1-5 s (three processes on SQLite, over Pulsar and Redis)",
            [road("applied_p99", 5_000.0).to_vec(), road("applied_max", 5_000.0).to_vec()].concat(),
        ),
        claim(
            "S 6.1",
            "CDC detection takes 100-500 ms (SQL Server)",
            [Evidence::Missing("no SQL Server is started here: its feed was never timed")],
        ),
        claim(
            "S 6.1",
            "CDC detection takes 100-500 ms (the change table of SQLite, embedded)",
            embedded("detection_p99_ms", "detection_p99", 500.0),
        ),
        claim("S 6.1", "polling to Pulsar takes 100-300 ms", road("polling_to_bus_p99", 300.0)),
        claim(
            "S 6.1",
            "polling to the bus takes 100-300 ms (the embedded bus)",
            embedded("polling_to_bus_p99_ms", "polling_to_bus_p99", 300.0),
        ),
        claim("S 6.1", "Pulsar propagation takes 50-100 ms", road("bus_p99", 100.0)),
        claim(
            "S 6.1",
            "propagation of the bus takes 50-100 ms (the embedded bus)",
            embedded("bus_p99_ms", "bus_p99", 100.0),
        ),
        claim("S 6.1", "Redis Pub/Sub delivery takes 10-50 ms", road("pub_sub_p99", 50.0)),
        claim(
            "S 6.1",
            "Pub/Sub delivery takes 10-50 ms (the embedded backplane)",
            embedded("pub_sub_p99_ms", "pub_sub_p99", 50.0),
        ),
        claim(
            "S 6.1",
            "an instance processes a change within 10-50 ms (over Pulsar and Redis)",
            road("processing_p99", 50.0),
        ),
        claim(
            "S 6.1",
            "an instance processes a change within 10-50 ms (embedded)",
            embedded("processing_p99_ms", "processing_p99", 50.0),
        ),
    ]
}

fn notifications() -> Vec<Claim> {
    vec![
        claim(
            "S 5.1",
            "an in-app notification is stored within 10-50 ms (SQLite)",
            notified([
                at_most(NOTIFICATIONS, "in_app_p50_ms", 50.0, Ms),
                at_most(NOTIFICATIONS, "in_app_p99_ms", 50.0, Ms),
            ]),
        ),
        claim(
            "S 5.1",
            "Web Push takes 100-500 ms (to a sink on this machine: the push service's own time is not in it)",
            notified([at_most(NOTIFICATIONS, "web_push_p99_ms", 500.0, Ms)]),
        ),
        claim(
            "S 5.1",
            "FCM takes 50-200 ms (to a sink on this machine: Google's own time is not in it)",
            notified([at_most(NOTIFICATIONS, "fcm_p99_ms", 200.0, Ms)]),
        ),
        claim(
            "S 5.1",
            "all devices of a user in parallel take 200-500 ms (to sinks on this machine)",
            notified([at_most(NOTIFICATIONS, "all_devices_p99_ms", 500.0, Ms)]),
        ),
        claim(
            "S summary",
            "an event is on its channels within 50-500 ms (to sinks on this machine, all else embedded)",
            notified([
                at_most(NOTIFICATIONS, "all_channels_p50_ms", 500.0, Ms),
                at_most(NOTIFICATIONS, "all_channels_p99_ms", 500.0, Ms),
            ]),
        ),
        claim(
            "S 7.3",
            "Firebase is given up after 5 s, and no other channel suffers (a server that hangs in its place)",
            [tests(&[
                "an_attempt_that_hangs_is_given_up_after_five_seconds",
                "firebase_unreachable_hurts_no_other_channel",
            ])],
        ),
        claim(
            "S 5.1, 7.3",
            "retries after 100, 200, 400 and 800 ms, then a failure: pushes and batches of mails",
            [tests(&[
                "the_schedule_is_the_specifications",
                "a_batch_that_cannot_be_written_is_tried_by_the_schedule_and_not_lost",
            ])],
        ),
    ]
}

fn work() -> Vec<Claim> {
    vec![
        claim(
            "S 6.1",
            "an idle tracker waits 50, 100, 200 ms ... 5 s",
            [tests(&["the_table_of_the_specification", "longer_idle_never_waits_less_and_bounds_hold"])],
        ),
        claim(
            "S summary",
            "batches improve throughput 50 times (100 rows, durable, through the API, SQLite)",
            [at_least(Source::Bench("batch"), "batch_over_singles", 50.0, Ratio)],
        ),
        claim(
            "S 6.1",
            "Zstd makes the messages of `cdc:forecasts` 20-30 % smaller",
            [at_least(Source::Bench("wire"), "cdc_saved", 20.0, Percent)],
        ),
        claim(
            "S summary",
            "stateless: processor time of a request at 2 and 3 instances is that at 1 (within a quarter)",
            [
                Evidence::Ratio {
                    of: (Source::Load("cpu-2"), "server_cpu_us_per_request"),
                    over: (Source::Load("cpu-1"), "server_cpu_us_per_request"),
                    at_most: 1.25,
                },
                Evidence::Ratio {
                    of: (Source::Load("cpu-3"), "server_cpu_us_per_request"),
                    over: (Source::Load("cpu-1"), "server_cpu_us_per_request"),
                    at_most: 1.25,
                },
            ],
        ),
    ]
}
