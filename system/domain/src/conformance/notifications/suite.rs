//! All cases.

use super::*;
use crate::conformance::case;

/// Runs every case, each on a store of its own.
pub async fn run_all<H: NotificationHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let harness = make().await;
                case(stringify!($case), $case(&harness)).await;
            })*
        };
    }
    cases![
        an_event_is_accepted_once_for_each_user,
        of_two_that_accept_an_event_one_does,
        channels_that_are_not_named_get_nothing,
        an_answer_is_kept_with_its_acceptance,
        files_are_accepted_with_the_mails_that_name_them,
        mails_are_enqueued_once,
        texts_come_back_as_they_were,
        a_list_is_newest_first,
        reading_is_idempotent_and_ones_own,
        read_all_spares_what_came_later,
        changes_tell_what_is_new_and_what_was_read,
        a_device_is_registered_once,
        a_device_moves_only_to_who_knows_its_keys,
        devices_are_bounded_and_ones_own,
        preferences_are_replaced_as_a_whole,
        a_preference_for_a_unit_goes_first,
        recipients_come_in_pages,
        the_directory_is_written_over,
        what_is_claimed_is_nobody_elses,
        of_several_that_claim_each_gets_its_own,
        a_claim_ends_by_itself,
        results_of_a_lost_claim_are_refused,
        a_released_claim_is_free_at_once,
        what_is_to_be_tried_later_comes_later,
        results_are_written_down,
        a_device_that_is_gone_gets_nothing_more,
        a_device_that_must_subscribe_again_is_skipped,
        mails_are_queued_by_their_claim_only,
        what_cannot_be_rendered_fails,
        a_mail_keeps_its_token,
        a_queued_mail_comes_back_as_it_was,
        files_are_stored_once,
        a_file_is_forgotten_when_its_last_mail_is_sent,
        a_store_full_of_files_takes_no_more,
        a_mail_is_marked_before_it_goes,
        a_mail_under_way_is_held_when_its_sender_is_gone,
        a_mail_under_way_is_sent_again_where_that_is_wanted,
        outcomes_of_mails_are_written_down,
        a_refused_recipient_is_not_written_to_again,
        an_unsubscribed_address_is_not_written_to,
        unsubscribing_goes_over_a_refusal,
        suppressions_can_be_taken_back,
        suppressions_come_in_pages,
        failed_ones_are_sent_again,
        what_is_sent_again_is_young_again,
        what_nobody_knows_is_sent_again_singly,
        the_backlog_counts_what_waits,
        what_is_old_is_forgotten,
    ];
}
