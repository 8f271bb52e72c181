//! C1 to C8 (DESIGN section 3.6): no seed of the simulation breaks them, every bug that was planted against them is found, and
//! the load generator, which knows nothing of the services' insides, saw none broken either. The simulation and the load generator
//! have everything embedded; what watches three processes over Redis and Pulsar is the suite `together`.

use super::super::claim::{Claim, Evidence, Section, Source};
use super::{at_least, at_most, tests};
use crate::figures::Unit::{Count, Ratio};

/// Seeds that a swarm must have had.
const SEEDS: u64 = 100;
const PROPAGATION: Source = Source::Load("propagation");
const OUTAGE: Source = Source::Load("outage");
/// Three processes over a real Redis and a real Pulsar, every answer and event judged.
const TOGETHER: Evidence = tests(&["2000_patches_round_robin"]);

fn guarantee(id: &'static str, text: &'static str, further: impl Into<Vec<Evidence>>) -> Claim {
    let of_simulation = [Evidence::Invariant { name: id, seeds: SEEDS }, Evidence::Caught { name: id }];
    super::claim(Section::Guarantee, id, text, [of_simulation.to_vec(), further.into()].concat())
}

pub(super) fn claims() -> Vec<Claim> {
    vec![
        guarantee(
            "C1",
            "monotonic: an instance never goes back on a key",
            [
                at_most(PROPAGATION, "error_went_back", 0.0, Count),
                at_least(PROPAGATION, "checked_monotonic", 1_000.0, Count),
                at_most(PROPAGATION, "stream_went_back", 0.0, Count),
                at_least(PROPAGATION, "stream_events", 1_000.0, Count),
                at_most(OUTAGE, "error_went_back", 0.0, Count),
                at_least(OUTAGE, "checked_monotonic", 1_000.0, Count),
                TOGETHER,
            ],
        ),
        guarantee("C2", "no_future: nothing is served that the store did not commit", []),
        guarantee(
            "C3",
            "bounded: an unmarked answer is at most 5 s old",
            [
                at_most(PROPAGATION, "error_older_than_5s", 0.0, Count),
                at_least(PROPAGATION, "checked_age", 1_000.0, Count),
                at_most(OUTAGE, "error_older_than_5s", 0.0, Count),
                at_least(OUTAGE, "checked_age", 100.0, Count),
                TOGETHER,
            ],
        ),
        guarantee(
            "C4",
            "own_writes: with `X-Min-Version` any instance answers at least that",
            [
                at_most(PROPAGATION, "error_below_minimum_version", 0.0, Count),
                at_least(PROPAGATION, "checked_minimum", 100.0, Count),
                tests(&["a_writer_reads_its_own_write", "a_minimum_is_waited_for_briefly"]),
                TOGETHER,
            ],
        ),
        guarantee(
            "C5",
            "gap_seen: every lost, doubled or reordered message is noticed",
            [tests(&["no_loss_goes_unseen"]), TOGETHER],
        ),
        guarantee("C6", "tags: no response is older than the last eviction of one of its tags", []),
        guarantee(
            "C7",
            "converge: when faults end, all tiers equal the store within 5 s",
            [at_least(PROPAGATION, "within_5s_share", 1.0, Ratio), TOGETHER],
        ),
        guarantee(
            "C8",
            "notify_once: at least one attempt and at most one visible effect per user, channel and device",
            super::specification::notified([tests(&[
                "two_instances_tell_each_completed_forecast_once_on_every_channel",
                "a_kill_at_any_time_loses_nothing_and_repeats_nothing_that_shows",
            ])]),
        ),
    ]
}
