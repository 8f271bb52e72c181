//! Found by attack, on the real program: each of these is wrong today.

use reqwest::Method;
use serde_json::Value;

use super::running::{Running, command, refused};

async fn ready(running: &Running) -> Value {
    running.client().get(running.shown("Health")).send().await.unwrap().json().await.unwrap()
}

/// A directory with a typing error is not a database: the operator is told that the running system has begun a new life,
/// while an empty file was made elsewhere.
#[test]
fn a_new_incarnation_needs_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let text = refused(dir.path(), &["incarnation", "raise", "--data-dir", "typo"]);
    assert!(text.contains("typo"), "{text}");
    assert!(!dir.path().join("typo").exists());
}

/// In memory there is nothing to raise from outside; it says `./data/smartpulse.db is in incarnation 2 now`, of a file that
/// does not exist.
#[test]
fn what_is_in_memory_has_no_incarnation_to_raise() {
    let dir = tempfile::tempdir().unwrap();
    refused(dir.path(), &["incarnation", "raise", "--set", "store.kind=memory"]);
}

/// `--url` and `--token` may stand anywhere, `--data-dir`, `--config` and `--set` only before the order; the error does not
/// say so, and the help of the orders does not list them.
#[test]
fn options_of_admin_may_follow_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), &["admin", "coherence", "--url", "http://127.0.0.1:1", "--data-dir", "d"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("unexpected argument"), "{text}");
}

/// The record of an operator's order is no matter of verbosity.
#[tokio::test]
async fn an_order_is_recorded_at_every_log_level() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &["--log-level", "warn"]);
    let at = running.shown("Metrics").replace("/metrics", "/admin/evict");
    let order = running.client().request(Method::POST, at).bearer_auth(running.token());
    let order = order.header("content-type", "application/json").body(r#"{"all": true}"#).send().await.unwrap();
    assert_eq!(order.status(), 202);
    let log = running.log();
    running.stop();
    assert!(log.contains("an operator's order"), "{log}");
}

/// A process that is frozen (a debugger, a cgroup, SIGSTOP) keeps its lock on the subscription for as long as it is
/// frozen: the other one takes both leases and waits for the lock, without a word in its log.
#[cfg(unix)]
#[tokio::test]
async fn a_frozen_process_does_not_keep_the_others_from_the_feed() {
    let dir = tempfile::tempdir().unwrap();
    let second_dir = tempfile::tempdir().unwrap();
    let first = Running::start(dir.path(), &[]);
    super::running::until("trust", || async { ready(&first).await["feed"]["trusted"] == true }).await;
    let data = dir.path().join("data");
    let second = Running::start(second_dir.path(), &["--data-dir", data.to_str().unwrap()]);
    first.signal("STOP");
    let mut trusted = false;
    for _ in 0..150 {
        trusted = ready(&second).await["feed"]["trusted"] == true;
        if trusted {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    first.signal("CONT");
    let log = second.log();
    assert!(trusted, "15 s later the second still has no heads; its log:\n{log}");
}
