//! Accepting: what stands is looked up under the write lock, then all of it is written.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::model::EventId;
use domain::notification::model::{
    Channel, DeliveryId, DeviceId, IntegrationType, MailItem, NotificationId, StoredAttachment, check_room_for_files,
};
use domain::ports::{
    Acceptance, Acceptances, Accepted, AcceptedUser, ForUser, IdempotencyKey, IdempotencyRecord, MailEnqueue,
    NewDelivery, NotificationStoreError,
};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::SqliteNotifications;
use super::columns;
use super::handle::{failed, hex_list};
use crate::sqlite::row;

/// Takes the write lock, then reads: when the answer under the key expires; of each user the notification accepted before,
/// to how many devices it went, and the last position in the inbox.
pub(super) const LOCK_AND_LOOK: &str = "BEGIN IMMEDIATE; \
     SELECT (SELECT ExpiresAt FROM NotificationAnswers WHERE Caller = ?2 AND Key = ?3), j.key, a.Id, \
         (SELECT count(*) FROM NotificationDeliveries d WHERE d.NotificationId = a.Id AND d.Channel = 2), \
         coalesce(p.Last, 0) \
     FROM (SELECT 1) LEFT JOIN json_each(?4) j \
         LEFT JOIN NotificationAcceptances a ON a.EventId = ?1 AND a.UserId = unhex(j.value) \
         LEFT JOIN NotificationPositions p ON p.UserId = unhex(j.value) \
     ORDER BY j.key";

pub(super) const DEVICES: &str = "SELECT j.key, s.Id, s.IntegrationType FROM json_each(?1) j \
     CROSS JOIN SysUserDeviceInfo s ON s.UserId = unhex(j.value) ORDER BY j.key, s.CreatedAt, s.Id";

pub(super) const ANSWER: &str = "SELECT Fingerprint, Response, ExpiresAt FROM NotificationAnswers \
                                 WHERE Caller = ?1 AND Key = ?2 AND ExpiresAt > ?3";

/// How many files there are, and of how many bytes.
pub(super) const HELD: &str = "SELECT count(*), coalesce(sum(Size), 0) FROM MailAttachments";

/// How many rows one INSERT names: 12 parameters each at most, of SQLite's 32,766.
const ROWS_PER_STATEMENT_MAX: usize = 500;
/// Statements for so few rows recur, and stay prepared; larger ones would only fill the cache.
const PREPARED_ROWS_MAX: usize = 2;

/// What is to be written.
#[derive(Default)]
struct Rows<'a> {
    users: Vec<&'a ForUser>,
    /// Those with a row in the inbox, each with its position.
    inbox: Vec<(&'a ForUser, i64)>,
    deliveries: Vec<NewDelivery<'a>>,
}

/// What stands under one user.
struct Standing {
    accepted: Option<(NotificationId, u32)>,
    position: i64,
}

async fn look(
    connection: &mut SqliteConnection,
    acceptance: &Acceptance,
    now: i64,
) -> Result<Vec<Standing>, NotificationStoreError> {
    let key = acceptance.idempotency.as_ref().map(|record| &record.key);
    let rows = sqlx::query(LOCK_AND_LOOK)
        .bind(row::blob(acceptance.event_id.0))
        .bind(key.map(|key| row::blob(key.caller.0)))
        .bind(key.map(|key| key.key.clone()))
        .bind(hex_list(acceptance.users.iter().map(|user| user.user_id.0)))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let expires: Option<i64> = rows.first().and_then(|first| first.try_get_unchecked(0).ok());
    if expires.is_some_and(|expires| expires > now) {
        return Err(NotificationStoreError::IdempotencyKeyTaken);
    }
    let standing = rows.iter().map(|found| {
        let devices: i64 = found.try_get_unchecked(3)?;
        let accepted = row::optional_id(found, 2)?;
        let accepted = accepted.map(|id| (NotificationId(id), u32::try_from(devices).unwrap_or(u32::MAX)));
        Ok(Standing { accepted, position: found.try_get_unchecked(4)? })
    });
    standing.collect::<Result<_, sqlx::Error>>().map_err(failed)
}

