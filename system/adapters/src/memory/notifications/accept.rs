//! Accepting.

use async_trait::async_trait;
use domain::notification::model::{
    Channel, DeliveryId, DeliveryStatus, IntegrationType, MailItem, Notification, NotificationId,
};
use domain::ports::{
    Acceptance, Acceptances, Accepted, AcceptedUser, ForUser, IdempotencyKey, IdempotencyRecord, MailEnqueue, MailFor,
    NotificationStoreError,
};

use super::MemoryNotifications;
use super::handle::Moment;
use super::tables::{AcceptedRow, Tables};

impl Tables {
    fn accept(&mut self, acceptance: Acceptance, moment: Moment) -> Result<Accepted, NotificationStoreError> {
        if let Some(record) = &acceptance.idempotency {
            if self.answers.get(&record.key).is_some_and(|kept| kept.expires_at > moment.wall) {
                return Err(NotificationStoreError::IdempotencyKeyTaken);
            }
            self.answers.insert(record.key.clone(), record.clone());
        }
        let event = acceptance.event_id;
        let users = acceptance.users.into_iter().map(|user| match self.accepted.get(&(event, user.user_id)) {
            Some(id) => self.accepted_before(*id, &user),
            None => self.accept_user(event, user, moment),
        });
        Ok(Accepted { users: users.collect() })
    }

    fn accepted_before(&self, id: NotificationId, user: &ForUser) -> AcceptedUser {
        let is_push =
            |row: &&super::work::DeliveryRow| row.notification == Some(id) && row.channel == Channel::PushNotification;
        let devices = self.deliveries.values().filter(is_push).count();
        AcceptedUser { user_id: user.user_id, id, is_new: false, devices: u32::try_from(devices).unwrap_or(u32::MAX) }
    }

    fn accept_user(&mut self, event_id: domain::model::EventId, user: ForUser, moment: Moment) -> AcceptedUser {
        let (id, user_id, channels) = (user.id, user.user_id, user.channels);
        self.accepted.insert((event_id, user_id), id);
        if channels.contains(Channel::InApp) {
            let notification = Notification {
                id,
                user_id,
                title: user.title.clone(),
                body: user.body.clone(),
                kind: user.kind,
                read_at: None,
                created_at: moment.wall,
            };
            let inbox = self.inboxes.entry(user_id).or_default();
            inbox.last += 1;
            inbox.rows.insert((moment.wall, id), (inbox.last, notification));
        }
        let devices = match channels.contains(Channel::PushNotification) {
            true => self.push_to_devices(&user, moment),
            false => 0,
        };
        if channels.contains(Channel::Email) {
            self.mail_of(id, user.mail, moment);
        }
        let row = AcceptedRow {
            event_id,
            user_id,
            title: user.title,
            body: user.body,
            kind: user.kind,
            channels,
            at: moment.wall,
        };
        self.notifications.insert(id, row);
        AcceptedUser { user_id, id, is_new: true, devices }
    }

    fn push_to_devices(&mut self, user: &ForUser, moment: Moment) -> u32 {
        let mut devices = self.devices_of(user.user_id);
        devices.retain(|device| user.devices.lets(IntegrationType::of(&device.target)));
        for device in &devices {
            let mut row = self.new_delivery(Channel::PushNotification, moment);
            (row.notification, row.device) = (Some(user.id), Some(device.id));
            self.add(DeliveryId::of_push(user.id, device.id), row);
        }
        u32::try_from(devices.len()).unwrap_or(u32::MAX)
    }

    fn mail_of(&mut self, id: NotificationId, mail: MailFor, moment: Moment) {
        let delivery = DeliveryId::of_mail(id);
        let mut row = self.new_delivery(Channel::Email, moment);
        row.notification = Some(id);
        match mail {
            MailFor::None => return,
            MailFor::Item(item) => {
                self.mails.insert(delivery, item);
            }
            MailFor::Nowhere(why) => (row.status, row.last_error) = (DeliveryStatus::Skipped, Some(why)),
        }
        self.add(delivery, row);
    }

    fn enqueue(&mut self, mails: MailEnqueue, moment: Moment) -> u32 {
        let mut new: Vec<(DeliveryId, MailItem)> =
            (0..).zip(mails.items).map(|(number, item)| (DeliveryId::of_enqueued(mails.key, number), item)).collect();
        new.retain(|(id, _)| !self.deliveries.contains_key(id));
        if !new.is_empty() {
            let files = mails.attachments.into_iter().map(|file| (file.id, (moment.wall, file)));
            self.attachments.extend(files);
        }
        for (id, item) in &new {
            let row = self.new_delivery(Channel::Email, moment);
            self.mails.insert(*id, item.clone());
            self.add(*id, row);
        }
        u32::try_from(new.len()).unwrap_or(u32::MAX)
    }
}

#[async_trait]
impl Acceptances for MemoryNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        self.call("accept", |tables, moment| tables.accept(acceptance, moment)).await
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError> {
        self.call("enqueue_mails", |tables, moment| Ok(tables.enqueue(mails, moment))).await
    }

    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError> {
        self.call("answer", |tables, moment| {
            Ok(tables.answers.get(key).filter(|record| record.expires_at > moment.wall).cloned())
        })
        .await
    }
}
