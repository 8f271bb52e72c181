//! Mails that belong to no notification.

use coherence::Timestamp;
use domain::notification::model::StoredAttachment;
use domain::ports::{MailEnqueue, NewDelivery};
use serde_json::{Value as Json, json};

use super::write;
use crate::sqlserver::connection::Session;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json, id_list};
use crate::sqlserver::statement::{bytes, text, time, uuid};
use crate::sqlserver::statements::{NOTIFICATIONS_ENQUEUED, NOTIFICATIONS_PUT_ATTACHMENT, NOTIFICATIONS_PUT_USES};

pub(super) async fn enqueue(session: &mut Session, mails: &MailEnqueue) -> Result<u32, SqlError> {
    let mut new = mails.deliveries();
    let answers = session.answers(&NOTIFICATIONS_ENQUEUED, [text(id_list(new.iter().map(|new| new.id.0)))]).await?;
    let [first, known] = answers.as_slice() else {
        return Err(SqlError::Unreadable(format!("{} answers instead of 2", answers.len())));
    };
    let first = first.first().ok_or_else(|| SqlError::Unreadable("no answer".to_owned()))?;
    let now = Columns::of(first).time()?;
    let known: Vec<usize> = known.iter().map(|row| Columns::of(row).place()).collect::<Result<_, _>>()?;
    let mut places = 0..;
    new.retain(|_| places.next().is_some_and(|place| !known.contains(&place)));
    if new.is_empty() {
        return Ok(0);
    }
    put_files(session, &mails.attachments, &new, now).await?;
    write::put_deliveries(session, &new, now).await?;
    write::put_mail_intents(session, &new).await?;
    Ok(u32::try_from(new.len()).unwrap_or(u32::MAX))
}

/// The files of new mails, if there are such mails, and which mails name them.
pub(super) async fn put_files(
    session: &mut Session,
    attachments: &[StoredAttachment],
    new: &[NewDelivery<'_>],
    now: Timestamp,
) -> Result<(), SqlError> {
    if attachments.is_empty() || new.is_empty() {
        return Ok(());
    }
    for stored in attachments {
        let values = [
            uuid(stored.id.0),
            text(&*stored.file.name),
            text(&*stored.file.content_type),
            bytes(stored.file.bytes.to_vec()),
            time(now)?,
        ];
        session.rows(&NOTIFICATIONS_PUT_ATTACHMENT, values).await?;
    }
    let uses: Vec<Json> = new
        .iter()
        .filter_map(|new| Some((new.id, new.mail?)))
        .flat_map(|(id, item)| item.attachments.iter().map(move |file| (*file, id)))
        .map(|(file, id)| json!({ "file": id_json(file.0), "delivery": id_json(id.0) }))
        .collect();
    if !uses.is_empty() {
        session.rows(&NOTIFICATIONS_PUT_USES, [text(Json::Array(uses).to_string())]).await?;
    }
    Ok(())
}
