//! What a plan means for its run: for the checkers, and for the time that there is to converge.

use std::time::Duration;

use crate::check::Rules;
use crate::fault::{Kind, Plan};

/// C7: after the last fault everything is as it should be within this time ...
const CONVERGE_MS: u64 = 5_000;
/// ... and where a host was lost, after its leases and its connections are given up too: a lease (1.3 s), the silence after
/// which a peer is lost (1 s), the time until a leader that reaches nobody gives way, and stands back (2 s and 1 s).
const LOST_HOST_MS: u64 = 1_300 + 1_000 + 2_000 + 1_000;
/// A change passes the sync with so many ways over the network: to the shared tier, to the backplane, and to the bus, and
/// back.
const WAYS_OF_A_CHANGE: u64 = 6;
/// A fill has so many: there and back to the client, the shared tier, the store, and the shared tier again.
const WAYS_OF_A_FILL: u64 = 8;
/// What is begun beside it takes its part.
const SHARE: u64 = 2;

/// What the plan means for the checkers.
///
/// # Errors
/// A setting is refused: a defect of the harness.
pub(super) fn rules(plan: &Plan) -> Result<Rules, String> {
    let cache = plan.tuning.config()?.cache;
    let seconds = (cache.output_ttl + cache.hard_timeout).as_secs_f64().ceil();
    Ok(Rules {
        within_skew: !plan.is_beyond_skew(),
        list_age_max_s: seconds as u64,
        stale_max_ms: millis(cache.max_stale),
        soft_timeout_ms: match millis(cache.soft_timeout) {
            soft_ms if soft_ms > WAYS_OF_A_FILL * plan.tuning.latency_max_ms => u64::MAX,
            soft_ms => soft_ms,
        },
        clocks_step: plan.faults.iter().any(|fault| steps_a_clock(&fault.kind)),
        forgets_announcements: plan.tuning.settings.iter().any(|(key, _)| key == "cache.floors_max"),
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn steps_a_clock(kind: &Kind) -> bool {
    matches!(kind, Kind::Jump { .. } | Kind::WallClock { .. } | Kind::AllClocks { .. })
}

/// How long after the last fault something may be pending: what C7 says, what a lost host costs, the longest call that was
/// on its way, what the bus gives out again, and `backlog` changes at the rate of the road.
pub(super) fn converge_max_ms(plan: &Plan, backlog: u64) -> u64 {
    let tuning = &plan.tuning;
    let loses_hosts = |kind: &Kind| !matches!(kind, Kind::Provider { .. } | Kind::DeviceGone { .. });
    let lost_ms = if plan.faults.iter().any(|fault| loses_hosts(&fault.kind)) { LOST_HOST_MS } else { 0 };
    let call_ms = tuning.store_hiccup_max_ms.max(tuning.hiccup_max_ms);
    let again_ms = u64::try_from((tuning.redelivery + tuning.redelivery_delay).as_millis()).unwrap_or_default();
    let change_ms = WAYS_OF_A_CHANGE * SHARE * tuning.latency_max_ms;
    CONVERGE_MS + lost_ms + call_ms + again_ms + backlog * change_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::draw;

    #[test]
    fn a_plan_without_faults_has_no_more_time_than_the_invariant_says_and_its_calls_take() {
        let plan = Plan { faults: Vec::new(), ..draw(7) };
        let calls_ms = converge_max_ms(&plan, 0) - CONVERGE_MS;
        assert_eq!(converge_max_ms(&plan, 10) - CONVERGE_MS - calls_ms, 120 * plan.tuning.latency_max_ms);
        assert!(draw(7).faults.len() > 3 && converge_max_ms(&draw(7), 0) == CONVERGE_MS + calls_ms + LOST_HOST_MS);
    }
}
