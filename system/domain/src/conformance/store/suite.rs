//! All cases.

use super::*;
use crate::conformance::case;

/// Runs every case, each on a store of its own.
pub async fn run_all<H: StoreHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let harness = make().await;
                let store = harness.store();
                case(stringify!($case), $case(&*store)).await;
            })*
        };
    }
    cases![
        what_was_written_is_read,
        every_value_comes_back_exactly,
        what_never_was_is_absent_at_version_0,
        a_delete_leaves_a_tombstone,
        an_insert_continues_from_the_tombstone,
        a_wrong_expectation_is_a_conflict,
        a_set_is_written_whole_or_not_at_all,
        a_set_of_many_rows_is_one_commit,
        a_set_must_be_of_this_incarnation,
        a_natural_key_is_taken_once,
        a_natural_key_without_provider_is_one_too,
        an_update_cannot_take_a_natural_key,
        a_freed_natural_key_can_be_taken,
        find_answers_in_the_order_of_the_keys,
        a_list_is_ordered_by_date_then_id,
        a_list_is_filtered,
        a_list_is_scoped,
        pages_by_number_tell_whether_more_follow,
        pages_by_cursor_have_no_gaps_and_no_repeats,
        an_answer_is_kept_with_its_commit,
        an_answer_is_kept_once,
        an_expired_answer_is_forgotten,
        versions_are_answered_in_the_order_of_the_ids,
        versions_are_asked_for_in_bounds,
        an_incarnation_is_raised_above_both,
        of_two_writers_of_a_row_one_wins,
        of_two_writers_of_a_natural_key_one_wins,
    ];
}
