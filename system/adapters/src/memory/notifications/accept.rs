//! Accepting.

use async_trait::async_trait;
use domain::notification::model::{
    Channel, IntegrationType, Notification, NotificationId, StoredAttachment, check_room_for_files,
};
use domain::ports::{
    Acceptance, Acceptances, Accepted, AcceptedUser, ForUser, IdempotencyKey, IdempotencyRecord, MailEnqueue,
    NewDelivery, NotificationStoreError,
};

use super::MemoryNotifications;
use super::handle::Moment;
use super::tables::{AcceptedRow, Tables};

impl Tables {
    fn accept(&mut self, acceptance: Acceptance, moment: Moment) -> Result<Accepted, NotificationStoreError> {
        let stands = |record: &IdempotencyRecord| {
            self.answers.get(&record.key).is_some_and(|kept| kept.expires_at > moment.wall)
        };
        if acceptance.idempotency.as_ref().is_some_and(stands) {
            return Err(NotificationStoreError::IdempotencyKeyTaken);
        }
        let event = acceptance.event_id;
        let is_new = |user: &ForUser| !self.accepted.contains_key(&(event, user.user_id));
        if acceptance.users.iter().any(is_new) {
            self.check_room(&acceptance.attachments)?;
        }
        if let Some(record) = &acceptance.idempotency {
            self.answers.insert(record.key.clone(), record.clone());
        }
        let users = acceptance.users.into_iter().map(|user| match self.accepted.get(&(event, user.user_id)) {
            Some(id) => self.accepted_before(*id, &user),
            None => self.accept_user(event, user, moment),
        });
        let users: Vec<AcceptedUser> = users.collect();
        if users.iter().any(|user| user.is_new) {
            self.keep_files(&acceptance.attachments, moment);
        }
        Ok(Accepted { users })
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
        let devices = self.devices_of(user_id);
        let devices: Vec<_> = devices.iter().map(|device| (device.id, IntegrationType::of(&device.target))).collect();
        let mut pushes = 0;
        for new in user.deliveries(&devices) {
            pushes += u32::from(new.device.is_some());
            self.add_new(&new, moment);
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
        AcceptedUser { user_id, id, is_new: true, devices: pushes }
    }

    fn add_new(&mut self, new: &NewDelivery<'_>, moment: Moment) {
        let mut row = self.new_delivery(new.channel, moment);
        (row.notification, row.device, row.status) = (new.notification, new.device, new.status);
        row.last_error = new.error.map(str::to_owned);
        if let Some(item) = new.mail {
            self.mails.insert(new.id, item.clone());
        }
        self.add(new.id, row);
    }

    fn keep_files(&mut self, files: &[StoredAttachment], moment: Moment) {
        self.attachments.extend(files.iter().map(|file| (file.id, (moment.wall, file.clone()))));
    }

    fn check_room(&self, files: &[StoredAttachment]) -> Result<(), NotificationStoreError> {
        let Some(max) = self.files_max.filter(|_| !files.is_empty()) else { return Ok(()) };
        let held = self.attachments.values().map(|(_, stored)| stored.file.bytes.len() as u64).sum();
        check_room_for_files(self.attachments.len() as u64, held, files, max).map_err(NotificationStoreError::Full)
    }

    fn enqueue(&mut self, mails: &MailEnqueue, moment: Moment) -> Result<u32, NotificationStoreError> {
        let mut new = mails.deliveries();
        new.retain(|new| !self.deliveries.contains_key(&new.id));
        if !new.is_empty() {
            self.check_room(&mails.attachments)?;
            self.keep_files(&mails.attachments, moment);
        }
        for new in &new {
            self.add_new(new, moment);
        }
        Ok(u32::try_from(new.len()).unwrap_or(u32::MAX))
    }
}

#[async_trait]
impl Acceptances for MemoryNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        self.call("accept", |tables, moment| tables.accept(acceptance, moment)).await
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError> {
        self.call("enqueue_mails", |tables, moment| tables.enqueue(&mails, moment)).await
    }

    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError> {
        self.call("answer", |tables, moment| {
            Ok(tables.answers.get(key).filter(|record| record.expires_at > moment.wall).cloned())
        })
        .await
    }
}
