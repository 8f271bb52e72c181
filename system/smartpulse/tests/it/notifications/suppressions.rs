//! Who is not written to, and writing to them again: for operators.

use domain::forecast::Role;
use domain::notification::model::MailAddress;
use domain::ports::{MailQueue, SuppressionReason};
use serde_json::{Value, json};

use super::support::{Node, World, message, sender, token, until};
use crate::api::cluster::trace::Log;

const PATH: &str = "/api/mail-suppressions";

fn admin() -> String {
    token(99, &[Role::Admin], 365 * 86_400)
}

async fn suppressed(world: &World, address: &str, reason: SuppressionReason) {
    world.store.suppress(&MailAddress::new(address).unwrap(), reason).await.unwrap();
}

async fn list(node: &Node) -> Vec<Value> {
    let reply = node.get(&admin(), PATH).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["items"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn an_operator_lists_them_and_lets_one_be_written_to_again() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    assert_eq!(list(&node).await, Vec::<Value>::new());
    suppressed(&world, "User1@Example.com", SuppressionReason::Unsubscribed).await;
    world.clock.step(std::time::Duration::from_secs(60));
    suppressed(&world, "gone+tag@example.com", SuppressionReason::Refused).await;
    let items = list(&node).await;
    let shown: Vec<_> = items.iter().map(|item| (item["address"].clone(), item["reason"].clone())).collect();
    assert_eq!(
        shown,
        [(json!("gone+tag@example.com"), json!("refused")), (json!("user1@example.com"), json!("unsubscribed"))]
    );
    assert!(items[0]["since"].as_str() > items[1]["since"].as_str(), "{items:?}");

    let sent = node.post(&sender(), "/api/notifications", &message(1, "a", json!(["Email"]))).await;
    let log = sent.header("location").unwrap().to_owned();
    until("it is suppressed", async || node.get(&sender(), &log).await.json()["items"][0]["status"] == "suppressed")
        .await;
    let remove = |address: &str| node.ask("DELETE", &format!("{PATH}/{address}")).by(&admin()).send();
    assert_eq!(remove("USER1@example.com").await.status, 204);
    assert_eq!(remove("gone%2Btag%40example.com").await.status, 204);
    remove("user1@example.com").await.problem(404, "SUPPRESSION_NOT_FOUND");
    assert_eq!(list(&node).await, Vec::<Value>::new());
    node.post(&sender(), "/api/notifications", &message(1, "b", json!(["Email"]))).await;
    until("mails go again", async || world.mail.taken().len() == 1).await;
    assert_eq!(world.mail.taken()[0].subject, "b", "what was suppressed stays so");
}

#[tokio::test(start_paused = true)]
async fn they_come_in_pages() {
    let world = World::new();
    let node = world.idle();
    for n in 0..5 {
        suppressed(&world, &format!("user{n}@example.com"), SuppressionReason::Refused).await;
    }
    let (mut shown, mut path) = (Vec::new(), format!("{PATH}?take=2"));
    loop {
        let page = node.get(&admin(), &path).await.json();
        let items = page["items"].as_array().unwrap().clone();
        assert!((1..=2).contains(&items.len()), "{page}");
        shown.extend(items);
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{PATH}?take=2&cursor={next}");
    }
    assert_eq!(shown, list(&node).await);
    assert_eq!(shown.len(), 5);
    let wrong = node.get(&admin(), &format!("{PATH}?take=1001&cursor=x")).await;
    assert_eq!(wrong.fields(), ["take", "cursor"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_else_may_and_what_is_no_address_is_told() {
    let world = World::new();
    let node = world.idle();
    suppressed(&world, "a@example.com", SuppressionReason::Refused).await;
    let one = format!("{PATH}/a@example.com");
    for (method, path) in [("GET", PATH), ("DELETE", one.as_str())] {
        node.ask(method, path).send().await.problem(401, "UNAUTHORIZED");
        node.ask(method, path).by(&sender()).send().await.problem(403, "FORBIDDEN");
    }
    for bad in ["x", "a%0d%0a@example.com", "%20", "a@b@c"] {
        let reply = node.ask("DELETE", &format!("{PATH}/{bad}")).by(&admin()).send().await;
        assert_eq!(reply.fields(), ["address"], "{bad}");
    }
    assert_eq!(list(&node).await.len(), 1);
    world.store.faults().once("unsuppress", adapters::memory::NotificationFault::Before);
    node.ask("DELETE", &one).by(&admin()).send().await.problem(503, "UNAVAILABLE");
    assert_eq!(list(&node).await.len(), 1);
}

/// One thread, so that the log is this test's alone.
#[tokio::test(start_paused = true)]
async fn each_order_is_recorded_without_the_address() {
    let (log, _guard) = Log::install("info");
    let world = World::new();
    let node = world.idle();
    suppressed(&world, "a@example.com", SuppressionReason::Refused).await;
    for _ in 0..2 {
        node.ask("DELETE", &format!("{PATH}/a@example.com")).by(&admin()).send().await;
    }
    let text = log.text();
    let records: Vec<_> = text.lines().filter(|line| line.contains("unsuppress")).collect();
    assert_eq!(records.len(), 2, "{text}");
    assert!(records[0].contains("done") && records[1].contains("SUPPRESSION_NOT_FOUND"), "{records:?}");
    assert!(!text.contains("a@example.com"), "{text}");
}
