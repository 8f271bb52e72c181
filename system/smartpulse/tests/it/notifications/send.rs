//! `POST /api/notifications`: over the channels that it names.

use serde_json::{Value, json};

use super::support::{World, app, browser, message, reader, sender, until};

#[tokio::test(start_paused = true)]
async fn a_message_reaches_each_channel_that_it_names() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    node.device(1, &browser(1)).await;
    node.device(1, &app(2)).await;
    let sent = node.post(&sender(), "/api/notifications", &message(1, "Production Alert", json!("All"))).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let location = sent.header("location").unwrap().to_owned();
    assert_eq!(location, format!("/api/notifications/{}/deliveries", sent.json()["id"].as_str().unwrap()));
    until("all is sent", async || {
        let log = node.get(&sender(), &location).await.json();
        log["items"].as_array().unwrap().iter().all(|item| item["status"] == "sent")
    })
    .await;
    assert_eq!(node.inbox(1).await.len(), 1);
    assert_eq!(world.push.asked().len(), 2);
    let mails = world.mail.taken();
    assert_eq!(
        (mails.len(), mails[0].to.as_str(), mails[0].subject.as_str()),
        (1, "user1@example.com", "Production Alert")
    );
    assert!(mails[0].text.contains("Demand dropped 30%") && mails[0].text.contains("John"), "{}", mails[0].text);
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_no_channel_that_it_does_not_name() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    node.device(1, &browser(1)).await;
    node.post(&sender(), "/api/notifications", &message(1, "Mail", json!(["Email"]))).await;
    node.post(&sender(), "/api/notifications", &message(1, "App", json!(["InApp"]))).await;
    until("the mail", async || world.mail.taken().len() == 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(world.mail.taken()[0].subject, "Mail");
    let inbox = node.inbox(1).await;
    assert_eq!((inbox.len(), &inbox[0]["title"]), (1, &json!("App")));
    assert!(world.push.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_who_has_the_role_sends_and_nobody_reads_a_body_before() {
    let world = World::new();
    let node = world.idle();
    let huge = Value::String("x".repeat(1 << 20));
    for path in ["/api/notifications", "/api/send-push-notification", "/api/deliveries/resend"] {
        let refused = node.post(&reader(1), path, &huge).await;
        let problem = refused.problem(403, "FORBIDDEN");
        assert!(problem["detail"].as_str().unwrap().contains("notify:send"), "{problem}");
        node.ask("POST", path).json(&huge).send().await.problem(401, "UNAUTHORIZED");
    }
    let one = format!("/api/deliveries/{}/resend", super::support::user(1));
    node.ask("POST", &one).by(&reader(1)).send().await.problem(403, "FORBIDDEN");
    world.is_untouched(&[1]).await;
}