/// The devices of users, by the users' places.
async fn devices(
    connection: &mut SqliteConnection,
    users: &[ForUser],
) -> Result<BTreeMap<usize, Vec<(DeviceId, IntegrationType)>>, NotificationStoreError> {
    let mut devices: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    let list = hex_list(users.iter().map(|user| user.user_id.0));
    let rows = sqlx::query(DEVICES).bind(list).fetch_all(connection).await.map_err(failed)?;
    for found in &rows {
        let (place, kind): (i64, i64) =
            (found.try_get_unchecked(0).map_err(failed)?, found.try_get_unchecked(2).map_err(failed)?);
        let place = usize::try_from(place).unwrap_or_default();
        let kind = if kind == 0 { IntegrationType::WebPush } else { IntegrationType::Fcm };
        devices.entry(place).or_default().push((DeviceId(row::id(found, 1).map_err(failed)?), kind));
    }
    Ok(devices)
}

async fn accept(
    connection: &mut SqliteConnection,
    acceptance: &Acceptance,
    now: i64,
    files_max: u64,
) -> Result<Accepted, NotificationStoreError> {
    let standing = look(connection, acceptance, now).await?;
    let devices = match acceptance.users.iter().any(ForUser::wants_push) {
        true => devices(connection, &acceptance.users).await?,
        false => BTreeMap::new(),
    };
    let (mut rows, mut users) = (Rows::default(), Vec::with_capacity(acceptance.users.len()));
    for (place, (user, standing)) in acceptance.users.iter().zip(&standing).enumerate() {
        let user_id = user.user_id;
        if let Some((id, devices)) = standing.accepted {
            users.push(AcceptedUser { user_id, id, is_new: false, devices });
            continue;
        }
        let to = devices.get(&place).map(Vec::as_slice).unwrap_or_default();
        users.push(AcceptedUser { user_id, id: user.id, is_new: true, devices: rows.add(user, standing.position, to) });
    }
    check_room(connection, &acceptance.attachments, &rows.deliveries, files_max).await?;
    let mut sql = QueryBuilder::new("");
    rows.push(&mut sql, acceptance.event_id, now);
    push_attachments(&mut sql, &acceptance.attachments, &rows.deliveries, now);
    if let Some(record) = &acceptance.idempotency {
        push_answer(&mut sql, record);
    }
    sql.push("COMMIT");
    let recurs = rows.users.len() + rows.deliveries.len() <= PREPARED_ROWS_MAX && acceptance.attachments.is_empty();
    sql.build().persistent(recurs).execute(connection).await.map_err(failed)?;
    Ok(Accepted { users })
}

impl<'a> Rows<'a> {
    /// All that a new user gets; answers to how many devices it goes.
    fn add(&mut self, user: &'a ForUser, last_position: i64, devices: &[(DeviceId, IntegrationType)]) -> u32 {
        self.users.push(user);
        if user.channels.contains(Channel::InApp) {
            self.inbox.push((user, last_position + 1));
        }
        let deliveries = user.deliveries(devices);
        let pushes = deliveries.iter().filter(|new| new.device.is_some()).count();
        self.deliveries.extend(deliveries);
        u32::try_from(pushes).unwrap_or(u32::MAX)
    }

    fn push(&self, sql: &mut QueryBuilder<Sqlite>, event: EventId, now: i64) {
        for chunk in self.users.chunks(ROWS_PER_STATEMENT_MAX) {
            sql.push(
                "INSERT INTO NotificationAcceptances (Id, EventId, UserId, Title, Body, Type, Channels, CreatedAt) ",
            );
            sql.push_values(chunk, |mut columns, user| {
                columns
                    .push_bind(row::blob(user.id.0))
                    .push_bind(row::blob(event.0))
                    .push_bind(row::blob(user.user_id.0))
                    .push_bind(user.title.as_str().to_owned())
                    .push_bind(user.body.as_str().to_owned())
                    .push_bind(user.kind.name())
                    .push_bind(i64::from(user.channels.bits()))
                    .push_bind(now);
            });
            sql.push("; ");
        }
        for chunk in self.inbox.chunks(ROWS_PER_STATEMENT_MAX) {
            push_inbox(sql, chunk, now);
        }
        for chunk in self.deliveries.chunks(ROWS_PER_STATEMENT_MAX) {
            push_deliveries(sql, chunk, now);
        }
        push_mails(sql, &self.deliveries);
    }
}

