//! What is the adapter's own: limits, dead letters, backpressure, latency.

use std::time::{Duration, Instant};

use adapters::pulsar::PulsarConfig;
use containers::pulsar::Broker;
use domain::conformance::samples::message;
use domain::ports::{Bus, BusError, Delivery, Outgoing, StartAt, Subscription, Topic};
use tokio::time::timeout;

use crate::support::{QUIET, block_on, bus, config, exclusive, receive, shared};

const TOPIC: Topic = Topic::ForecastCompleted;

pub(crate) fn retention_is_raised_and_never_lowered(broker: &Broker) {
    let config = config(broker);
    let path = format!("namespaces/{}/retention", config.namespace);
    block_on(async {
        let admin = bus(&config).admin();
        assert!(admin.ensure_retention().await.unwrap());
        assert!(!admin.ensure_retention().await.unwrap());
        let set = broker.admin().expect("GET", &path, "");
        assert_eq!((&set["retentionTimeInMinutes"], &set["retentionSizeInMB"]), (&10_080.into(), &(-1).into()));
        let shorter = bus(&PulsarConfig { retention: Duration::from_secs(60), ..config.clone() });
        assert!(!shorter.admin().ensure_retention().await.unwrap());
        assert_eq!(broker.admin().expect("GET", &path, "")["retentionTimeInMinutes"], 10_080);
    });
}

