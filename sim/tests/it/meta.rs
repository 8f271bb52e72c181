//! The same seed gives the same trace and the same log, to the byte, in two processes.

use crate::program::{assert_success, sim};

/// Both kill processes and cut power while several clients wait for the same reads.
const SEEDS_WITH_CRASHES: [&str; 2] = ["2", "7"];
/// Notifies users, over providers that go wrong.
const SEED_WITH_NOTIFICATIONS: &str = "11";

#[test]
fn a_seed_repeats_itself_to_the_byte() {
    for seed in SEEDS_WITH_CRASHES {
        assert_success(&sim(&["meta", "--seed", seed]));
        let run = sim(&["run", "--json", "--seed", seed]);
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(text.contains("process_killed") || text.contains("power_lost"), "seed {seed} crashes nothing");
    }
}

#[test]
fn a_seed_with_notifications_repeats_itself_too() {
    assert_success(&sim(&["meta", "--seed", SEED_WITH_NOTIFICATIONS]));
    let run = sim(&["run", "--json", "--seed", SEED_WITH_NOTIFICATIONS]);
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    for mark in ["push_taken", "mail_taken", "push_gone", "notification_read", "message_replayed"] {
        assert!(text.contains(mark), "no {mark}");
    }
}
