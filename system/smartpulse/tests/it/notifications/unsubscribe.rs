//! The link of `List-Unsubscribe`: one click, by POST alone.

use serde_json::json;
use smartpulse::http::notifications::Rate;

use super::support::{Node, UNSUBSCRIBE, World, message, sender, until};
use crate::api::client::Reply;
use crate::api::cluster::trace::Log;

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
const FORM: &str = "application/x-www-form-urlencoded";

async fn mail(node: &Node) -> String {
    let sent = node.post(&sender(), "/api/notifications", &message(1, "a", json!(["Email"]))).await;
    sent.header("location").unwrap().to_owned()
}

async fn click(node: &Node, path: &str) -> Reply {
    node.ask("POST", path).text(FORM, ONE_CLICK).send().await
}

#[tokio::test(start_paused = true)]
async fn one_click_ends_the_mails_and_looking_does_not() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    mail(&node).await;
    until("the mail", async || world.mail.taken().len() == 1).await;
    let url = world.mail.taken()[0].unsubscribe.clone().unwrap();
    let path = format!("/unsubscribe/{}", url.strip_prefix(UNSUBSCRIBE).unwrap());
    // A scanner follows the link, with GET and HEAD.
    let page = node.ask("GET", &path).send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("<form method=\"post\">") && page.text().contains("value=\"One-Click\""));
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!((page.header("referrer-policy"), page.header("cache-control")), (Some("no-referrer"), Some("no-store")));
    node.ask("HEAD", &path).send().await;
    mail(&node).await;
    until("mails still go", async || world.mail.taken().len() == 2).await;
    // What is no click of a mail program does nothing.
    for body in ["", "List-Unsubscribe=No", "x=y"] {
        assert_eq!(node.ask("POST", &path).text(FORM, body).send().await.fields(), ["List-Unsubscribe"]);
    }
    node.ask("POST", &path).text(FORM, "x".repeat(5_000)).send().await.problem(413, "BODY_TOO_LARGE");
    mail(&node).await;
    until("mails still go", async || world.mail.taken().len() == 3).await;
    let done = click(&node, &path).await;
    assert_eq!(done.status, 200, "{done:?}");
    let log = mail(&node).await;
    until("it is suppressed", async || node.get(&sender(), &log).await.json()["items"][0]["status"] == "suppressed")
        .await;
    assert_eq!(world.mail.taken().len(), 3);
    assert_eq!(click(&node, &path).await.body, done.body, "again");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_known_is_answered_alike() {
    let world = World::new();
    let node = world.idle();
    let known = click(&node, &format!("/unsubscribe/{}", "0".repeat(32))).await;
    assert_eq!(known.status, 200);
    for token in ["x", "%0d%0a", &"x".repeat(4_000)] {
        let reply = click(&node, &format!("/unsubscribe/{token}")).await;
        assert_eq!((reply.status, reply.body), (known.status, known.body.clone()), "{token:.20}");
    }
    assert_eq!(click(&node, "/unsubscribe/%ff").await.fields(), ["token"]);
    world.store.faults().once("unsubscribe", adapters::memory::NotificationFault::Before);
    click(&node, &format!("/unsubscribe/{}", "0".repeat(32))).await.problem(503, "UNAVAILABLE");
}

#[tokio::test(start_paused = true)]
async fn both_forms_of_forms_are_understood() {
    let world = World::new();
    let node = world.idle();
    let part = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let reply = node.ask("POST", "/unsubscribe/abc").text("multipart/form-data; boundary=b", part).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

/// One thread, so that the log is this test's alone.
#[tokio::test(start_paused = true)]
async fn the_token_is_in_no_log() {
    let (log, _guard) = Log::install("debug");
    let world = World::new();
    let node = world.logging();
    let token = "0123456789abcdef0123456789abcdef";
    node.ask("GET", &format!("/unsubscribe/{token}")).send().await;
    world.store.faults().once("unsubscribe", adapters::memory::NotificationFault::Before);
    click(&node, &format!("/unsubscribe/{token}")).await;
    click(&node, &format!("/unsubscribe/{token}")).await;
    assert!(log.text().contains("/unsubscribe/") && !log.text().contains(token), "{}", log.text());
}

/// Those whose sources nobody knows (here no connection is between) share one bucket. By their addresses: `delivered::sources`.
#[tokio::test(start_paused = true)]
async fn it_has_a_rate_of_its_own() {
    let mut world = World::new();
    assert_ne!(world.unsubscribes.rate_per_s, 0, "limited by default");
    world.unsubscribes = Rate { rate_per_s: 1, burst: 3 };
    let node = world.idle();
    let path = format!("/unsubscribe/{}", "0".repeat(32));
    for _ in 0..3 {
        assert_eq!(click(&node, &path).await.status, 200);
    }
    let refused = click(&node, &path).await;
    refused.problem(429, "RATE_LIMITED");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(node.ask("GET", &path).send().await.status, 200, "looking costs nothing");
    node.tell(1, "a").await;
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(click(&node, &path).await.status, 200, "as Retry-After said");
}
