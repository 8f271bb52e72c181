//! Completed forecasts become notifications, once.

use adapters::memory::NotificationFault;
use domain::model::EventId;
use domain::notification::alerts::AlertKind;
use domain::notification::model::{Channel, ChannelSet, DeliveryStatus, Name, NotificationType, Preference, UnitEntry};
use domain::ports::{Bus as _, Outgoing, Parking as _, Recipients as _, Topic};
use tracing::Level;

use super::logs::Logs;
use super::world::{World, address, company, completed, ms, unit, until, user};

/// Rows, devices and mails, each once.
async fn exactly_once(world: &World, n: u128, devices: &[String]) {
    assert_eq!(world.inbox(n).await.len(), 1);
    for device in devices {
        assert_eq!(world.push.attempts_to(device).len(), 1, "{device}");
    }
    let mails: Vec<_> = world.mail.taken().into_iter().filter(|mail| mail.to == address(n)).collect();
    assert_eq!(mails.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_completed_forecast_reaches_its_user_over_all_channels() {
    let (logs, _guard) = Logs::listen();
    let world = World::new();
    let devices = world.user_with(1, 3).await;
    let named = UnitEntry { id: unit(1), name: Name::new("Unit A").unwrap() };
    world.store.upsert_directory(Vec::new(), vec![named]).await.unwrap();
    let _node = world.start("a");
    world.complete(&completed(1, 1)).await;
    until("it is accepted", ms(200), async || !world.inbox(1).await.is_empty()).await;
    world.settled(ms(2_000)).await;
    exactly_once(&world, 1, &devices).await;
    let shown = world.inbox(1).await.remove(0);
    assert_eq!(
        (shown.title.as_str(), shown.body.as_str()),
        ("Forecast Completed", "Your forecast for Unit A is ready")
    );
    assert_eq!((shown.kind, shown.read_at), (NotificationType::ForecastCompleted, None));
    let mail = world.mail.taken().remove(0);
    let link = format!("https://pulse.test/forecasts/{}", completed(1, 1).forecast_id);
    assert_eq!(mail.text, format!("User 1: Your forecast for Unit A is ready ({link})"));
    assert_eq!((mail.subject.as_str(), mail.to_name.as_deref()), ("Forecast Completed", Some("User 1")));
    let statuses: Vec<_> = world.deliveries(1).await.iter().map(|one| (one.channel, one.status)).collect();
    assert_eq!(statuses.len(), 5);
    assert!(statuses.iter().all(|(_, status)| *status == DeliveryStatus::Sent), "{statuses:?}");
    let lines = logs.of(Level::INFO, "Notification sent to channels");
    assert_eq!(lines.len(), 1);
    for result in ["in_app=\"stored\"", "push=\"accepted\"", "devices=3", "email=\"accepted\""] {
        assert!(lines[0].contains(result), "{result} in {}", lines[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_three_times_adds_nothing() {
    let world = World::new();
    let devices = world.user_with(1, 3).await;
    let node = world.start("a");
    for _ in 0..3 {
        world.complete(&completed(1, 1)).await;
        tokio::time::sleep(ms(1_000)).await;
    }
    until("all came", ms(1_000), async || node.consumer.read().events == 3).await;
    world.settled(ms(2_000)).await;
    exactly_once(&world, 1, &devices).await;
    assert_eq!((node.consumer.read().notifications, node.consumer.read().duplicates), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_event_without_an_id_is_known_by_what_it_says() {
    let world = World::new();
    world.user_with(1, 1).await;
    let node = world.start("a");
    let plain = domain::event::ForecastCompleted { event_id: None, company_id: None, unit_id: None, ..completed(1, 1) };
    for _ in 0..2 {
        world.complete(&plain).await;
    }
    until("both came", ms(1_000), async || node.consumer.read().events == 2).await;
    assert_eq!(world.inbox(1).await.len(), 1);
    assert_eq!(world.inbox(1).await[0].body.as_str(), "Your forecast is ready");
}

#[tokio::test(start_paused = true)]
async fn two_instances_share_the_work() {
    let world = World::new();
    let mut devices = Vec::new();
    for n in 1..=20 {
        devices.push(world.user_with(n, 2).await);
    }
    world.push.takes(ms(30));
    world.mail.takes(ms(5));
    let nodes = [world.start("a"), world.start("b")];
    for n in 1..=20 {
        // Twice each: both instances may work on one event at the same time.
        world.complete(&completed(n, n)).await;
        world.complete(&completed(n, n)).await;
    }
    until("all came", ms(5_000), async || nodes.iter().map(|node| node.consumer.read().events).sum::<u64>() == 40)
        .await;
    world.settled(ms(5_000)).await;
    for n in 1..=20 {
        exactly_once(&world, n, &devices[usize::try_from(n).unwrap() - 1]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn recipients_come_from_preferences() {
    let world = World::new();
    for n in 1..=4 {
        world.user_with(n, 1).await;
    }
    let wants = |unit_id, channels| Preference { company_id: company(1), unit_id, channels };
    let set = async |n, preferences| world.store.set_preferences(user(n), preferences).await.unwrap();
    set(2, vec![wants(None, ChannelSet::ALL)]).await;
    set(3, vec![wants(Some(unit(1)), ChannelSet::of([Channel::InApp]))]).await;
    set(4, vec![wants(None, ChannelSet::ALL), wants(Some(unit(1)), ChannelSet::NONE)]).await;
    let node = world.start("a");
    world.complete(&completed(1, 1)).await;
    until("it came", ms(1_000), async || node.consumer.read().events == 1).await;
    world.settled(ms(2_000)).await;
    let inboxes = [1, 2, 3, 4].map(async |n| world.inbox(n).await.len());
    let [one, two, three, four] = inboxes;
    assert_eq!((one.await, two.await, three.await, four.await), (0, 1, 1, 0));
    assert_eq!(world.push.attempts().len(), 1);
    assert_eq!(world.mail.taken().iter().map(|mail| mail.to.clone()).collect::<Vec<_>>(), [address(2)]);
}

#[tokio::test(start_paused = true)]
async fn many_recipients_take_several_transactions() {
    let world = World::new();
    let all = Preference { company_id: company(1), unit_id: None, channels: ChannelSet::of([Channel::InApp]) };
    for n in 1..=450 {
        world.store.set_preferences(user(n), vec![all]).await.unwrap();
    }
    // The second of the three fails once: the event is told again, and only what is missing is added.
    let node = world.idle();
    let event = completed(1, 1);
    world.store.faults().once("accept", NotificationFault::After);
    assert!(node.operations.completed(&event, b"").await.is_err());
    let told = node.operations.completed(&event, b"").await.unwrap();
    assert_eq!((told.new, told.before), (250, 200));
    let told = node.operations.completed(&event, b"").await.unwrap();
    assert_eq!((told.new, told.before), (0, 450));
}

#[tokio::test(start_paused = true)]
async fn an_event_is_acknowledged_after_its_transaction() {
    let world = World::new();
    world.user_with(1, 1).await;
    world.store.faults().always("accept", NotificationFault::Hang);
    let node = world.start("a");
    world.complete(&completed(1, 1)).await;
    until("it is worked on", ms(1_000), async || world.store.faults().calls().contains(&"accept")).await;
    node.kill().await;
    world.store.faults().heal();
    let _other = world.start("b");
    until("it came again", ms(5_000), async || world.inbox(1).await.len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_nothing_is_lost() {
    let world = World::new();
    world.user_with(1, 1).await;
    world.store.faults().always("accept", NotificationFault::Before);
    let node = world.start("a");
    world.complete(&completed(1, 1)).await;
    tokio::time::sleep(ms(60_000)).await;
    assert!(node.consumer.read().given_back > 0);
    assert_eq!(node.consumer.read().parked, 0);
    world.store.faults().heal();
    until("it came", ms(10_000), async || world.inbox(1).await.len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn poison_is_parked_and_stands_in_nobodys_way() {
    let (logs, _guard) = Logs::listen();
    let world = World::new();
    world.user_with(1, 1).await;
    let node = world.start("a");
    let body = "{\"ForecastId\": 5}";
    let broken = Outgoing { key: "k".to_owned(), payload: body.into(), properties: Default::default() };
    world.bus.publish(Topic::ForecastCompleted, broken.clone()).await.unwrap();
    world.store.faults().once("directory", NotificationFault::Corrupt);
    for _ in 0..4 {
        world.store.faults().once("directory", NotificationFault::Corrupt);
    }
    world.complete(&completed(1, 1)).await;
    until("both are parked", ms(10_000), async || node.consumer.read().parked == 2).await;
    let event =
        domain::event::ForecastCompleted { event_id: Some(EventId(crate::support::uuid(7))), ..completed(2, 1) };
    world.complete(&event).await;
    until("the next one came", ms(1_000), async || world.inbox(1).await.len() == 1).await;
    let parked = world.parking.parked(10).await.unwrap();
    assert_eq!(parked.iter().map(|one| one.attempts).collect::<Vec<_>>(), [5, 1]);
    assert_eq!((parked[1].topic, &parked[1].message), (Topic::ForecastCompleted, &broken));
    assert_eq!(node.alerts.status()[&AlertKind::DeadLetter].raised, 2);
    assert_eq!(logs.of(Level::ERROR, "dead_letter").len(), 1, "logged once");
}
