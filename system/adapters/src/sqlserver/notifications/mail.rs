//! Mails to render, and their way into the queue: one bulk load for each batch.

use std::sync::Arc;

use async_trait::async_trait;
use domain::notification::model::{DeliveryId, DeliveryStage};
use domain::ports::{
    Claim, ClaimedWork, MailIntent, MailIntents, MailsToQueue, NotificationStoreError, QueuedMail, UnknownPolicy,
};
use serde_json::{Value as Json, json};
use tiberius::Row;

use super::SqlServerNotifications;
use super::claim;
use super::handle::{failed, long_ago};
use super::push::delivery_ids;
use crate::sqlserver::connection::{Session, Stop, transaction};
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json, id_list};
use crate::sqlserver::statement::{Value, text, text_or_null, time, uuid, uuid_or_null};
use crate::sqlserver::statements::{NOTIFICATIONS_CLAIM_MAIL_INTENTS, NOTIFICATIONS_QUEUED, NOTIFICATIONS_SETTLE};

pub(in crate::sqlserver) const QUEUE: &str = "dbo.NheaMailQueue";

/// The columns that are loaded, in the order of [`queue_row`].
pub(in crate::sqlserver) const QUEUE_COLUMNS: [&str; 12] = [
    "Id",
    "ToAddress",
    "ToFolded",
    "ToName",
    "UserId",
    "Subject",
    "TemplateId",
    "BodyText",
    "BodyHtml",
    "Attachments",
    "OnUnknown",
    "CreatedAt",
];

pub(in crate::sqlserver) fn intent(row: &Row) -> Result<MailIntent, SqlError> {
    let mut columns = Columns::of(row);
    Ok(MailIntent { id: columns.delivery_id()?, waits_since: columns.time()?, item: columns.mail_item()? })
}

/// One row of the queue: what stood in the intent, which `settle` answers, and what was rendered.
fn queue_row(intent: &Row, mails: &MailsToQueue) -> Result<(DeliveryId, Vec<Value>), SqlError> {
    let mut columns = Columns::of(intent);
    let id = columns.delivery_id()?;
    let (to, folded, name) = (columns.string()?, columns.string()?, columns.optional_text()?.map(str::to_owned));
    let (user, subject, template) = (columns.optional_id()?, columns.string()?, columns.string()?);
    let (files, now) = (columns.string()?, columns.time()?);
    let unasked = || SqlError::Unreadable(format!("the mail {id} was settled unasked"));
    let rendered: &QueuedMail = mails.rows.iter().find(|row| row.id == id).ok_or_else(unasked)?;
    let policy = match rendered.on_unknown {
        UnknownPolicy::Hold => "hold",
        UnknownPolicy::Resend => "resend",
    };
    let row = vec![
        uuid(id.0),
        text(to),
        text(folded),
        text_or_null(name),
        uuid_or_null(user),
        text(subject),
        text(template),
        text(&*rendered.rendered.text),
        text(&*rendered.rendered.html),
        text(files),
        text(policy),
        time(now)?,
    ];
    Ok((id, row))
}

async fn queue(session: &mut Session, mails: &MailsToQueue) -> Result<Vec<DeliveryId>, SqlError> {
    let failures: Vec<Json> =
        mails.failed.iter().map(|(id, error)| json!({ "id": id_json(id.0), "error": error })).collect();
    let values = [
        text(id_list(mails.rows.iter().map(|row| row.id.0))),
        text(Json::Array(failures).to_string()),
        uuid(mails.claim.0),
        long_ago()?,
    ];
    let answers = session.answers(&NOTIFICATIONS_SETTLE, values).await?;
    let [settled, failures] = answers.as_slice() else {
        return Err(SqlError::Unreadable(format!("{} answers instead of 2", answers.len())));
    };
    let mut own = delivery_ids(failures)?;
    let mut rows = Vec::with_capacity(settled.len());
    let mut tokens = Vec::with_capacity(settled.len());
    for intent in settled {
        let (id, row) = queue_row(intent, mails)?;
        let token = mails.rows.iter().find(|row| row.id == id).map(|row| &row.unsubscribe_token);
        tokens.push(json!({ "id": id_json(id.0), "token": token }));
        rows.push(row);
        own.push(id);
    }
    if !rows.is_empty() {
        session.load(QUEUE, &QUEUE_COLUMNS, rows).await?;
        session.rows(&NOTIFICATIONS_QUEUED, [text(Json::Array(tokens).to_string())]).await?;
    }
    let named = mails.rows.iter().map(|row| row.id).chain(mails.failed.iter().map(|(id, _)| *id));
    Ok(named.filter(|id| !own.contains(id)).collect())
}

#[async_trait]
impl MailIntents for SqlServerNotifications {
    async fn claim_mail_intents(&self, claim: Claim) -> Result<ClaimedWork<MailIntent>, NotificationStoreError> {
        let mut items = Vec::new();
        if claim::is_due(self, DeliveryStage::Render).await? {
            let answers = claim::take(self, &NOTIFICATIONS_CLAIM_MAIL_INTENTS, &claim).await.map_err(failed)?;
            items = answers.iter().flatten().map(intent).collect::<Result<_, _>>().map_err(failed)?;
        }
        let next_due = claim::then_due(self, DeliveryStage::Render, &claim, items.len()).await?;
        Ok(ClaimedWork { items, next_due })
    }

    async fn queue_mails(&self, mails: MailsToQueue) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        let mails = Arc::new(mails);
        transaction(&self.shared.pool, move |session| {
            let mails = Arc::clone(&mails);
            Box::pin(async move { queue(session, &mails).await.map_err(Stop::Sql) })
        })
        .await
    }
}
