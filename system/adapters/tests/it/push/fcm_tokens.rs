//! One access token for all, and one fetch at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::fcm::FcmGateway;
use adapters::testing::Reply;
use domain::ports::{PushError, PushGateway, PushReceipt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::support::{google, message, registration};

async fn send(gateway: &FcmGateway) -> Result<PushReceipt, PushError> {
    gateway.attempt(&registration(), &message()).await
}

/// So many sends at once, and how many of them succeeded.
async fn storm(gateway: &Arc<FcmGateway>, sends: usize) -> usize {
    let mut running = JoinSet::new();
    for _ in 0..sends {
        let gateway = Arc::clone(gateway);
        running.spawn(async move { send(&gateway).await.is_ok() });
    }
    running.join_all().await.into_iter().filter(|sent| *sent).count()
}

#[tokio::test]
async fn a_thousand_sends_fetch_one_token() {
    let (google, gateway) = google().await;
    assert_eq!(storm(&gateway, 1_000).await, 1_000);
    assert_eq!((google.grants(), google.sent().len()), (1, 1_000));
    assert_eq!(storm(&gateway, 100).await, 100);
    assert_eq!(google.grants(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_for_all() {
    let (google, gateway) = google().await;
    send(&gateway).await.unwrap();
    google.revoke(0);
    assert_eq!(storm(&gateway, 200).await, 200);
    assert_eq!(google.grants(), 2);
}

#[tokio::test]
async fn tokens_that_are_all_refused_are_not_fetched_for_ever() {
    let (google, gateway) = google().await;
    google.revoke(1_000);
    let refused = send(&gateway).await.unwrap_err();
    assert!(matches!(refused, PushError::Unauthorized { status: 401, .. }), "{refused:?}");
    assert_eq!((google.grants(), google.fcm.requests()), (2, 2), "one token more, one request more");
    assert_eq!(storm(&gateway, 200).await, 0);
    assert_eq!((google.grants(), google.fcm.requests()), (2, 202));
}

/// A token near its end is still used while the next one is fetched, also when that fails.
#[tokio::test]
async fn refreshed_ahead() {
    let (google, gateway) = google().await;
    google.set_token_life(6);
    send(&gateway).await.unwrap();
    // From 3 s on it is refreshed, from 4.5 s on not used.
    sleep(Duration::from_millis(3_100)).await;
    google.oauth.answer_with([Reply::Late(Duration::from_millis(50), Box::new(Reply::new(503, "")))]);
    assert_eq!(storm(&gateway, 50).await, 50);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(storm(&gateway, 50).await, 50, "nor does the failed refresh hurt");
    assert_eq!((google.grants(), google.oauth.requests()), (1, 2));
    sleep(Duration::from_millis(1_600)).await;
    assert_eq!(storm(&gateway, 50).await, 50);
    assert_eq!(google.grants(), 2, "too near its end they wait for the next");
}

#[tokio::test]
async fn a_failed_fetch_is_everybodys_and_not_repeated_at_once() {
    let (google, gateway) = google().await;
    google.oauth.answer_with([Reply::new(503, "<html>")]);
    assert_eq!(storm(&gateway, 50).await, 0);
    assert!(matches!(send(&gateway).await, Err(PushError::Failing { status: 503, .. })));
    assert_eq!((google.oauth.requests(), google.fcm.requests()), (1, 0));
    sleep(Duration::from_millis(1_100)).await;
    send(&gateway).await.unwrap();
}

#[tokio::test]
async fn what_the_token_service_says() {
    for (reply, expected) in [
        (Reply::new(400, r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#), "Unauthorized"),
        (Reply::new(401, "{}"), "Unauthorized"),
        (Reply::new(302, "").header("Location", "http://127.0.0.1:1/"), "Unauthorized"),
        (Reply::new(429, "").header("Retry-After", "2"), "Throttled"),
        (Reply::new(200, "<html>captive portal</html>"), "Failing"),
        (Reply::new(200, r#"{"access_token":"a\nb"}"#), "Failing"),
        (Reply::Cut(Vec::new()), "Unreachable"),
    ] {
        let (google, gateway) = google().await;
        google.oauth.answer_with([reply]);
        let refused = format!("{:?}", send(&gateway).await.unwrap_err());
        assert!(refused.starts_with(expected), "{refused}");
    }
}

/// Whoever gives up waiting does not take the fetch with him.
#[tokio::test]
async fn the_fetch_outlives_its_caller() {
    let (google, gateway) = google().await;
    let late = Reply::new(200, r#"{"access_token":"ya29.token-7","expires_in":3600}"#);
    google.oauth.answer_with([Reply::Late(Duration::from_millis(200), Box::new(late))]);
    timeout(Duration::from_millis(50), send(&gateway)).await.unwrap_err();
    let started = Instant::now();
    send(&gateway).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(google.oauth.requests(), 1);
}