fn push_inbox(sql: &mut QueryBuilder<Sqlite>, rows: &[(&ForUser, i64)], now: i64) {
    sql.push("INSERT INTO Notifications (Id, UserId, Title, Body, Type, CreatedAt, Position) ");
    sql.push_values(rows, |mut columns, (user, position)| {
        columns
            .push_bind(row::blob(user.id.0))
            .push_bind(row::blob(user.user_id.0))
            .push_bind(user.title.as_str().to_owned())
            .push_bind(user.body.as_str().to_owned())
            .push_bind(user.kind.name())
            .push_bind(now)
            .push_bind(*position);
    });
    sql.push("; INSERT INTO NotificationPositions (UserId, Last) ");
    sql.push_values(rows, |mut columns, (user, position)| {
        columns.push_bind(row::blob(user.user_id.0)).push_bind(*position);
    });
    sql.push(" ON CONFLICT (UserId) DO UPDATE SET Last = excluded.Last; ");
}

fn push_deliveries(sql: &mut QueryBuilder<Sqlite>, rows: &[NewDelivery<'_>], now: i64) {
    sql.push(
        "INSERT INTO NotificationDeliveries \
         (Id, NotificationId, DeviceId, Channel, Stage, Status, LastError, CreatedAt, UpdatedAt, WaitsSince) ",
    );
    sql.push_values(rows, |mut columns, new| {
        columns
            .push_bind(row::blob(new.id.0))
            .push_bind(new.notification.map(|id| row::blob(id.0)))
            .push_bind(new.device.map(|id| row::blob(id.0)))
            .push_bind(columns::channel_bit(new.channel))
            .push_bind(new.stage().map(|stage| stage as i64))
            .push_bind(new.status.name())
            .push_bind(new.error.map(str::to_owned))
            .push_bind(now)
            .push_bind(now)
            .push_bind(now);
    });
    sql.push("; ");
}

/// The mails among deliveries.
fn push_mails(sql: &mut QueryBuilder<Sqlite>, deliveries: &[NewDelivery<'_>]) {
    let mails: Vec<(DeliveryId, &MailItem)> = deliveries.iter().filter_map(|new| Some((new.id, new.mail?))).collect();
    for chunk in mails.chunks(ROWS_PER_STATEMENT_MAX) {
        sql.push(
            "INSERT INTO MailIntents \
             (Id, ToAddress, ToFolded, ToName, UserId, Subject, TemplateId, TemplateData, Attachments) ",
        );
        sql.push_values(chunk, |mut columns, (id, item)| {
            let files: Vec<String> = item.attachments.iter().map(|id| id.0.as_hyphenated().to_string()).collect();
            columns
                .push_bind(row::blob(id.0))
                .push_bind(item.to.as_str().to_owned())
                .push_bind(item.to.folded())
                .push_bind(item.to_name.as_ref().map(|name| name.as_str().to_owned()))
                .push_bind(item.user_id.map(|id| row::blob(id.0)))
                .push_bind(item.subject.as_str().to_owned())
                .push_bind(item.template.0.clone())
                .push_bind(serde_json::json!(item.data).to_string())
                .push_bind(serde_json::Value::from(files).to_string());
        });
        sql.push("; ");
    }
}

fn push_answer(sql: &mut QueryBuilder<Sqlite>, record: &IdempotencyRecord) {
    sql.push("INSERT INTO NotificationAnswers (Caller, Key, Fingerprint, Response, ExpiresAt) VALUES (")
        .push_bind(row::blob(record.key.caller.0))
        .push(", ")
        .push_bind(record.key.key.clone())
        .push(", ")
        .push_bind(record.fingerprint.to_be_bytes().to_vec())
        .push(", ")
        .push_bind(record.response.to_vec())
        .push(", ")
        .push_bind(record.expires_at.as_microsecond())
        .push(
            ") ON CONFLICT (Caller, Key) DO UPDATE SET Fingerprint = excluded.Fingerprint, \
             Response = excluded.Response, ExpiresAt = excluded.ExpiresAt; ",
        );
}

async fn enqueue(
    connection: &mut SqliteConnection,
    mails: &MailEnqueue,
    now: i64,
    files_max: u64,
) -> Result<u32, NotificationStoreError> {
    const KNOWN: &str = "BEGIN IMMEDIATE; SELECT j.key FROM json_each(?1) j \
                         WHERE EXISTS (SELECT 1 FROM NotificationDeliveries WHERE Id = unhex(j.value))";
    let new = mails.deliveries();
    let known = sqlx::query_scalar::<_, i64>(KNOWN).bind(hex_list(new.iter().map(|new| new.id.0)));
    let known = known.fetch_all(&mut *connection).await.map_err(failed)?;
    let is_new = |place: usize| !known.iter().any(|known| usize::try_from(*known) == Ok(place));
    let new: Vec<NewDelivery<'_>> =
        new.into_iter().enumerate().filter(|(at, _)| is_new(*at)).map(|(_, new)| new).collect();
    check_room(connection, &mails.attachments, &new, files_max).await?;
    let mut sql = QueryBuilder::new("");
    push_attachments(&mut sql, &mails.attachments, &new, now);
    new.chunks(ROWS_PER_STATEMENT_MAX).for_each(|chunk| push_deliveries(&mut sql, chunk, now));
    push_mails(&mut sql, &new);
    sql.push("COMMIT");
    sql.build().persistent(false).execute(connection).await.map_err(failed)?;
    Ok(u32::try_from(new.len()).unwrap_or(u32::MAX))
}

/// Under the write lock: whether there is room for the files of new mails.
async fn check_room(
    connection: &mut SqliteConnection,
    attachments: &[StoredAttachment],
    new: &[NewDelivery<'_>],
    max: u64,
) -> Result<(), NotificationStoreError> {
    if attachments.is_empty() || new.is_empty() {
        return Ok(());
    }
    let held = sqlx::query_as::<_, (i64, i64)>(HELD).fetch_one(connection).await.map_err(failed)?;
    let room = check_room_for_files(held.0.unsigned_abs(), held.1.unsigned_abs(), attachments, max);
    room.map_err(NotificationStoreError::Full)
}

/// The files of new mails, if there are such mails, and which mails name them.
fn push_attachments(
    sql: &mut QueryBuilder<Sqlite>,
    attachments: &[StoredAttachment],
    new: &[NewDelivery<'_>],
    now: i64,
) {
    if attachments.is_empty() || new.is_empty() {
        return;
    }
    sql.push("INSERT INTO MailAttachments (Id, Name, ContentType, Size, CreatedAt, Bytes) ");
    sql.push_values(attachments, |mut columns, stored| {
        columns
            .push_bind(row::blob(stored.id.0))
            .push_bind(stored.file.name.clone())
            .push_bind(stored.file.content_type.clone())
            .push_bind(i64::try_from(stored.file.bytes.len()).unwrap_or(i64::MAX))
            .push_bind(now)
            .push_bind(stored.file.bytes.to_vec());
    });
    sql.push(" ON CONFLICT (Id) DO NOTHING; ");
    let files = |new: &NewDelivery<'_>| new.mail.map(|item| item.attachments.clone()).unwrap_or_default();
    let uses: Vec<_> = new.iter().flat_map(|new| files(new).into_iter().map(move |file| (file, new.id))).collect();
    for chunk in uses.chunks(ROWS_PER_STATEMENT_MAX) {
        sql.push("INSERT INTO MailAttachmentUses (AttachmentId, DeliveryId) ");
        sql.push_values(chunk, |mut columns, (file, delivery)| {
            columns.push_bind(row::blob(file.0)).push_bind(row::blob(delivery.0));
        });
        sql.push(" ON CONFLICT DO NOTHING; ");
    }
}

#[async_trait]
impl Acceptances for SqliteNotifications {
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        let here = self.clone();
        self.write(move |connection| {
            Box::pin(
                async move { accept(connection, &acceptance, here.now(), here.shared.config.files_max_bytes).await },
            )
        })
        .await
    }

    async fn enqueue_mails(&self, mails: MailEnqueue) -> Result<u32, NotificationStoreError> {
        let here = self.clone();
        self.write(move |connection| {
            Box::pin(async move { enqueue(connection, &mails, here.now(), here.shared.config.files_max_bytes).await })
        })
        .await
    }

    async fn answer(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, NotificationStoreError> {
        let query = sqlx::query(ANSWER).bind(row::blob(key.caller.0)).bind(&key.key).bind(self.now());
        let Some(found) = query.fetch_optional(self.readers()).await.map_err(failed)? else { return Ok(None) };
        let read = || {
            let fingerprint: &[u8] = found.try_get_unchecked(0)?;
            let response: Vec<u8> = found.try_get_unchecked(1)?;
            Ok(IdempotencyRecord {
                key: key.clone(),
                // The schema checks the length.
                fingerprint: fingerprint.try_into().map(u128::from_be_bytes).unwrap_or_default(),
                response: response.into(),
                expires_at: row::time(found.try_get_unchecked(2)?)?,
            })
        };
        read().map(Some).map_err(failed)
    }
}
