//! What operators type, and what is recorded of it, on the real program.

use reqwest::Method;

use super::running::{Running, command, refused};

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
