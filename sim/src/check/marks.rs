//! Coverage: what a batch of runs must have seen at least once, or its silence means nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::{Event, Op, Record};

/// All of these must be hit by a batch.
pub const REQUIRED: [&str; 107] = [
    "answered_L1",
    "answered_L2",
    "answered_L3",
    "answered_L4",
    "answered_404",
    "answered_503",
    "answered_stale",
    "list_hit",
    "list_built",
    "min_version_asked",
    "min_version_refused",
    "min_version_satisfied",
    "flight_joined",
    "duplicate_ignored",
    "patch_raced_resync",
    "head_from_the_future",
    "call_while_held",
    "call_while_partitioned",
    "call_while_isolated",
    "call_while_unheard",
    "call_while_blind",
    "call_over_slow_link",
    "call_slowed",
    "call_to_slow_backend",
    "connection_cut",
    "connection_stalled",
    "read_short",
    "clock_jumped",
    "feed_stalled",
    "pubsub_doubled",
    "pubsub_overtaken",
    "road_cut_invalidation",
    "road_cut_cdc",
    "newcomer",
    "resync_ordered",
    "last_writes_lost",
    "late_clocks_back",
    "publish_out_of_step",
    "shared_write_older",
    "renewal_refused",
    "shared_tier_failed",
    "unanswered",
    "written_behind",
    "commit_conflict",
    "bus_redelivery",
    "published_twice",
    "pubsub_lost",
    "sequence_jumped",
    "sync_error_gap",
    "sync_error_epoch_changed",
    "sync_error_out_of_reach",
    "sync_error_connection_lost",
    "replayed_from_stream",
    "replay_out_of_reach",
    "trust_lost",
    "trust_regained",
    "incarnation_raised",
    "tiers_emptied",
    "fill_refused",
    "shared_fill_refused",
    "lease_taken_over_tracker",
    "lease_taken_over_sync",
    "outbox_swept_late",
    "process_killed",
    "power_lost",
    "replica_promoted",
    "subscription_deaf",
    "stream_unreadable",
    "feed_pruned",
    "zombie_fenced",
    "bus_reordered",
    "acknowledged_late",
    "redelivered_after_effect",
    "feed_replayed",
    "put_back_announced",
    "put_back_unannounced",
    "put_back_noticed",
    "put_back_writer_waits",
    "permanent_fault",
    "notification_accepted_before",
    "notification_read",
    "message_replayed",
    "message_unanswered",
    "device_registered",
    "device_registered_again",
    "device_taken_away",
    "device_removed",
    "device_must_resubscribe",
    "push_taken",
    "push_throttled",
    "push_failed",
    "push_answer_lost",
    "push_taken_and_hung",
    "push_hung",
    "push_unauthorized",
    "push_refused",
    "push_gone",
    "push_dead",
    "push_put_off",
    "push_taken_up_again",
    "mail_taken",
    "mail_answer_lost",
    "mail_taken_and_hung",
    "mail_put_off",
    "mail_refused",
    "mail_unreachable",
    "mail_held_unknown",
];

/// How often each was hit.
#[derive(Debug, Default, Clone)]
pub struct Marks {
    counts: BTreeMap<String, u64>,
    /// Requests for a least version.
    asked: BTreeSet<u64>,
}

impl Marks {
    fn hit(&mut self, name: &str) {
        *self.counts.entry(name.to_owned()).or_default() += 1;
    }

    /// The next record.
    pub fn observe(&mut self, record: &Record) {
        match &record.event {
            Event::Mark { name } => self.hit(name),
            Event::Noticed { what } => self.hit(what),
            Event::Jumped { .. } => self.hit("sequence_jumped"),
            Event::Unanswered { .. } => self.hit("unanswered"),
            Event::Committed { behind: true, .. } => self.hit("written_behind"),
            Event::Asked(ask) if matches!(ask.op, Op::Get) && ask.min.is_some() => {
                self.asked.insert(ask.request);
                self.hit("min_version_asked");
            }
            Event::Answered(answer) => {
                if self.asked.remove(&answer.request) && answer.status == 200 && !answer.stale {
                    self.hit("min_version_satisfied");
                }
                let is_list = answer.whole || answer.shown.len() > 1;
                match &answer.level {
                    Some(level) if is_list => self.hit(if level == "L1" { "list_hit" } else { "list_built" }),
                    Some(level) => self.hit(&format!("answered_{level}")),
                    None => {}
                }
                if answer.stale {
                    self.hit("answered_stale");
                }
                if answer.status >= 400 {
                    self.hit(&format!("answered_{}", answer.status));
                }
            }
            _ => {}
        }
    }

    /// All, with how often.
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }
}