/// It is out of the way, nothing of it is lost, and the next message comes.
pub(crate) fn a_poison_message_goes_to_the_dead_letters(broker: &Broker) {
    let config = PulsarConfig { dead_letter_after: 2, ..config(broker) };
    block_on(async {
        let bus = bus(&config);
        let mut consumer = bus.subscribe(shared(TOPIC, "s")).await.unwrap();
        bus.publish(TOPIC, message("poison")).await.unwrap();
        for _ in 0..2 {
            let poison = receive(&mut consumer).await;
            assert_eq!(poison.message, message("poison"));
            consumer.nack(poison.id).await.unwrap();
        }
        bus.publish(TOPIC, message("good")).await.unwrap();
        let good = receive(&mut consumer).await;
        assert_eq!(good.message, message("good"));
        consumer.ack(good.id).await.unwrap();
        let letters = format!(
            "persistent/{}/forecast%3Acompleted-s-DLQ/examinemessage?initialPosition=latest&messagePosition=1",
            config.namespace
        );
        // Messages go back while their consumer asks for the next one.
        let begun = Instant::now();
        let letter = loop {
            match broker.admin().call("GET", &letters, "").unwrap() {
                (200, letter) => break letter,
                other => assert!(begun.elapsed() < Duration::from_secs(20), "{other:?}"),
            }
            if let Ok(next) = timeout(Duration::from_millis(100), consumer.next()).await {
                // The client's detour to the dead letters looks like a loss to us.
                assert!(matches!(next.unwrap(), Delivery::Lost | Delivery::Restored));
            }
        };
        assert_eq!(letter, String::from_utf8_lossy(&message("poison").payload));
        let backlog = || {
            let stats = format!("persistent/{}/forecast%3Acompleted/stats", config.namespace);
            broker.admin().expect("GET", &stats, "")["subscriptions"]["s"]["msgBacklog"].as_u64()
        };
        while backlog() != Some(0) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?} are not acknowledged", backlog());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

/// A consumer hands out no more than it may, and what it has not asked for is bounded.
pub(crate) fn a_slow_consumer_leaves_messages_at_the_broker(broker: &Broker) {
    const MESSAGES: u64 = 1_000;
    const UNACKED: usize = 10;
    /// What the client asks for ahead, and holds: twice 64, and half of it again while it asks for more.
    const AHEAD: u64 = 64 + 64 + 32 + UNACKED as u64 + 2;
    let config = PulsarConfig { unacked_max: UNACKED, redelivery_timeout: Duration::from_secs(60), ..config(broker) };
    let stats = format!("persistent/{}/forecast%3Acompleted/stats", config.namespace);
    block_on(async {
        let bus = bus(&config);
        let mut slow = bus.subscribe(shared(TOPIC, "s")).await.unwrap();
        bus.publish_all(TOPIC, (0..MESSAGES).map(|n| message(&n.to_string())).collect()).await.unwrap();
        let mut held = Vec::new();
        while let Ok(next) = timeout(QUIET, slow.next()).await {
            match next.unwrap() {
                Delivery::Message(message) => held.push(message.id),
                news => panic!("{news:?}"),
            }
        }
        assert_eq!(held.len(), UNACKED);
        let sent = broker.admin().expect("GET", &stats, "")["subscriptions"]["s"]["unackedMessages"].as_u64().unwrap();
        assert!((UNACKED as u64..=AHEAD).contains(&sent), "the broker sent {sent} ahead");
        // An acknowledgement makes room for one.
        slow.ack(held[0]).await.unwrap();
        receive(&mut slow).await;
        assert!(timeout(QUIET, slow.next()).await.is_err());
        // The rest is for whoever is quicker.
        let mut quick = bus.subscribe(shared(TOPIC, "s")).await.unwrap();
        for _ in 0..MESSAGES - AHEAD {
            let received = receive(&mut quick).await;
            quick.ack(received.id).await.unwrap();
        }
    });
}

/// As another process has it: nothing but the broker is shared.
pub(crate) fn another_bus_waits(broker: &Broker) {
    let config = config(broker);
    block_on(async {
        let (one, other) = (bus(&config), bus(&config));
        let mut first = one.subscribe(exclusive(TOPIC, "s")).await.unwrap();
        let mut second = other.subscribe(exclusive(TOPIC, "s")).await.unwrap();
        for n in 0..10 {
            one.publish(TOPIC, message(&n.to_string())).await.unwrap();
        }
        for n in 0..5 {
            let received = receive(&mut first).await;
            assert_eq!(received.message, message(&n.to_string()));
            first.ack(received.id).await.unwrap();
        }
        assert!(timeout(QUIET, second.next()).await.is_err());
        drop(first);
        let begun = Instant::now();
        for n in 5..10 {
            let received = receive(&mut second).await;
            assert_eq!(received.message, message(&n.to_string()));
            second.ack(received.id).await.unwrap();
        }
        println!("another bus took over in {:?}", begun.elapsed());
    });
}

/// Who waits for a place on it would miss what is published: there is none to wait for.
pub(crate) fn a_passing_subscription_waits_for_nobody(broker: &Broker) {
    let config = config(broker);
    block_on(async {
        let (one, other) = (bus(&config), bus(&config));
        let passing = || Subscription { durable: false, start: StartAt::Latest, ..exclusive(TOPIC, "s") };
        let mut consumers = [one.subscribe(passing()).await.unwrap(), other.subscribe(passing()).await.unwrap()];
        one.publish(TOPIC, message("a")).await.unwrap();
        for consumer in &mut consumers {
            assert_eq!(receive(consumer).await.message, message("a"));
        }
    });
}

pub(crate) fn a_topic_with_partitions_is_refused(broker: &Broker) {
    let config = config(broker);
    broker.admin().expect("PUT", &format!("persistent/{}/forecast%3Acompleted/partitions", config.namespace), "3");
    block_on(async {
        let bus = bus(&config);
        let published = bus.publish(TOPIC, message("a")).await;
        assert!(matches!(&published, Err(BusError::Refused(_))), "{published:?}");
        let subscribed = bus.subscribe(shared(TOPIC, "s")).await.map(drop);
        assert!(matches!(&subscribed, Err(BusError::Refused(_))), "{subscribed:?}");
    });
}

/// A bus can be made, and every call says that it may succeed later.
pub(crate) fn without_a_broker(_broker: &Broker) {
    let nobody = containers::free_port().unwrap();
    let config = PulsarConfig {
        operation_timeout: Duration::from_secs(1),
        ..PulsarConfig::new(format!("pulsar://127.0.0.1:{nobody}"), format!("http://127.0.0.1:{nobody}"))
    };
    block_on(async {
        let bus = bus(&config);
        let begun = Instant::now();
        for answer in [
            bus.publish(TOPIC, message("a")).await.map(drop),
            bus.publish_all(TOPIC, vec![message("a")]).await,
            bus.last(TOPIC).await.map(drop),
            bus.subscribe(shared(TOPIC, "s")).await.map(drop),
            bus.unsubscribe(TOPIC, "s").await,
            bus.admin().ensure_retention().await.map(drop),
        ] {
            assert!(matches!(&answer, Err(error) if error.is_retryable()), "{answer:?}");
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        bus.close().await;
    });
}

pub(crate) fn what_is_too_long_is_refused(broker: &Broker) {
    let config = config(broker);
    block_on(async {
        let bus = bus(&config);
        let long = |bytes: usize| Outgoing { payload: vec![b'x'; bytes].into(), ..message("long") };
        let refused = bus.publish(TOPIC, long((4 << 20) + 1)).await;
        assert!(matches!(&refused, Err(BusError::Refused(_))), "{refused:?}");
        let mut consumer = bus.subscribe(exclusive(TOPIC, "s")).await.unwrap();
        bus.publish(TOPIC, long(4 << 20)).await.unwrap();
        assert_eq!(receive(&mut consumer).await.message, long(4 << 20));
    });
}

/// Prints; asserts only that nothing waits for a delayed acknowledgement of the network (40 ms).
pub(crate) fn latency(broker: &Broker) {
    const ROUNDS: usize = 300;
    let config = config(broker);
    block_on(async {
        let bus = bus(&config);
        let mut consumer = bus.subscribe(exclusive(Topic::CdcForecasts, "s")).await.unwrap();
        let (mut sends, mut trips) = (Vec::new(), Vec::new());
        for n in 0..ROUNDS {
            let begun = Instant::now();
            bus.publish(Topic::CdcForecasts, message(&n.to_string())).await.unwrap();
            sends.push(begun.elapsed());
            let received = receive(&mut consumer).await;
            trips.push(begun.elapsed());
            consumer.ack(received.id).await.unwrap();
        }
        for (name, times) in [("send", &mut sends), ("send to receive", &mut trips)] {
            times.sort_unstable();
            let at = |share: usize| times[times.len() * share / 100];
            println!("latency, {name}: p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
        }
        assert!(trips[ROUNDS / 2] < Duration::from_millis(40), "{:?}", trips[ROUNDS / 2]);
    });
}
