//! Accepting: what stands is looked up, then all of it is written, in one transaction. Of two that accept an event at the
//! same time one meets the other's key, and looks again.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use coherence::Timestamp;
use domain::notification::model::{
    Channel, DeliveryId, DeliveryStatus, DeviceId, IntegrationType, MailItem, NotificationId,
};
use domain::ports::{
    Acceptance, Acceptances, Accepted, AcceptedUser, ForUser, IdempotencyKey, IdempotencyRecord, MailEnqueue, MailFor,
    NotificationStoreError,
};

use super::columns::{EMAIL, PUSH};
use super::handle::failed;
use super::write::{self, NewDelivery};
use super::{SqlServerNotifications, enqueue};
use crate::sqlserver::connection::{Session, Stop, transaction};
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_list};
use crate::sqlserver::statement::{text, text_or_null, uuid, uuid_or_null};
use crate::sqlserver::statements::{NOTIFICATIONS_ANSWER, NOTIFICATIONS_DEVICES_OF, NOTIFICATIONS_LOOK};
use crate::sqlserver::store::kept_answer;

type Stopped = Stop<NotificationStoreError>;

/// What stands.
struct Standing {
    now: Timestamp,
    /// Of the users of which something was accepted before: the notification, and to how many devices it went.
    accepted: BTreeMap<usize, (NotificationId, u32)>,
}

async fn look(session: &mut Session, acceptance: &Acceptance) -> Result<Standing, Stopped> {
    let key = acceptance.idempotency.as_ref().map(|record| &record.key);
    let values = [
        text(id_list(acceptance.users.iter().map(|user| user.user_id.0))),
        uuid(acceptance.event_id.0),
        uuid_or_null(key.map(|key| key.caller.0)),
        text_or_null(key.map(|key| key.key.clone())),
    ];
    let answers = session.answers(&NOTIFICATIONS_LOOK, values).await?;
    let [first, users] = answers.as_slice() else {
        return Err(SqlError::Unreadable(format!("{} answers instead of 2", answers.len())).into());
    };
    let first = first.first().ok_or_else(|| SqlError::Unreadable("no answer".to_owned()))?;
    let mut columns = Columns::of(first);
    let now = columns.time()?;
    if columns.flag()? {
        return Err(Stop::Port(NotificationStoreError::IdempotencyKeyTaken));
    }
    let mut accepted = BTreeMap::new();
    for row in users {
        let mut columns = Columns::of(row);
        let (place, id, devices) = (columns.place()?, columns.id()?, columns.int()?);
        accepted.insert(place, (NotificationId(id), u32::try_from(devices).unwrap_or(u32::MAX)));
    }
    Ok(Standing { now, accepted })
}

/// The devices of users, by the users' places.
async fn devices(session: &mut Session, users: &[ForUser]) -> Result<BTreeMap<usize, Vec<DeviceId>>, SqlError> {
    let mut devices: BTreeMap<usize, Vec<DeviceId>> = BTreeMap::new();
    let list = text(id_list(users.iter().map(|user| user.user_id.0)));
    for row in session.rows(&NOTIFICATIONS_DEVICES_OF, [list]).await? {
        let mut columns = Columns::of(&row);
        let (place, id, kind) = (columns.place()?, columns.id()?, columns.int()?);
        let kind = if kind == 0 { IntegrationType::WebPush } else { IntegrationType::Fcm };
        if users.get(place).is_some_and(|user| user.devices.lets(kind)) {
            devices.entry(place).or_default().push(DeviceId(id));
        }
    }
    Ok(devices)
}

async fn accept(session: &mut Session, acceptance: &Acceptance) -> Result<Accepted, Stopped> {
    let standing = look(session, acceptance).await?;
    let wants_push = |user: &ForUser| user.channels.contains(Channel::PushNotification);
    let devices = match acceptance.users.iter().any(wants_push) {
        true => devices(session, &acceptance.users).await?,
        false => BTreeMap::new(),
    };
    let (mut rows, mut users) = (Rows::default(), Vec::with_capacity(acceptance.users.len()));
    for (place, user) in acceptance.users.iter().enumerate() {
        let user_id = user.user_id;
        if let Some((id, devices)) = standing.accepted.get(&place).copied() {
            users.push(AcceptedUser { user_id, id, is_new: false, devices });
            continue;
        }
        let to = devices.get(&place).filter(|_| wants_push(user)).map(Vec::as_slice).unwrap_or_default();
        rows.add(user, to);
        let devices = u32::try_from(to.len()).unwrap_or(u32::MAX);
        users.push(AcceptedUser { user_id, id: user.id, is_new: true, devices });
    }
    write::put_acceptances(session, acceptance.event_id, &rows.users, standing.now).await?;
    write::put_inbox(session, &rows.inbox, standing.now).await?;
    write::put_deliveries(session, &rows.deliveries, standing.now).await?;
    write::put_mail_intents(session, &rows.mails).await?;
    if let Some(record) = &acceptance.idempotency {
        write::keep_answer(session, record).await?;
    }
    Ok(Accepted { users })
}

/// What is to be written.
#[derive(Default)]
struct Rows<'a> {
    users: Vec<&'a ForUser>,
    /// Those with a row in the inbox.
    inbox: Vec<&'a ForUser>,
    deliveries: Vec<NewDelivery>,
    mails: Vec<(DeliveryId, &'a MailItem)>,
}

impl<'a> Rows<'a> {
    fn add(&mut self, user: &'a ForUser, devices: &[DeviceId]) {
        self.users.push(user);
        if user.channels.contains(Channel::InApp) {
            self.inbox.push(user);
        }
        self.deliveries.extend(devices.iter().map(|device| NewDelivery {
            id: DeliveryId::of_push(user.id, *device),
            notification: Some(user.id),
            device: Some(*device),
            channel: PUSH,
            stage: Some(1),
            status: DeliveryStatus::Pending,
            error: None,
        }));
        if !user.channels.contains(Channel::Email) {
            return;
        }
        let id = DeliveryId::of_mail(user.id);
        let (stage, status, error) = match &user.mail {
            MailFor::None => return,
            MailFor::Item(item) => {
                self.mails.push((id, item));
                (Some(2), DeliveryStatus::Pending, None)
            }
            MailFor::Nowhere(why) => (None, DeliveryStatus::Skipped, Some(why.clone())),
        };
        self.deliveries.push(NewDelivery {
            id,
            notification: Some(user.id),
            device: None,
            channel: EMAIL,
            stage,
            status,
            error,
        });
    }
}

#[async_trait]
impl Acceptances for SqlServerNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        let acceptance = Arc::new(acceptance);
        transaction(&self.shared.pool, move |session| {
            let acceptance = Arc::clone(&acceptance);
            Box::pin(async move { accept(session, &acceptance).await })
        })
        .await
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError> {
        let mails = Arc::new(mails);
        transaction(&self.shared.pool, move |session| {
            let mails = Arc::clone(&mails);
            Box::pin(async move { enqueue::enqueue(session, &mails).await.map_err(Stop::Sql) })
        })
        .await
    }

    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError> {
        let values = [uuid(key.caller.0), text(&*key.key)];
        let rows = self.shared.rows(&NOTIFICATIONS_ANSWER, values).await.map_err(failed)?;
        rows.first().map(|row| kept_answer(key, row)).transpose().map_err(failed)
    }
}
