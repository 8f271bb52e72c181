//! What an acceptance or an enqueueing writes, as the lists that the statements take.

use coherence::Timestamp;
use domain::model::EventId;
use domain::ports::{ForUser, IdempotencyRecord, NewDelivery};
use serde_json::{Value as Json, json};

use super::columns::channel_bit;
use crate::sqlserver::connection::Session;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::id_json;
use crate::sqlserver::statement::{Value, bytes, text, time, uuid};
use crate::sqlserver::statements::{
    NOTIFICATIONS_KEEP_ANSWER, NOTIFICATIONS_PUT_ACCEPTANCES, NOTIFICATIONS_PUT_DELIVERIES,
    NOTIFICATIONS_PUT_MAIL_INTENTS,
};

/// How many inbox rows one statement puts: 6 parameters each, of SQL Server's 2,100.
const INBOX_ROWS_MAX: usize = 200;

pub(super) async fn put_acceptances(
    session: &mut Session,
    event: EventId,
    users: &[&ForUser],
    now: Timestamp,
) -> Result<(), SqlError> {
    if users.is_empty() {
        return Ok(());
    }
    let list = users.iter().enumerate().map(|(n, user)| {
        json!({
            "n": n,
            "id": id_json(user.id.0),
            "user": id_json(user.user_id.0),
            "title": user.title.as_str(),
            "body": user.body.as_str(),
            "type": user.kind.name(),
            "channels": user.channels.bits(),
        })
    });
    let values = [text(Json::Array(list.collect()).to_string()), uuid(event.0), time(now)?];
    session.rows(&NOTIFICATIONS_PUT_ACCEPTANCES, values).await.map(drop)
}

/// The statement that puts so many rows into inboxes, each by the procedure.
pub(in crate::sqlserver) fn inbox_text(rows: usize) -> String {
    let call = |row: usize| {
        let p = |column: usize| row * 6 + column;
        format!(
            "EXEC dbo.InsertNotification @Id = @P{}, @UserId = @P{}, @Title = @P{}, @Body = @P{}, @Type = @P{}, \
             @CreatedAt = @P{};",
            p(1),
            p(2),
            p(3),
            p(4),
            p(5),
            p(6)
        )
    };
    (0..rows).map(call).collect()
}

pub(super) async fn put_inbox(session: &mut Session, users: &[&ForUser], now: Timestamp) -> Result<(), SqlError> {
    for chunk in users.chunks(INBOX_ROWS_MAX) {
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 6);
        for user in chunk {
            values.push(uuid(user.id.0));
            values.push(uuid(user.user_id.0));
            values.push(text(user.title.as_str()));
            values.push(text(user.body.as_str()));
            values.push(text(user.kind.name()));
            values.push(time(now)?);
        }
        session.run(&inbox_text(chunk.len()), values).await?;
    }
    Ok(())
}

pub(super) async fn put_deliveries(
    session: &mut Session,
    deliveries: &[NewDelivery<'_>],
    now: Timestamp,
) -> Result<(), SqlError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let list = deliveries.iter().enumerate().map(|(n, new)| {
        json!({
            "n": n,
            "id": id_json(new.id.0),
            "notification": new.notification.map(|id| id_json(id.0)),
            "device": new.device.map(|id| id_json(id.0)),
            "channel": channel_bit(new.channel),
            "stage": new.stage().map(|stage| stage as u8),
            "status": new.status.name(),
            "error": new.error,
        })
    });
    let values = [text(Json::Array(list.collect()).to_string()), time(now)?];
    session.rows(&NOTIFICATIONS_PUT_DELIVERIES, values).await.map(drop)
}

/// The mails among deliveries.
pub(super) async fn put_mail_intents(session: &mut Session, deliveries: &[NewDelivery<'_>]) -> Result<(), SqlError> {
    let intent = |new: &NewDelivery<'_>| {
        let item = new.mail?;
        let files: Vec<Json> = item.attachments.iter().map(|id| id_json(id.0)).collect();
        Some(json!({
            "id": id_json(new.id.0),
            "to": item.to.as_str(),
            "folded": item.to.folded(),
            "name": item.to_name.as_ref().map(|name| name.as_str()),
            "user": item.user_id.map(|id| id_json(id.0)),
            "subject": item.subject.as_str(),
            "template": item.template.0,
            "data": json!(item.data).to_string(),
            "files": Json::Array(files).to_string(),
        }))
    };
    let list: Vec<Json> = deliveries.iter().filter_map(intent).collect();
    if list.is_empty() {
        return Ok(());
    }
    let list = text(Json::Array(list).to_string());
    session.rows(&NOTIFICATIONS_PUT_MAIL_INTENTS, [list]).await.map(drop)
}

/// Whether the key is free was checked in the same transaction.
pub(super) async fn keep_answer(session: &mut Session, record: &IdempotencyRecord) -> Result<(), SqlError> {
    let values = [
        uuid(record.key.caller.0),
        text(&*record.key.key),
        bytes(record.fingerprint.to_be_bytes()),
        bytes(record.response.to_vec()),
        time(record.expires_at)?,
    ];
    session.rows(&NOTIFICATIONS_KEEP_ANSWER, values).await.map(drop)
}
