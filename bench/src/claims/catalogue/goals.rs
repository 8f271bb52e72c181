//! The goals of the research: ratios of two things measured in one run.

use super::super::claim::{Claim, Evidence, Section, Source};
use super::{at_least, at_most, tests};
use crate::figures::Unit::{Count, Ratio, Us};

const HOT: Source = Source::Bench("hot_path");
const CACHE: Source = Source::Bench("cache");
const READS: Source = Source::Load("reads");
const GENERATOR: Source = Source::Bench("generator");

fn claim(id: &'static str, text: &'static str, evidence: impl Into<Vec<Evidence>>) -> Claim {
    super::claim(Section::Goal, id, text, evidence)
}

pub(super) fn claims() -> Vec<Claim> {
    [requests(), tiers(), work(), measuring()].concat()
}

fn requests() -> Vec<Claim> {
    vec![
        claim(
            "P1",
            "an authenticated hit costs at most 1.15 of a bare axum handler, and 0.88 of its requests a second come through",
            [at_most(HOT, "hit_cpu_over_bare", 1.15, Ratio), at_least(HOT, "hit_rate_over_bare", 0.88, Ratio)],
        ),
        claim(
            "P2",
            "as many requests a second as HAProxy's cache, 1.4 of nginx, 2.2 of Varnish",
            [Evidence::Missing("none of the three is started by a bench here")],
        ),
        claim(
            "P3",
            "the stack of production costs at most 1.25 of a bare handler (what the bench runs is that stack)",
            [at_most(HOT, "hit_cpu_over_bare", 1.25, Ratio)],
        ),
        claim(
            "P4",
            "a 304 costs at most 1.12 of a bare handler and 0.40 of a 200's bytes",
            [
                at_most(HOT, "not_modified_cpu_over_bare", 1.12, Ratio),
                at_most(HOT, "not_modified_bytes_over_200", 0.40, Ratio),
            ],
        ),
        claim(
            "P5",
            "open loop at 10,000/s: p50 at most 1.06, p99 at most 1.5 of a bare handler",
            [
                at_most(GENERATOR, "hit_p50_over_bare", 1.06, Ratio),
                at_most(GENERATOR, "hit_p99_over_bare", 1.5, Ratio),
                at_most(GENERATOR, "hit_not_sent", 0.0, Count),
            ],
        ),
        claim(
            "P6",
            "a token seen before costs a twentieth of one that is verified; an expired or revoked one is refused at once",
            [
                at_least(CACHE, "verify_over_memo", 20.0, Ratio),
                tests(&[
                    "an_expired_token_is_refused_on_the_very_next_request",
                    "a_removed_key_drops_the_tokens_that_were_verified_with_it",
                ]),
            ],
        ),
    ]
}

fn tiers() -> Vec<Claim> {
    vec![
        claim(
            "P7",
            "the look into L1 is at most 3 % of a hit's processor time",
            [Evidence::Ratio { of: (CACHE, "l1_peek_us"), over: (HOT, "hit_cpu_us"), at_most: 0.03 }],
        ),
        claim(
            "P8",
            "a hit in Redis takes at most 1.25 of a PING of the same run",
            [at_most(Source::Bench("tiers"), "redis_get_over_ping", 1.25, Ratio)],
        ),
        claim(
            "P9",
            "a miss in the store takes at most 1.2 of its SELECT on a held connection",
            [Evidence::Missing("no bench speaks SQL past the store")],
        ),
        claim(
            "P10",
            "1,000 readers of one cold key: one read, the slowest waits at most twice as long as a lone one",
            [
                at_most(CACHE, "stampede_loads", 1.0, Count),
                at_least(CACHE, "stampede_loads", 1.0, Count),
                at_most(CACHE, "stampede_slowest_over_lone", 2.0, Ratio),
            ],
        ),
        claim(
            "P11",
            "another node's L1 is clean within 1.2 (of 8 nodes: 3.2) of a PING",
            [Evidence::Missing(
                "the suite of coherence-redis shows that it gets clean; no bench measures it beside a PING",
            )],
        ),
        claim(
            "P12",
            "no stale read after the acknowledged barrier (three instances, all embedded)",
            [
                at_most(Source::Load("propagation"), "error_went_back", 0.0, Count),
                at_least(Source::Load("propagation"), "checked_monotonic", 1_000.0, Count),
                at_most(Source::Load("propagation"), "error_below_minimum_version", 0.0, Count),
                at_least(Source::Load("propagation"), "checked_minimum", 100.0, Count),
            ],
        ),
        claim(
            "P13",
            "eviction by tag costs the same for 100,000 keys as for 10 (within a tenth)",
            [at_most(CACHE, "evict_100000_over_10", 1.1, Ratio)],
        ),
    ]
}

fn work() -> Vec<Claim> {
    vec![
        claim(
            "P14",
            "a batch of 100 is 60 times as fast as 100 singles, all durable",
            [at_least(Source::Bench("batch"), "batch_over_singles", 60.0, Ratio)],
        ),
        claim(
            "P15",
            "64 writers at once get 15 times the rows a second of one (group commit)",
            [at_least(Source::Bench("batch"), "grouped_over_single", 15.0, Ratio)],
        ),
        claim(
            "P16, P23",
            "ten hot functions stay within their limits of instructions",
            [
                at_most(Source::Bench("instructions"), "over_limit", 0.0, Count),
                at_least(Source::Bench("instructions"), "functions", 10.0, Count),
            ],
        ),
        claim(
            "P17",
            "an entity tag costs at most 0.12 of serialising the body",
            [at_most(CACHE, "etag_over_serialising", 0.12, Ratio)],
        ),
        claim(
            "peers",
            "a hit of the library costs no more than one of multi-tier-cache; a push is encrypted as fast as by web-push-native",
            [
                at_most(CACHE, "l1_over_multi_tier_cache", 1.0, Ratio),
                at_most(Source::Bench("push"), "build_over_web_push_native", 1.0, Ratio),
            ],
        ),
    ]
}

fn measuring() -> Vec<Claim> {
    vec![
        claim(
            "P18",
            "one core of the generator sends at least what wrk does, while it checks every reply",
            [at_least(GENERATOR, "rate_over_wrk", 1.0, Ratio)],
        ),
        claim(
            "P19",
            "the generator is at most 5 us late at 10,000/s (p50)",
            [at_most(GENERATOR, "lateness_p50", 5.0, Us)],
        ),
        claim(
            "P20",
            "a stall of 200 ms shows as p99 150 and p99.9 195 ms, within 20 %",
            [tests(&["a_stall_shows_in_the_percentiles_from_the_planned_time"])],
        ),
        claim(
            "P21",
            "client and server agree to the last of a million requests",
            [
                at_most(Source::Load("million"), "accounting_difference", 0.0, Count),
                at_least(Source::Load("million"), "whole_sent", 1e6, Count),
                at_most(Source::Load("million"), "whole_not_sent", 0.0, Count),
                at_most(Source::Load("million"), "whole_errors", 0.0, Count),
            ],
        ),
        claim(
            "P22",
            "hit ratios are within 0.5 points of the exact simulation (L3 embedded)",
            [at_most(READS, "off_the_model_points", 0.5, Ratio)],
        ),
        claim(
            "P24",
            "the page needs no network and no script",
            [tests(&["the_page_needs_nothing_and_the_other_forms_say_the_same"])],
        ),
    ]
}
