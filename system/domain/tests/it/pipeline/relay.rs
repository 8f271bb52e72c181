//! The outbox of a store whose bus is elsewhere.

use std::future::pending;
use std::sync::Arc;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryStore, MemoryStoreConfig};
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::testing::{Seed, TestClock};
use domain::Wake;
use domain::forecast::{Answered, ForecastConfig, ForecastPorts, ForecastService};
use domain::ports::{Bus, Consumer, Delivery, Outbox, StartAt, Subscription, SubscriptionKind, Topic};
use domain::relay::{OutboxRelay, RelayPorts, RelayStatusHandle};
use serde_json::{Value, json};

use super::cluster::pause;
use super::ports::TestIds;
use crate::service::harness::{TestViews, body, caller, patch, request};

struct Outside {
    store: MemoryStore,
    bus: MemoryBus,
    service: ForecastService<TestViews>,
    status: RelayStatusHandle,
    events: Box<dyn Consumer>,
}

impl Outside {
    async fn new() -> Self {
        let (clock, rng, wake) = (TestClock::new(), Seed::rng(3), Wake::new());
        let bus = MemoryBus::new(MemoryBusConfig::default(), clock.clone());
        let store = MemoryStore::with_outbox(MemoryStoreConfig::default(), clock.clone());
        let ports = ForecastPorts {
            store: Arc::new(store.clone()),
            shared: Arc::new(MemorySharedTier::new(MemorySharedTierLimits::default())),
            ids: Arc::new(TestIds(rng.clone())),
            clock,
            rng: rng.clone(),
            wake: Wake::joined([wake.clone()]),
        };
        let service = ForecastService::new(ForecastConfig::default(), ports, TestViews);
        let ports = RelayPorts { outbox: Arc::new(store.clone()), bus: Arc::new(bus.clone()), rng };
        let relay = OutboxRelay::new(ports, wake);
        let status = relay.status();
        tokio::spawn(relay.run(pending()));
        let subscription = Subscription {
            topic: Topic::ForecastInvalidation,
            name: "test".to_owned(),
            kind: SubscriptionKind::Exclusive,
            durable: true,
            start: StartAt::Earliest,
        };
        let events = bus.subscribe(subscription).await.unwrap();
        Self { store, bus, service, status, events }
    }

    async fn versions(&mut self) -> Vec<u64> {
        let mut versions = Vec::new();
        while let Ok(delivery) = tokio::time::timeout(std::time::Duration::from_millis(1), self.events.next()).await {
            if let Delivery::Message(message) = delivery.unwrap() {
                let event: Value = serde_json::from_slice(&message.message.payload).unwrap();
                versions.push(event["versionId"].as_u64().unwrap());
                self.events.ack(message.id).await.unwrap();
            }
        }
        versions
    }
}

#[tokio::test(start_paused = true)]
async fn events_go_out_right_after_their_commit_and_in_order_once_the_bus_is_back() {
    let mut outside = Outside::new().await;
    pause(10).await;
    let Answered::Now(saved) = outside.service.create(&caller(), request(&body(1, 5.0)), None).await.unwrap() else {
        panic!("nothing was named")
    };
    let id = saved.forecast.id;
    pause(1).await;
    assert_eq!(outside.versions().await, [1], "woken by the commit, long before the sweep");

    outside.bus.faults().cut();
    for demand in 6..10 {
        outside.service.patch(&caller(), id, patch(&json!({"demand": demand})), None).await.unwrap();
    }
    pause(3_000).await;
    let status = outside.status.read();
    assert!(status.errors > 1 && status.stuck_since.is_some(), "{status:?}");
    outside.bus.faults().heal();
    pause(1_500).await;
    assert_eq!(outside.versions().await, [2, 3, 4, 5]);
    assert!(outside.store.pending(10).await.unwrap().is_empty());
    assert_eq!((outside.status.read().published, outside.status.read().stuck_since), (9, None));
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_behind_is_swept_without_a_wake_up() {
    let mut outside = Outside::new().await;
    pause(1).await;
    // Committed by a process that nobody's wake belongs to.
    let sibling = ForecastPorts {
        store: Arc::new(outside.store.clone()),
        shared: Arc::new(MemorySharedTier::new(MemorySharedTierLimits::default())),
        ids: Arc::new(TestIds(Seed::rng(4))),
        clock: TestClock::new(),
        rng: Seed::rng(4),
        wake: Wake::new(),
    };
    let sibling = ForecastService::new(ForecastConfig::default(), sibling, TestViews);
    sibling.create(&caller(), request(&body(2, 5.0)), None).await.unwrap();
    pause(100).await;
    assert!(outside.versions().await.is_empty());
    pause(1_000).await;
    assert_eq!(outside.versions().await, [1]);
}
