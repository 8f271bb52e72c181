//! What a person must see.

use std::time::Duration;

use adapters::memory::NotificationFault;
use domain::notification::alerts::{ALERT_EVERY, AlertKind};
use domain::notification::model::MailAddress;
use tracing::Level;

use super::logs::Logs;
use super::world::{Settings, World, ms};

fn world() -> World {
    World::with(Settings { ops: Some(MailAddress::new("ops@example.com").unwrap()), ..Settings::default() })
}

#[tokio::test(start_paused = true)]
async fn a_person_is_told_once_in_ten_minutes_of_each_kind() {
    let (logs, _guard) = Logs::listen();
    let world = world();
    let nodes = [world.start("a"), world.start("b")];
    for number in 0..50 {
        for node in &nodes {
            node.alerts.raise(AlertKind::UnauthorizedSender, "https://push.test", &format!("401: {number}"));
        }
        nodes[0].alerts.raise(AlertKind::DeadLetter, "forecast:completed", "poison");
        tokio::time::sleep(ms(1_000)).await;
    }
    tokio::time::sleep(ms(5_000)).await;
    let mails = world.mail.taken();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(mails.len(), 2, "one of each kind, whichever instance told it: {subjects:?}");
    assert!(mails.iter().all(|mail| mail.to == "ops@example.com"));
    // Of each instance and subject one line.
    assert_eq!(logs.of(Level::ERROR, "unauthorized_sender").len(), 2);
    assert_eq!(logs.of(Level::ERROR, "dead_letter").len(), 1);
    tokio::time::sleep(ALERT_EVERY).await;
    tokio::time::sleep(ms(5_000)).await;
    let mails = world.mail.taken();
    assert_eq!(mails.len(), 4, "what came meanwhile is told together");
    tokio::time::sleep(ALERT_EVERY).await;
    let mails = world.mail.taken();
    assert_eq!(mails.len(), 5, "both instances, one after the other");
    for times in [1, 49, 50] {
        let text = format!("({times} times since the last mail)");
        assert!(mails.iter().any(|mail| mail.text.contains(&text)), "{text}");
    }
    tokio::time::sleep(3 * ALERT_EVERY).await;
    assert_eq!(world.mail.taken().len(), 5, "nothing new, nothing told");
    assert_eq!(nodes[0].alerts.status()[&AlertKind::UnauthorizedSender].raised, 50);
}

/// Of a kind, at most one mail in ten minutes, whatever the clock shows when they come; and each is told in the end.
#[tokio::test(start_paused = true)]
async fn what_another_instance_raises_meanwhile_is_told_later() {
    for step in [0, 299, 599] {
        let world = world();
        let nodes = [world.start("a"), world.start("b"), world.start("c")];
        world.clock.step(Duration::from_secs(step));
        for (node, origin) in nodes.iter().zip(["first", "second", "third"]) {
            node.alerts.raise(AlertKind::PushFailing, origin, "away");
            tokio::time::sleep(ms(2_000)).await;
        }
        tokio::time::sleep(ALERT_EVERY - ms(10_000)).await;
        assert_eq!(world.mail.taken().len(), 1, "{step}");
        tokio::time::sleep(3 * ALERT_EVERY).await;
        let mails = world.mail.taken();
        assert_eq!(mails.len(), 3, "{step}");
        for (mail, origin) in mails.iter().zip(["first", "second", "third"]) {
            assert!(mails.iter().any(|mail| mail.text.contains(&format!("{origin}: away"))), "{step}: {mails:?}");
            assert!(mail.text.contains("(1 times since the last mail)"), "{step}: {}", mail.text);
        }
        for node in nodes {
            assert_eq!(node.alerts.status()[&AlertKind::PushFailing].untold, 0);
            node.kill().await;
        }
    }
}

/// The store took the mail, and its answer did not come: no second mail, and nothing to tell is left.
#[tokio::test(start_paused = true)]
async fn an_alert_whose_answer_was_lost_is_told_once() {
    for fault in [NotificationFault::Before, NotificationFault::After] {
        let world = world();
        let node = world.start("a");
        world.store.faults().once("accept", fault);
        node.alerts.raise(AlertKind::DeadLetter, "topic", "poison");
        tokio::time::sleep(3 * ALERT_EVERY).await;
        assert_eq!(world.mail.taken().len(), 1, "{fault:?}");
        assert_eq!(node.alerts.status()[&AlertKind::DeadLetter].untold, 0);
        node.kill().await;
    }
}

/// Whoever registers devices names push services, as many as they like.
#[tokio::test(start_paused = true)]
async fn many_subjects_flood_neither_the_log_nor_the_mail() {
    let (logs, _guard) = Logs::listen();
    let world = world();
    let node = world.start("a");
    for n in 0..1_000 {
        node.alerts.raise_of_users(AlertKind::PushFailing, &format!("https://{n}.test"), "away");
    }
    node.alerts.raise(AlertKind::PushFailing, "https://fcm.test", "503");
    for n in 0..1_000 {
        node.alerts.raise_of_users(AlertKind::PushFailing, &format!("https://{n}.test"), "away");
    }
    let lines = logs.of(Level::ERROR, "push_failing");
    assert!((64..=66).contains(&lines.len()), "{}", lines.len());
    assert_eq!(logs.of(Level::ERROR, "fcm.test").len(), 1);
    tokio::time::sleep(ms(5_000)).await;
    let [mail] = &world.mail.taken()[..] else { panic!("one mail") };
    assert!(mail.text.contains("https://fcm.test: 503"), "{}", mail.text);
    assert!(mail.text.contains("(2001 times"), "{}", mail.text);
    tokio::time::sleep(ALERT_EVERY).await;
    node.alerts.raise_of_users(AlertKind::PushFailing, "https://later.test", "away");
    assert_eq!(logs.of(Level::ERROR, "later.test").len(), 1, "after a while there is room again");
}

#[tokio::test(start_paused = true)]
async fn without_an_address_nobody_is_told_by_mail() {
    let world = World::new();
    let node = world.start("a");
    node.alerts.raise(AlertKind::MassRemoval, "x", "y");
    tokio::time::sleep(ms(5_000)).await;
    assert_eq!(world.mail.taken().len(), 0);
    assert_eq!(node.alerts.status()[&AlertKind::MassRemoval].raised, 1);
}
