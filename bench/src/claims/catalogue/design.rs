//! The numbers that DESIGN states (by its sections), and those that were set as goals beside it.

use super::super::claim::{Claim, Evidence, Section, Source};
use super::{at_least, at_most, tests};
use crate::figures::Unit::{Count, Ms, PerS, Ratio, S};

const SOAK: Source = Source::Load("soak");

fn claim(id: &'static str, text: &'static str, evidence: impl Into<Vec<Evidence>>) -> Claim {
    super::claim(Section::Design, id, text, evidence)
}

pub(super) fn claims() -> Vec<Claim> {
    [caches(), writes(), instruments()].concat()
}

fn caches() -> Vec<Claim> {
    let stampede = Source::Load("stampede");
    vec![
        claim(
            "D 3.2",
            "single flight: a thousand readers of a cold forecast cost one read of the store for each instance",
            [
                at_most(stampede, "loads_per_burst_and_instance", 1.0, Count),
                at_least(stampede, "loads_per_burst_and_instance", 1.0, Count),
                tests(&["a_thousand_readers_of_a_cold_forecast_cost_one_read"]),
            ],
        ),
        claim(
            "D 3.5",
            "a killed process is taken over within 1.5 s, and leases survive it (in paused time)",
            [tests(&[
                "a_killed_tracker_is_followed_within_a_second_and_a_half_and_no_lease_is_lost",
                "a_killed_sync_is_followed_and_no_lease_is_lost",
            ])],
        ),
        claim(
            "D 3.5",
            "a killed leader is taken over without anybody noticing",
            [tests(&["a_standby_takes_over_and_nobody_notices"])],
        ),
        claim(
            "D 3.5",
            "after the server stood still for 3 s it is well within 5 s",
            [at_most(Source::Load("outage"), "recovered_after_s", 5.0, S)],
        ),
        claim("D 3.6", "a minimum version is waited for at most 50 ms", [tests(&["a_minimum_is_waited_for_briefly"])]),
        claim(
            "D 3.3",
            "each of the two roads converges alone",
            [tests(&[
                "without_the_change_feed_invalidations_alone_converge",
                "without_the_invalidation_road_the_change_feed_alone_converges_lists_included",
            ])],
        ),
        claim(
            "goal",
            "a change is on all three instances within 2 ms (p50, in one process)",
            [at_most(Source::Bench("propagation"), "everywhere_p50", 2.0, Ms)],
        ),
    ]
}

fn writes() -> Vec<Claim> {
    vec![
        claim(
            "D 8",
            "the embedded bus takes 4,700 writes a second with p99 0.35 ms",
            [Evidence::Missing("no bench writes to the store alone: `writes` goes through the whole router")],
        ),
        claim(
            "goal",
            "1,000 durable writes a second through the API on SQLite",
            [
                at_least(Source::Bench("writes"), "open_loop_per_s", 990.0, PerS),
                at_least(Source::Bench("writes"), "closed_loop_per_s", 1_000.0, PerS),
            ],
        ),
        claim(
            "goal",
            "5,000 pushes a second on two cores, the sink's work included",
            [at_least(Source::Bench("push"), "sent_per_s", 5_000.0, PerS)],
        ),
        claim(
            "goal",
            "5,000 mails a second on two cores, the sink's work included",
            [at_least(Source::Bench("mail"), "sent_per_s_10", 5_000.0, PerS)],
        ),
    ]
}

fn instruments() -> Vec<Claim> {
    vec![
        claim(
            "D 1",
            "the simulation hits every mark that a batch must reach, and every planted bug is caught",
            [at_most(Source::Swarm, "marks_missed", 0.0, Count), Evidence::Caught { name: "" }],
        ),
        claim(
            "D 8",
            "the simulation runs 85 simulated seconds a second (a batch of seeds, on all processors)",
            [at_least(Source::Swarm, "simulated_s_per_wall_s", 85.0, Ratio)],
        ),
        claim(
            "goal",
            "the mix at a steady rate, for a minute at least: memory does not climb (by a tenth), the instances' lag neither (by 50 ms)",
            [
                at_least(SOAK, "measured_s", 60.0, S),
                at_most(SOAK, "memory_growth", 1.1, Ratio),
                at_most(SOAK, "lag_climb_ms", 50.0, Ms),
                at_most(SOAK, "lag_max_ms", 5_000.0, Ms),
                at_least(SOAK, "within_5s_share", 1.0, Ratio),
            ],
        ),
        claim(
            "goal",
            "all tests pass",
            [
                at_most(Source::Suite(super::TESTS), "exit_code", 0.0, Count),
                at_least(Source::Suite(super::TESTS), "exit_code", 0.0, Count),
                at_most(Source::Suite(super::TESTS), "failed", 0.0, Count),
                at_least(Source::Suite(super::TESTS), "passed", 1_000.0, Count),
            ],
        ),
    ]
}
