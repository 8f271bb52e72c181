//! The program is killed while it tells people: nothing is lost, and nothing is told twice that can be told once.

use std::collections::BTreeMap;
use std::time::Duration;

use adapters::testing::FakePushService;
use reqwest::Method;
use serde_json::Value;

use super::outbox::{USER, browser, count_tags, forecast, mails};
use crate::running::{Running, printed, until};

const ROUNDS: u32 = 4;
const FORECASTS_PER_ROUND: u32 = 12;

fn base(running: &Running) -> String {
    running.shown("Notifications").trim_end_matches("/api/notifications").to_owned()
}

async fn get(running: &Running, path: &str) -> Value {
    let url = format!("{}{path}", base(running));
    let answer = running.client().get(url).bearer_auth(running.token()).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// A metric, summed over its labels.
async fn metric(running: &Running, name: &str) -> f64 {
    let page = running.client().get(running.shown("Metrics")).send().await.unwrap().text().await.unwrap();
    let samples = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_time_loses_nothing_and_repeats_nothing_that_shows() {
    let (dir, service) = (tempfile::tempdir().unwrap(), FakePushService::start().await.unwrap());
    let origins = format!("push.allowed_private_origins={}", service.server.origin());
    // What a killed process held is free again after the life of its claims.
    let args: Vec<&str> = [
        origins.as_str(),
        "push.attempt_timeout_ms=1000",
        "push.claim_life_s=7",
        "mail.batch_claim_life_s=4",
        "mail.send_timeout_s=1",
        "mail.claim_life_s=7",
        "mail.chunk=2",
    ]
    .into_iter()
    .flat_map(|setting| ["--set", setting])
    .chain(["--empty"])
    .collect();
    let mut running = Running::start(dir.path(), &args);
    std::fs::write(dir.path().join("people.csv"), format!("type,id,name,email\nuser,{USER},Anna,anna@example.com\n"))
        .unwrap();
    assert!(printed(dir.path(), &["import-directory", "people.csv"]).starts_with("1 people, 0 units"));
    let key = get(&running, "/api/push/vapid-public-key").await["publicKey"].as_str().unwrap().to_owned();
    let device = running.client().post(format!("{}/api/devices", base(&running))).bearer_auth(running.token());
    assert_eq!(device.json(&browser(&service, &key)).send().await.unwrap().status(), 201);

    for round in 0..ROUNDS {
        for number in 0..FORECASTS_PER_ROUND {
            let body = forecast(round * FORECASTS_PER_ROUND + number);
            let created = running.request(Method::POST, "/api/forecasts").json(&body).send().await.unwrap();
            assert_eq!(created.status(), 201);
        }
        // Each round finds the work at another step.
        tokio::time::sleep(Duration::from_millis(u64::from(round) * 60)).await;
        running.kill();
        running = Running::start(dir.path(), &args);
    }
    let total = ROUNDS * FORECASTS_PER_ROUND;
    until("all notifications", || async { get(&running, "/api/notifications?take=1").await["total"] == total }).await;
    let waiting = ["pushes", "mail_intents", "mails"].map(|queue| format!("smartpulse_notification_queue_{queue}"));
    let (mut tags, folder) = (BTreeMap::new(), dir.path().join("data/outbox"));
    until("the channels", || async {
        let mut left = 0.0;
        for name in &waiting {
            left += metric(&running, name).await;
        }
        // The queues are looked at now and then: what was accepted last may not show yet.
        let unknown = metric(&running, "smartpulse_notification_queue_unknown").await as usize;
        left == 0.0 && mails(&folder).len() + unknown >= total as usize
    })
    .await;
    count_tags(&service, &mut tags);
    assert_eq!(tags.len(), total as usize, "each was pushed, and what was pushed twice replaces itself");
    let unknown = metric(&running, "smartpulse_notification_queue_unknown").await as usize;
    assert_eq!(get(&running, "/api/notifications?take=1").await["total"], total);
    let mails = mails(&folder);
    assert!(mails.values().all(|copies| *copies == 1), "a mail is held rather than sent twice: {mails:?}");
    // A mail that stands as unknown may lie there or not: that is what it says.
    assert!(mails.len() <= total as usize && mails.len() + unknown >= total as usize, "{} {unknown}", mails.len());
    assert!(unknown <= (2 * 4 * ROUNDS) as usize, "{unknown} in doubt: at most a chunk for each connection and kill");
    running.stop();
}
