//! A crash between any two steps: exactly one in-app row, one message on each device, one mail at most.

use adapters::memory::NotificationFault;
use domain::notification::model::{Channel, DeliveryId, DeliveryStatus};
use domain::notification::operations::{MailRequest, Message};
use domain::ports::{Attachment, Deliveries as _, Resend, TemplateId};

use super::fakes::{Does, Replies};
use super::world::{Settings, World, address, completed, message, ms, until};

/// All steps of the service at its store, from the event to the mail that is sent.
const STEPS: [&str; 9] = [
    "recipients",
    "directory",
    "accept",
    "claim_pushes",
    "report_pushes",
    "claim_mail_intents",
    "queue_mails",
    "claim_mails",
    "progress_mails",
];

/// The `nth` call of `method` meets `fault`; there the instance is killed, and another one takes over.
async fn crash_at(method: &'static str, nth: usize, fault: NotificationFault) {
    let world = World::new();
    let devices = world.user_with(1, 2).await;
    let before = world.store.faults().calls().len();
    let calls = || world.store.faults().calls()[before..].iter().filter(|call| **call == method).count();
    let node = world.start("a");
    if method.starts_with("claim") {
        // The claims of an instance that has nothing to do.
        tokio::time::sleep(ms(100)).await;
    }
    let idle_calls = calls();
    for _ in 1..nth {
        world.store.faults().once(method, NotificationFault::Before);
    }
    world.store.faults().once(method, fault);
    world.complete(&completed(1, 1)).await;
    until("the crash", ms(20_000), async || calls() >= idle_calls + nth).await;
    node.kill().await;
    world.store.faults().heal();
    let _other = world.start("b");
    until("the event came", ms(70_000), async || !world.inbox(1).await.is_empty()).await;
    world.settled(world.settings.sender.claim_life + ms(60_000)).await;
    let at = format!("{method} {nth} {fault:?}");
    assert_eq!(world.inbox(1).await.len(), 1, "{at}");
    for device in &devices {
        assert_eq!(world.push.shown(device), 1, "{at}: {device}");
        assert!(world.push.attempts_to(device).len() <= 2, "{at}: {device}");
    }
    let mails = world.mail.taken().len();
    let status = world.deliveries(1).await.iter().find(|one| one.channel == Channel::Email).unwrap().status;
    match status {
        DeliveryStatus::Sent => assert_eq!(mails, 1, "{at}"),
        DeliveryStatus::Unknown => assert!(mails <= 1, "{at}: {mails}"),
        other => panic!("{at}: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_any_two_steps_loses_nothing_and_doubles_nothing() {
    for method in STEPS {
        for fault in [NotificationFault::Hang, NotificationFault::HangAfter] {
            for nth in 1..=2 {
                crash_at(method, nth, fault).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_loses_nothing_and_doubles_nothing() {
    for method in STEPS {
        for fault in [NotificationFault::Before, NotificationFault::After] {
            let world = World::new();
            let devices = world.user_with(1, 2).await;
            let _node = world.start("a");
            world.store.faults().once(method, fault);
            world.complete(&completed(1, 1)).await;
            until("the event came", ms(10_000), async || !world.inbox(1).await.is_empty()).await;
            world.settled(ms(600_000)).await;
            assert_eq!(world.inbox(1).await.len(), 1, "{method} {fault:?}");
            for device in &devices {
                assert_eq!(world.push.shown(device), 1, "{method} {fault:?}");
            }
            assert_eq!(world.mail.taken().len(), 1, "{method} {fault:?}");
        }
    }
}

/// The files of a mail are read after it was marked, and before it goes: whoever dies there has sent nothing.
#[tokio::test(start_paused = true)]
async fn a_crash_over_the_files_of_a_mail_leaves_it_held_and_unsent() {
    for fault in [NotificationFault::Hang, NotificationFault::HangAfter] {
        let world = World::new();
        world.user_with(1, 0).await;
        let node = world.start("a");
        world.store.faults().once("attachments", fault);
        let before = world.store.faults().calls().len();
        let file = Attachment { name: "a".to_owned(), content_type: "a/b".to_owned(), bytes: "abc".into() };
        let with_file = Message { attachments: vec![file.clone()], ..message(1) };
        node.operations.send(with_file, None).await.unwrap();
        let calls = || world.store.faults().calls()[before..].iter().filter(|call| **call == "attachments").count();
        until("the crash", ms(20_000), async || calls() == 1).await;
        node.kill().await;
        world.store.faults().heal();
        let _other = world.start("b");
        world.settled(world.settings.sender.claim_life + ms(60_000)).await;
        assert_eq!(world.mail.taken().len(), 0, "{fault:?}: nobody knows, so it is held");
        let backlog = world.store.backlog().await.unwrap();
        assert_eq!(backlog.unknown, 1, "{fault:?}");
        // A person sends it again: with its file.
        let id = world.deliveries(1).await.iter().find(|one| one.channel == Channel::Email).unwrap().id;
        assert_eq!(world.store.resend(Resend::One(id)).await.unwrap(), 1);
        world.settled(ms(10_000)).await;
        let [mail] = &world.mail.taken()[..] else { panic!("{fault:?}: one mail") };
        assert_eq!(mail.attachments, [file], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_whose_sender_crashed_shows_once() {
    let world = World::new();
    let device = world.user_with(1, 1).await.remove(0);
    world.push.next(&device, [Does::TakesAndHangs]);
    let node = world.start("a");
    node.operations.send(message(1), None).await.unwrap();
    until("it is under way", ms(1_000), async || !world.push.arrived().is_empty()).await;
    node.kill().await;
    let _other = world.start("b");
    world.settled(ms(200_000)).await;
    assert_eq!(world.push.attempts_to(&device).len(), 2);
    assert_eq!(world.push.shown(&device), 1, "the second one replaces the first");
}

/// The mail server has the mail, and its sender is gone before it can say so.
async fn crash_after_data(world: &World, template: &str) {
    world.mail.next(&address(1), [Replies::TakesAndHangs]);
    let node = world.start("a");
    let mail = MailRequest {
        to: vec![(domain::notification::model::MailAddress::new(address(1)).unwrap(), None)],
        subject: message(1).title,
        template: TemplateId(template.to_owned()),
        data: ["userName", "alertMessage", "forecastLink"].map(|name| (name.to_owned(), name.to_owned())).into(),
        attachments: Vec::new(),
    };
    let key = completed(1, 1).event_id.unwrap();
    node.operations.enqueue_mail_with_attachments(key, mail).await.unwrap();
    until("it is under way", ms(1_000), async || world.mail.taken().len() == 1).await;
    node.kill().await;
    let _other = world.start("b");
    tokio::time::sleep(world.settings.sender.claim_life + ms(10_000)).await;
    world.settled(ms(10_000)).await;
}

#[tokio::test(start_paused = true)]
async fn a_mail_of_unknown_fate_is_held() {
    let world = World::new();
    crash_after_data(&world, "alert").await;
    assert_eq!(world.mail.taken().len(), 1, "at most once");
    let backlog = world.store.backlog().await.unwrap();
    assert_eq!(backlog.unknown, 1);
    // A person may send it again, but not with all that failed: it may have arrived.
    let _node = world.start("c");
    let since = "2000-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(world.store.resend(Resend::Since(since)).await.unwrap(), 0);
    let id = DeliveryId::of_enqueued(completed(1, 1).event_id.unwrap(), 0);
    assert_eq!(world.store.resend(Resend::One(id)).await.unwrap(), 1);
    world.settled(ms(10_000)).await;
    assert_eq!(world.mail.taken().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_mail_of_unknown_fate_is_sent_again_where_its_template_says_so() {
    let world = World::new();
    crash_after_data(&world, "resend").await;
    let ids: Vec<_> = world.mail.taken().into_iter().map(|mail| mail.message_id).collect();
    assert_eq!(ids.len(), 2, "at least once");
    assert_eq!(ids[0], ids[1], "by its id a receiver can tell the copy");
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_stop_leaves_nothing_unknown() {
    let mut settings = Settings::default();
    settings.sender.connections = 2;
    let world = World::with(settings);
    for n in 1..=50 {
        world.user_with(n, 1).await;
    }
    world.push.takes(ms(100));
    world.mail.takes(ms(50));
    let node = world.start("a");
    for n in 1..=50 {
        node.operations.send(message(n), None).await.unwrap();
    }
    until("some are sent", ms(5_000), async || world.mail.taken().len() > 5).await;
    node.stop().await;
    let stopped = world.store.backlog().await.unwrap();
    assert!(stopped.mails > 0 && stopped.unknown == 0, "{stopped:?}");
    let _other = world.start("b");
    // At once, not only when the claims are over.
    world.settled(ms(10_000)).await;
    assert_eq!(world.mail.taken().len(), 50);
    assert_eq!(world.store.backlog().await.unwrap().unknown, 0);
}
