//! The same seed gives the same trace and the same log, to the byte, in two processes.

use crate::program::{assert_success, sim};

/// Both kill processes and cut power, and clients wait for the same flights.
const SEEDS_WITH_CRASHES: [&str; 2] = ["2", "19"];
/// Notifies users, over providers that go wrong.
const SEED_WITH_NOTIFICATIONS: &str = "11";

#[test]
fn a_seed_repeats_itself_to_the_byte() {
    for seed in SEEDS_WITH_CRASHES {
        assert_success(&sim(&["meta", "--seed", seed]));
        let run = sim(&["run", "--json", "--seed", seed]);
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        for mark in ["process_killed", "power_lost", "flight_joined"] {
            assert!(text.contains(mark), "seed {seed}: no {mark}");
        }
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

/// The log of this seed, wherever it runs and however it is built. What the services do changes it; then it is what
/// `cargo sim run --seed 2` prints, on two machines.
const DIGEST_OF_SEED_2: &str = "e04cfae2ea50942df242269f03bece62";

#[test]
fn the_same_seed_gives_the_same_log_on_every_machine() {
    let run = sim(&["run", "--json", "--seed", "2"]);
    assert_success(&run);
    let outcome: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(outcome["digest"], DIGEST_OF_SEED_2, "the log of seed 2 is another one: see above this test's constant");
}
