//! All cases.

use super::*;
use crate::conformance::case;

/// Runs every case, each on a bus of its own.
pub async fn run_all<H: BusHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let mut harness = make().await;
                case(stringify!($case), $case(&mut harness)).await;
            })*
        };
    }
    cases![
        a_message_arrives_as_it_was_published,
        topics_keep_the_order_of_publishing,
        latest_begins_after_the_last_message,
        many_messages_arrive_in_order,
        messages_published_together_arrive_in_order,
        the_newest_message_can_be_asked_for,
        a_compacted_message_replaces_earlier_ones,
        a_compacted_message_leaves_what_somebody_waits_for,
        next_can_be_dropped_while_it_waits,
        a_message_that_is_not_acknowledged_comes_again,
        a_message_that_is_given_back_comes_again,
        an_ordered_message_that_is_given_back_brings_back_what_follows,
        an_ordered_message_that_is_late_brings_back_what_follows,
        an_acknowledged_message_does_not_come_again,
        a_cursor_outlives_its_consumers,
        a_cursor_outlives_the_adapter,
        acknowledging_through_a_message_includes_all_before,
        a_subscription_can_be_deleted,
        a_shared_message_goes_to_one_consumer,
        a_consumer_that_goes_leaves_its_messages_to_others,
        an_exclusive_consumer_has_a_successor,
        what_does_not_fit_the_subscription_is_refused,
        passing_subscriptions_receive_everything_each,
        a_passing_subscription_ends_with_its_consumer,
        the_events_of_a_commit_arrive_once_in_order,
        the_events_of_a_commit_that_failed_do_not_arrive,
    ];
}
