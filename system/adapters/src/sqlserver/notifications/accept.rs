//! Accepting: what stands is looked up, then all of it is written, in one transaction. Of two that accept an event at the
//! same time one meets the other's key, and looks again.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use coherence::Timestamp;
use domain::notification::model::{Channel, DeviceId, IntegrationType, NotificationId};
use domain::ports::{
    Acceptance, Acceptances, Accepted, AcceptedUser, ForUser, IdempotencyKey, IdempotencyRecord, MailEnqueue,
    NewDelivery, NotificationStoreError,
};

use super::handle::failed;
use super::write;
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
async fn devices(
    session: &mut Session,
    users: &[ForUser],
) -> Result<BTreeMap<usize, Vec<(DeviceId, IntegrationType)>>, SqlError> {
    let mut devices: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    let list = text(id_list(users.iter().map(|user| user.user_id.0)));
    for row in session.rows(&NOTIFICATIONS_DEVICES_OF, [list]).await? {
        let mut columns = Columns::of(&row);
        let (place, id, kind) = (columns.place()?, columns.id()?, columns.int()?);
        let kind = if kind == 0 { IntegrationType::WebPush } else { IntegrationType::Fcm };
        devices.entry(place).or_default().push((DeviceId(id), kind));
    }
    Ok(devices)
}

async fn accept(session: &mut Session, acceptance: &Acceptance, files_max: u64) -> Result<Accepted, Stopped> {
    let standing = look(session, acceptance).await?;
    let devices = match acceptance.users.iter().any(ForUser::wants_push) {
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
        let to = devices.get(&place).map(Vec::as_slice).unwrap_or_default();
        users.push(AcceptedUser { user_id, id: user.id, is_new: true, devices: rows.add(user, to) });
    }
    write::put_acceptances(session, acceptance.event_id, &rows.users, standing.now).await?;
    write::put_inbox(session, &rows.inbox, standing.now).await?;
    write::put_deliveries(session, &rows.deliveries, standing.now).await?;
    write::put_mail_intents(session, &rows.deliveries).await?;
    enqueue::put_files(session, &acceptance.attachments, &rows.deliveries, standing.now, files_max).await?;
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
    deliveries: Vec<NewDelivery<'a>>,
}

impl<'a> Rows<'a> {
    /// All that a new user gets; answers to how many devices it goes.
    fn add(&mut self, user: &'a ForUser, devices: &[(DeviceId, IntegrationType)]) -> u32 {
        self.users.push(user);
        if user.channels.contains(Channel::InApp) {
            self.inbox.push(user);
        }
        let deliveries = user.deliveries(devices);
        let pushes = deliveries.iter().filter(|new| new.device.is_some()).count();
        self.deliveries.extend(deliveries);
        u32::try_from(pushes).unwrap_or(u32::MAX)
    }
}

#[async_trait]
impl Acceptances for SqlServerNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        let (acceptance, files_max) = (Arc::new(acceptance), self.shared.config.files_max_bytes);
        transaction(&self.shared.pool, move |session| {
            let acceptance = Arc::clone(&acceptance);
            Box::pin(async move { accept(session, &acceptance, files_max).await })
        })
        .await
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError> {
        let (mails, files_max) = (Arc::new(mails), self.shared.config.files_max_bytes);
        transaction(&self.shared.pool, move |session| {
            let mails = Arc::clone(&mails);
            Box::pin(async move { enqueue::enqueue(session, &mails, files_max).await })
        })
        .await
    }

    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError> {
        let values = [uuid(key.caller.0), text(&*key.key)];
        let rows = self.shared.rows(&NOTIFICATIONS_ANSWER, values).await.map_err(failed)?;
        rows.first().map(|row| kept_answer(key, row)).transpose().map_err(failed)
    }
}
