//! What a person must see.

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
    assert!(mails.iter().any(|mail| mail.text.contains("(49 times since the last mail)")), "{:?}", mails[2].text);
    tokio::time::sleep(3 * ALERT_EVERY).await;
    assert_eq!(world.mail.taken().len(), 4, "nothing new, nothing told");
    assert_eq!(nodes[0].alerts.status()[&AlertKind::UnauthorizedSender].raised, 50);
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
