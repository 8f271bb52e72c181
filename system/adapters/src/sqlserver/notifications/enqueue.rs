//! Mails that belong to no notification.

use coherence::Timestamp;
use domain::notification::model::{StoredAttachment, check_room_for_files};
use domain::ports::{MailEnqueue, NewDelivery, NotificationStoreError};
use serde_json::{Value as Json, json};

use super::write;
use crate::sqlserver::connection::{Session, Stop};
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json, id_list};
use crate::sqlserver::statement::{bytes, text, time, uuid};
use crate::sqlserver::statements::{
    NOTIFICATIONS_ENQUEUED, NOTIFICATIONS_FILES_HELD, NOTIFICATIONS_PUT_ATTACHMENT, NOTIFICATIONS_PUT_USES,
};

type Stopped = Stop<NotificationStoreError>;

pub(super) async fn enqueue(session: &mut Session, mails: &MailEnqueue, files_max: u64) -> Result<u32, Stopped> {
    let mut new = mails.deliveries();
    let answers = session.answers(&NOTIFICATIONS_ENQUEUED, [text(id_list(new.iter().map(|new| new.id.0)))]).await?;
    let [first, known] = answers.as_slice() else {
        return Err(SqlError::Unreadable(format!("{} answers instead of 2", answers.len())).into());
    };
    let first = first.first().ok_or_else(|| SqlError::Unreadable("no answer".to_owned()))?;
    let now = Columns::of(first).time()?;
    let known: Vec<usize> = known.iter().map(|row| Columns::of(row).place()).collect::<Result<_, SqlError>>()?;
    let mut places = 0..;
    new.retain(|_| places.next().is_some_and(|place| !known.contains(&place)));
    if new.is_empty() {
        return Ok(0);
    }
    put_files(session, &mails.attachments, &new, now, files_max).await?;
    write::put_deliveries(session, &new, now).await?;
    write::put_mail_intents(session, &new).await?;
    Ok(u32::try_from(new.len()).unwrap_or(u32::MAX))
}

/// Whether there is room for files. Of several that ask at the same time each may find the same room.
async fn check_room(session: &mut Session, files: &[StoredAttachment], max: u64) -> Result<(), Stopped> {
    let rows = session.rows(&NOTIFICATIONS_FILES_HELD, []).await?;
    let first = rows.first().ok_or_else(|| SqlError::Unreadable("no answer".to_owned()))?;
    let mut columns = Columns::of(first);
    let (held, bytes) = (columns.counter()?, columns.counter()?);
    check_room_for_files(held, bytes, files, max).map_err(|why| Stop::Port(NotificationStoreError::Full(why)))
}

/// The files of new mails, if there are such mails, and which mails name them.
pub(super) async fn put_files(
    session: &mut Session,
    attachments: &[StoredAttachment],
    new: &[NewDelivery<'_>],
    now: Timestamp,
    files_max: u64,
) -> Result<(), Stopped> {
    if attachments.is_empty() || new.is_empty() {
        return Ok(());
    }
    check_room(session, attachments, files_max).await?;
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
