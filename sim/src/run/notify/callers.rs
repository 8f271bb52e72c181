//! Callers of an instance's use cases, on its host: messages, devices, reading, open streams.

use std::sync::Arc;
use std::time::Duration;

use domain::model::UserId;
use domain::notification::live::LiveEvent;
use domain::notification::model::{Body, Channel, ChannelSet, DeviceFilter, NotificationType, RegisterDevice, Title};
use domain::notification::operations::{Message, NamedRequest};
use domain::ports::InboxStart;
use futures_util::FutureExt;
use smartpulse::app::NotificationParts;
use uuid::Uuid;

use super::fixture::{USERS, first_devices, target};
use crate::dice::Dice;
use crate::log::{Event, Notified};
use crate::run::phase::{Control, Phase};
use crate::wire::Net;
use crate::world::{Guest, NotifyTuning, Visit, text_of};

const LOOK: Duration = Duration::from_millis(20);
/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a message that was named is asked for, until it is answered.
const TRIES: u32 = 3;
const CALLER: UserId = UserId(Uuid::from_u128(0x60));

/// The callers of each instance.
pub(in crate::run) fn guest(seed: u64, control: Control, tuning: &NotifyTuning) -> Guest {
    let think_max_ms = tuning.think_max_ms;
    Arc::new(move |visit: Visit| {
        let Visit { parts, net, boot } = visit;
        let dice = Dice::of(seed, &format!("callers/{}/{boot}", net.host));
        let place = net.host.trim_start_matches('i').parse::<u64>().unwrap_or_default();
        // Numbers of one start are nobody else's, and above those of events.
        let last = 1_000_000 * (place + 1) + 10_000 * boot;
        for user in [place, place + 1].map(|at| USERS[usize::try_from(at).unwrap_or_default() % USERS.len()]) {
            tokio::spawn(listen(parts.clone(), net.clone(), user));
        }
        Caller { parts, net, control: control.clone(), dice, last, think_max_ms }.run().boxed()
    })
}

/// An open stream.
async fn listen(parts: NotificationParts, net: Net, user: UserId) {
    let note = |what| net.log.record(&net.host, None, Event::Notify(what));
    let Ok(mut stream) = parts.manager.stream(user, None) else { return };
    let (user, mut is_open) = (user.0, false);
    loop {
        match stream.next().await {
            LiveEvent::Notification { position, notification } => {
                note(Notified::StreamTold { user, notification: notification.id.0, position: position.0 });
            }
            LiveEvent::Unread { position, .. } if !is_open => {
                is_open = true;
                note(Notified::StreamOpened { user, position: position.0 });
            }
            LiveEvent::Unread { .. } => {}
            LiveEvent::Reset { .. } => net.mark("notification_stream_reset"),
        };
    }
}

struct Caller {
    parts: NotificationParts,
    net: Net,
    control: Control,
    dice: Dice,
    last: u64,
    think_max_ms: u64,
}

impl Caller {
    async fn run(mut self) {
        while self.control.phase() < Phase::Storm {
            tokio::time::sleep(LOOK).await;
        }
        while self.control.phase() == Phase::Storm {
            tokio::time::sleep(self.dice.millis(20, self.think_max_ms)).await;
            match self.dice.below(100) {
                0..45 => self.send().await,
                45..60 => self.register().await,
                60..70 => self.remove().await,
                _ => self.read().await,
            }
        }
    }

    fn note(&self, what: Notified) {
        self.net.log.record(&self.net.host, None, Event::Notify(what));
    }

    fn user(&self) -> (usize, UserId) {
        let place = usize::try_from(self.dice.below(USERS.len() as u64)).unwrap_or_default();
        (place, USERS[place])
    }

    fn channels(&self) -> ChannelSet {
        let some = ChannelSet::of(Channel::ALL.into_iter().filter(|_| self.dice.permille(600)));
        if some.is_empty() { ChannelSet::ALL } else { some }
    }

    /// A message; one that is named is sent again where its answer is missing, and sometimes where it is not.
    async fn send(&mut self) {
        self.last += 1;
        let (number, (_, user_id)) = (self.last, self.user());
        let (Ok(title), Ok(body)) = (Title::new("Alert"), Body::new(format!("Message {}", text_of(number)))) else {
            return;
        };
        let (kind, devices) = (NotificationType::Alert, DeviceFilter::Both);
        let message =
            Message { user_id, title, body, kind, channels: self.channels(), devices, attachments: Vec::new() };
        let is_named = self.dice.permille(600);
        let name = NamedRequest::new(CALLER, &number.to_string(), "sim", number.to_string().as_bytes()).ok();
        let name = name.filter(|_| is_named);
        for _ in 0..if is_named { TRIES } else { 1 } {
            let sending = self.parts.operations.send(message.clone(), name.as_ref());
            let Ok(Ok(sent)) = tokio::time::timeout(PATIENCE, sending).await else {
                self.net.mark("message_unanswered");
                continue;
            };
            if sent.replayed {
                self.net.mark("message_replayed");
            }
            self.note(Notified::SendAnswered { notification: sent.id.0, about: number });
            if self.dice.permille(700) {
                return;
            }
        }
    }

    /// A device of the user, again or, where it was removed, anew; sometimes another one.
    async fn register(&mut self) {
        let (place, user) = self.user();
        let number = match self.dice.permille(700) {
            true => self.dice.pick(&first_devices(place)).copied().unwrap_or_default(),
            false => {
                self.last += 1;
                self.last
            }
        };
        let request = RegisterDevice { target: target(number), os_version: None, vapid_key_id: None };
        let registering = self.parts.registry.register(user, request);
        if let Ok(Ok(registered)) = tokio::time::timeout(PATIENCE, registering).await {
            self.net.mark(if registered.is_new { "device_registered" } else { "device_registered_again" });
        }
    }

    async fn remove(&self) {
        let (_, user) = self.user();
        let Ok(Ok(devices)) = tokio::time::timeout(PATIENCE, self.parts.registry.devices(user)).await else { return };
        let Some(device) = self.dice.pick(&devices) else { return };
        if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, self.parts.registry.remove(user, device.id)).await {
            self.net.mark("device_taken_away");
        }
    }

    async fn read(&self) {
        let (_, user) = self.user();
        let listing = self.parts.manager.list(user, InboxStart::Skip(0), 20);
        let Ok(Ok(page)) = tokio::time::timeout(PATIENCE, listing).await else { return };
        let Some(item) = self.dice.pick(&page.items) else { return };
        if let Ok(Ok(read)) = tokio::time::timeout(PATIENCE, self.parts.manager.read(user, item.id)).await {
            self.net.mark("notification_read");
            self.note(Notified::ReadAnswered { user: user.0, notification: read.id.0 });
        }
    }
}
