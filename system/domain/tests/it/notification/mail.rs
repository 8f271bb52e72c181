//! Mails: batches, the mail server, files.

use std::collections::BTreeSet;
use std::time::Duration;

use adapters::memory::NotificationFault;
use domain::model::EventId;
use domain::notification::NotificationError;
use domain::notification::alerts::AlertKind;
use domain::notification::model::{Channel, ChannelSet, DeliveryStatus, MailAddress, SuppressionParams};
use domain::notification::operations::{MailRequest, Message};
use domain::ports::{Attachment, Deliveries as _, MailError, MailQueue as _, TemplateId};
use tracing::Level;

use super::fakes::Replies;
use super::logs::Logs;
use super::world::{Node, Settings, World, address, message, ms, until};
use crate::support::uuid;

fn transient() -> Replies {
    Replies::Says(MailError::Transient { code: 451, answer: "greylisted".to_owned() })
}

fn mail_only(n: u128) -> Message {
    Message { channels: ChannelSet::of([Channel::Email, Channel::InApp]), ..message(n) }
}

async fn send_all(world: &World, node: &Node, users: u128) {
    for n in 1..=users {
        world.user_with(n, 0).await;
        node.operations.send(mail_only(n), None).await.unwrap();
    }
}

fn calls(world: &World, method: &str) -> usize {
    world.store.faults().calls().iter().filter(|call| **call == method).count()
}

async fn email(world: &World, n: u128) -> (DeliveryStatus, u32) {
    let all = world.deliveries(n).await;
    let one = all.iter().find(|one| one.channel == Channel::Email).unwrap();
    (one.status, one.attempts)
}

