//! Another program that completes forecasts: it publishes what the notification service hears.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use domain::event::{Event as _, ForecastCompleted};
use domain::model::{EventId, ForecastId, Status, UserId};
use domain::ports::{Bus, Topic};
use uuid::Uuid;

use super::fixture::{EVENTS_MAX, OTHER, PREFERRED, USERS, unit};
use crate::dice::Dice;
use crate::log::{Event, Notified};
use crate::run::phase::{Control, Phase};
use crate::wire::{Net, RemoteBus};
use crate::world::{CLIENTS, NotifyTuning};

const LOOK: Duration = Duration::from_millis(20);
/// So many events are published while a carrier is broken, and nothing else.
const IN_THE_ENCORE: u64 = 4;
/// An event of which nobody knows whether the bus has it is published again.
const TRIES: u32 = 3;

/// Runs the clients, and beside them the publisher, where there are notifications.
pub(in crate::run) async fn with_publisher(
    seed: u64,
    tuning: Option<NotifyTuning>,
    net: Net,
    control: Control,
    clients: impl Future<Output = turmoil::Result>,
) -> turmoil::Result {
    if let Some(tuning) = tuning {
        let net = net.at(CLIENTS);
        let bus = RemoteBus::new(net.clone());
        let publisher = Publisher { bus, net, control, dice: Dice::of(seed, "publisher"), last: 0 };
        tokio::spawn(publisher.run(tuning.event_every_ms));
    }
    clients.await
}

struct Publisher {
    bus: RemoteBus,
    net: Net,
    control: Control,
    dice: Dice,
    last: u64,
}

impl Publisher {
    async fn run(mut self, every_ms: u64) {
        self.until(Phase::Storm).await;
        while self.control.phase() == Phase::Storm && self.last + IN_THE_ENCORE < EVENTS_MAX {
            tokio::time::sleep(self.dice.millis(every_ms / 2, every_ms + every_ms / 2)).await;
            self.publish().await;
        }
        self.until(Phase::Encore).await;
        for _ in 0..IN_THE_ENCORE {
            self.publish().await;
        }
    }

    async fn until(&self, phase: Phase) {
        while self.control.phase() < phase {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn publish(&mut self) {
        self.last += 1;
        let user = self.dice.pick(&USERS).copied().unwrap_or(USERS[0]);
        let (company, users) = if self.dice.permille(500) { (PREFERRED, USERS.to_vec()) } else { (OTHER, vec![user]) };
        let id = Uuid::from_u128(0xee_0000 + u128::from(self.last));
        let event = ForecastCompleted {
            forecast_id: ForecastId(Uuid::from_u128(0xfe_0000 + u128::from(self.last))),
            status: Status::Completed,
            completed_at: self.net.time.wall(),
            event_id: Some(EventId(id)),
            company_id: Some(company),
            unit_id: Some(unit(self.last)),
            user_id: Some(user),
        };
        let users = users.into_iter().map(|UserId(user)| user).collect();
        self.net.log.record(&self.net.host, None, Event::Notify(Notified::Telling { event: id, users }));
        for _ in 0..TRIES {
            let Ok(event) = event.outbox(&BTreeMap::new()) else { return };
            if self.bus.publish(Topic::ForecastCompleted, event.message).await.is_ok() {
                return;
            }
        }
    }
}