#[tokio::test(start_paused = true)]
async fn a_hundred_mails_are_one_batch() {
    let world = World::new();
    let idle = world.idle();
    send_all(&world, &idle, 250).await;
    let _node = world.start("a");
    world.settled(ms(10_000)).await;
    assert_eq!(calls(&world, "queue_mails"), 3, "100, 100, and what came within the window");
    let to: BTreeSet<_> = world.mail.taken().into_iter().map(|mail| mail.to).collect();
    assert_eq!((world.mail.taken().len(), to.len()), (250, 250));
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_what_comes_within_the_window() {
    let world = World::new();
    let node = world.start("a");
    for n in 1..=3 {
        world.user_with(n, 0).await;
        node.operations.send(mail_only(n), None).await.unwrap();
        tokio::time::sleep(ms(30)).await;
    }
    world.settled(ms(1_000)).await;
    assert_eq!(calls(&world, "queue_mails"), 1);
    assert_eq!(world.mail.taken().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_be_written_is_tried_by_the_schedule_and_not_lost() {
    let world = World::new();
    let node = world.start("a");
    world.store.faults().always("queue_mails", NotificationFault::Before);
    send_all(&world, &node, 2).await;
    until("it is given up", ms(5_000), async || calls(&world, "queue_mails") == 5).await;
    until("it is told", ms(100), async || node.alerts.status().contains_key(&AlertKind::MailFailing)).await;
    world.store.faults().heal();
    world.settled(ms(120_000)).await;
    assert_eq!(world.mail.taken().len(), 2, "another batch took them up");
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_is_not_taken_is_tried_again_first_soon_then_later() {
    let world = World::new();
    world.user_with(1, 0).await;
    world.mail.next(&address(1), (0..6).map(|_| transient()));
    let node = world.start("a");
    node.operations.send(mail_only(1), None).await.unwrap();
    world.settled(ms(400_000)).await;
    let asked = world.mail.asked(&address(1));
    let waits: Vec<_> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    for (waited, due) in waits.iter().zip([0.1, 0.2, 0.4, 0.8, 60.0, 120.0]) {
        // The store is asked when it says that something is due.
        assert!((0.79 * due..=1.21 * due + 0.01).contains(waited), "{waits:?}");
    }
    assert_eq!(waits.len(), 6);
    assert_eq!(email(&world, 1).await, (DeliveryStatus::Sent, 7));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_costs_only_the_mail_that_it_refused() {
    let world = World::new();
    let goes_away = MailError::Transient { code: 421, answer: "going down".to_owned() };
    world.mail.next(&address(1), [Replies::Says(goes_away)]);
    let idle = world.idle();
    send_all(&world, &idle, 10).await;
    let _node = world.start("a");
    world.settled(ms(10_000)).await;
    assert_eq!(world.mail.connects().len(), 2, "the session was over");
    assert_eq!(email(&world, 1).await, (DeliveryStatus::Sent, 2));
    for n in 2..=10 {
        assert_eq!(email(&world, n).await, (DeliveryStatus::Sent, 1), "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_taken_delays_no_other() {
    let world = World::new();
    world.mail.next(&address(1), (0..4).map(|_| transient()));
    let idle = world.idle();
    send_all(&world, &idle, 60).await;
    let _node = world.start("a");
    until("the others are there", ms(400), async || world.mail.taken().len() == 59).await;
    world.settled(ms(10_000)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_tried_again() {
    let world = World::new();
    let refused = |recipient| Replies::Says(MailError::Permanent { code: 550, answer: "no".to_owned(), recipient });
    world.mail.next(&address(1), [refused(true)]);
    world.mail.next(&address(2), [refused(false)]);
    world.mail.next(&address(3), [Replies::Says(MailError::Invalid("a header".to_owned()))]);
    let node = world.start("a");
    send_all(&world, &node, 4).await;
    world.settled(ms(10_000)).await;
    for n in 1..=3 {
        assert_eq!(email(&world, n).await, (DeliveryStatus::Failed, 1));
    }
    assert_eq!(email(&world, 4).await, (DeliveryStatus::Sent, 1));
    let suppressed: Vec<_> =
        world.store.suppressions(None, 10).await.unwrap().into_iter().map(|one| one.address).collect();
    assert_eq!(suppressed, [address(1)]);
    for n in 1..=2 {
        node.operations.send(mail_only(n), None).await.unwrap();
    }
    world.settled(ms(10_000)).await;
    assert_eq!((world.mail.asked(&address(1)).len(), world.mail.asked(&address(2)).len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_in_the_middle_leaves_one_mail_unknown() {
    let world = World::new();
    world.mail.next(&address(2), [Replies::Says(MailError::Unknown)]);
    world.mail.next(&address(4), [Replies::Says(MailError::Unreachable(None))]);
    let idle = world.idle();
    send_all(&world, &idle, 6).await;
    let node = world.start("a");
    world.settled(ms(10_000)).await;
    assert_eq!(email(&world, 2).await, (DeliveryStatus::Unknown, 1));
    assert_eq!(email(&world, 4).await, (DeliveryStatus::Sent, 2), "it was not under way");
    assert_eq!(world.mail.taken().len(), 5);
    assert_eq!(node.alerts.status()[&AlertKind::MailUnknown].raised, 1);
    assert!(world.mail.connects().len() >= 3, "what broke is not used again");
}

#[tokio::test(start_paused = true)]
async fn a_mail_server_that_hangs_holds_one_connection() {
    let world = World::new();
    world.mail.next(&address(1), [Replies::TakesAndHangs]);
    let idle = world.idle();
    send_all(&world, &idle, 200).await;
    let _node = world.start("a");
    until("the other connections go on", ms(2_000), async || world.mail.taken().len() > 130).await;
    world.settled(world.settings.sender.send_timeout + ms(10_000)).await;
    assert_eq!(email(&world, 1).await.0, DeliveryStatus::Unknown);
    assert_eq!(world.mail.taken().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_mail_server_that_is_away_costs_no_attempts() {
    let world = World::new();
    world.mail.away(true);
    let node = world.start("a");
    send_all(&world, &node, 5).await;
    tokio::time::sleep(ms(300_000)).await;
    assert!(node.alerts.status()[&AlertKind::MailSenderDown].raised >= 1);
    assert!(!node.mails.read().reachable);
    let asked = world.mail.connects();
    assert!((10..30).contains(&asked.len()), "{} connections in five minutes", asked.len());
    world.mail.away(false);
    world.settled(ms(60_000)).await;
    for n in 1..=5 {
        assert_eq!(email(&world, n).await, (DeliveryStatus::Sent, 1));
    }
}

/// A person must know whether it is the password, the certificate or the network.
#[tokio::test(start_paused = true)]
async fn who_is_told_that_the_mail_server_is_away_is_told_why() {
    let certificate = std::io::Error::other(std::io::Error::other("certificate expired"));
    let certificate = MailError::Unreachable(Some(std::sync::Arc::new(certificate)));
    let login = MailError::Permanent { code: 535, answer: "5.7.8 authentication failed".to_owned(), recipient: false };
    for (why, text) in [
        (certificate, "the mail server cannot be reached: certificate expired"),
        (login, "the mail server refuses (535): 5.7.8 authentication failed"),
    ] {
        let (logs, _guard) = Logs::listen();
        let world = World::new();
        world.mail.refuses(why);
        let node = world.start("a");
        send_all(&world, &node, 1).await;
        tokio::time::sleep(ms(20_000)).await;
        let lines = logs.of(Level::ERROR, "mail_sender_down");
        assert!(lines.len() == 1 && lines[0].contains(text), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_are_used_again_and_then_closed() {
    let mut settings = Settings::default();
    settings.sender.mails_per_connection = 40;
    let world = World::with(settings);
    let idle = world.idle();
    send_all(&world, &idle, 60).await;
    let _node = world.start("a");
    world.settled(ms(10_000)).await;
    assert_eq!(world.mail.connects().len(), 2, "40, then 20");
    tokio::time::sleep(ms(10_000)).await;
    assert_eq!(world.mail.quits(), 2);
}

#[tokio::test(start_paused = true)]
async fn mails_are_marked_before_they_go_and_in_small_parts() {
    let world = World::new();
    world.mail.takes(ms(100));
    let idle = world.idle();
    send_all(&world, &idle, 64).await;
    let node = world.start("a");
    until("it sends", ms(5_000), async || world.mail.taken().len() == 2).await;
    node.kill().await;
    let _other = world.start("b");
    tokio::time::sleep(world.settings.sender.claim_life + ms(1_000)).await;
    world.settled(ms(60_000)).await;
    let backlog = world.store.backlog().await.unwrap();
    assert_eq!(backlog.unknown, 16, "one part of one connection");
    assert_eq!(world.mail.taken().len(), 2 + 48);
}

fn with_files(files: &[(&str, usize)]) -> MailRequest {
    let file = |(name, size): &(&str, usize)| Attachment {
        name: (*name).to_owned(),
        content_type: "application/pdf".to_owned(),
        bytes: vec![7; *size].into(),
    };
    MailRequest {
        to: (1..=2).map(|n| (MailAddress::new(address(n)).unwrap(), None)).collect(),
        subject: message(1).title,
        template: TemplateId("alert".to_owned()),
        data: ["userName", "alertMessage", "forecastLink"].map(|name| (name.to_owned(), name.to_owned())).into(),
        attachments: files.iter().map(file).collect(),
    }
}

#[tokio::test(start_paused = true)]
async fn files_go_with_their_mails() {
    let world = World::new();
    let node = world.start("a");
    let mail = with_files(&[("a.pdf", 1_000), ("b.pdf", 2_000)]);
    let key = EventId(uuid(1));
    let first = node.operations.enqueue_mail_with_attachments(key, mail.clone()).await.unwrap();
    assert_eq!(node.operations.enqueue_mail_with_attachments(key, mail.clone()).await.unwrap(), first);
    world.settled(ms(5_000)).await;
    let taken = world.mail.taken();
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|out| out.attachments == mail.attachments));
}

#[tokio::test(start_paused = true)]
async fn too_many_files_are_refused() {
    let world = World::new();
    let node = world.start("a");
    let six: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|name| (name, 1)).into();
    let wrong = [six.as_slice(), &[("a", 6 << 20), ("b", 5 << 20)], &[("../a", 1)], &[("a\r\nb", 1)], &[("", 1)]];
    for (number, files) in wrong.into_iter().enumerate() {
        let refused = node.operations.enqueue_mail_with_attachments(EventId(uuid(9)), with_files(files)).await;
        assert!(matches!(refused, Err(NotificationError::Invalid(_))), "{number}");
    }
    let mut typed = with_files(&[("a", 1)]);
    typed.attachments[0].content_type = "text/html\r\nX: y".to_owned();
    let refused = node.operations.enqueue_mail_with_attachments(EventId(uuid(9)), typed).await;
    assert!(matches!(refused, Err(NotificationError::Invalid(_))));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(calls(&world, "enqueue_mails"), 0, "nothing was stored");
    assert_eq!(world.store.backlog().await.unwrap().mail_intents, 0);
}

#[tokio::test(start_paused = true)]
async fn a_template_that_cannot_be_rendered_fails_alone() {
    let world = World::new();
    let node = world.start("a");
    let bad = MailRequest { template: TemplateId("none".to_owned()), ..with_files(&[]) };
    node.operations.enqueue_mail_with_attachments(EventId(uuid(1)), bad).await.unwrap();
    send_all(&world, &node, 2).await;
    world.settled(ms(5_000)).await;
    assert_eq!(world.mail.taken().len(), 2);
    assert_eq!(node.alerts.status()[&AlertKind::MailFailing].raised, 2);
}

#[tokio::test(start_paused = true)]
async fn one_click_ends_the_mails() {
    let mut settings = Settings::default();
    settings.sender.unsubscribe_url = Some("https://pulse.test/unsubscribe/".to_owned());
    let world = World::with(settings);
    let node = world.start("a");
    send_all(&world, &node, 1).await;
    world.settled(ms(5_000)).await;
    let url = world.mail.taken().remove(0).unsubscribe.unwrap();
    let token = url.strip_prefix("https://pulse.test/unsubscribe/").unwrap();
    assert_eq!(token.len(), 32);
    assert!(node.registry.unsubscribe(token).await.unwrap());
    assert!(!node.registry.unsubscribe("another").await.unwrap());
    node.operations.send(mail_only(1), None).await.unwrap();
    world.settled(ms(5_000)).await;
    assert_eq!(world.mail.taken().len(), 1);
    let page = SuppressionParams { after: None, take: 10 };
    assert_eq!(node.registry.suppressions(page).await.unwrap().0.len(), 1);
    node.registry.unsuppress(&MailAddress::new(address(1)).unwrap()).await.unwrap();
    node.operations.send(mail_only(1), None).await.unwrap();
    world.settled(ms(5_000)).await;
    assert_eq!(world.mail.taken().len(), 2);
}
