//! Mails to render, and their way into the queue.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::notification::model::{DeliveryId, DeliveryStage};
use domain::ports::{
    Claim, ClaimedWork, MailIntent, MailIntents, MailsToQueue, NotificationStoreError, QueuedMail, UnknownPolicy,
};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row};

use super::SqliteNotifications;
use super::claim;
use super::columns::{delivery_id, mail_item};
use super::handle::{failed, hex_list};
use crate::sqlite::row;

pub(super) const SELECT: &str = "SELECT d.Id, d.WaitsSince, i.ToAddress, i.ToName, i.UserId, i.Subject, i.TemplateId, \
     i.TemplateData, i.Attachments FROM NotificationDeliveries d JOIN MailIntents i ON i.Id = d.Id WHERE d.Number IN ";

/// Takes the write lock, lets go of what is queued or failed now, and answers which of it was the claim's.
pub(super) const SETTLE: &str = "BEGIN IMMEDIATE; \
     UPDATE NotificationDeliveries SET Status = 'queued', Stage = 3, ClaimId = NULL, DueAt = 0, AvailableAt = 0, \
         UpdatedAt = ?4 WHERE Id IN (SELECT unhex(value) FROM json_each(?1)) AND ClaimId = ?3 AND Stage = 2 \
         RETURNING Id; \
     UPDATE NotificationDeliveries SET Status = 'failed', Stage = NULL, ClaimId = NULL, LastError = j.error, \
         UpdatedAt = ?4 FROM (SELECT unhex(value ->> 'id') AS id, value ->> 'error' AS error FROM json_each(?2)) j \
         WHERE NotificationDeliveries.Id = j.id AND ClaimId = ?3 AND Stage = 2 RETURNING NotificationDeliveries.Id";

const QUEUE: &str = "INSERT INTO NheaMailQueue (Id, ToAddress, ToFolded, ToName, UserId, Subject, TemplateId, \
         BodyText, BodyHtml, Attachments, OnUnknown, CreatedAt) \
     SELECT i.Id, i.ToAddress, i.ToFolded, i.ToName, i.UserId, i.Subject, i.TemplateId, v.column2, v.column3, \
         i.Attachments, v.column4, v.column5 FROM (";

fn intent(found: &SqliteRow) -> Result<MailIntent, sqlx::Error> {
    Ok(MailIntent {
        id: delivery_id(found, 0)?,
        waits_since: row::time(found.try_get_unchecked(1)?)?,
        item: mail_item(found, 2)?,
    })
}

async fn queue(
    connection: &mut SqliteConnection,
    mails: &MailsToQueue,
    now: i64,
) -> Result<Vec<DeliveryId>, sqlx::Error> {
    let failures: Vec<Value> =
        mails.failed.iter().map(|(id, error)| json!({ "id": row::hex(id.0), "error": error })).collect();
    let settled = sqlx::query(SETTLE)
        .bind(hex_list(mails.rows.iter().map(|row| row.id.0)))
        .bind(Value::from(failures).to_string())
        .bind(row::blob(mails.claim.0))
        .bind(now)
        .fetch_all(&mut *connection)
        .await?;
    let own: Vec<DeliveryId> = settled.iter().map(|found| delivery_id(found, 0)).collect::<Result<_, _>>()?;
    let rows: Vec<&QueuedMail> = mails.rows.iter().filter(|row| own.contains(&row.id)).collect();
    let mut sql = QueryBuilder::new("");
    if !rows.is_empty() {
        sql.push(QUEUE);
        sql.push_values(&rows, |mut columns, row| {
            let policy = match row.on_unknown {
                UnknownPolicy::Hold => "hold",
                UnknownPolicy::Resend => "resend",
            };
            columns
                .push_bind(crate::sqlite::row::blob(row.id.0))
                .push_bind(row.rendered.text.clone())
                .push_bind(row.rendered.html.clone())
                .push_bind(policy)
                .push_bind(now);
        });
        let tokens: BTreeMap<String, &str> =
            rows.iter().map(|row| (crate::sqlite::row::hex(row.id.0), row.unsubscribe_token.as_str())).collect();
        sql.push(") v JOIN MailIntents i ON i.Id = v.column1; ");
        sql.push("INSERT INTO MailUnsubscribeTokens (Address, Token) SELECT i.ToFolded, j.value FROM json_each(")
            .push_bind(json!(tokens).to_string())
            .push(") j JOIN MailIntents i ON i.Id = unhex(j.key) WHERE true ON CONFLICT (Address) DO NOTHING; ");
        sql.push("DELETE FROM MailIntents WHERE Id IN (SELECT unhex(value) FROM json_each(")
            .push_bind(hex_list(rows.iter().map(|row| row.id.0)))
            .push(")); ");
    }
    sql.push("COMMIT");
    sql.build().persistent(false).execute(connection).await?;
    let named = mails.rows.iter().map(|row| row.id).chain(mails.failed.iter().map(|(id, _)| *id));
    Ok(named.filter(|id| !own.contains(id)).collect())
}

#[async_trait]
impl MailIntents for SqliteNotifications {
    async fn claim_mail_intents(&self, claim: Claim) -> Result<ClaimedWork<MailIntent>, NotificationStoreError> {
        let mut items = Vec::new();
        if claim::next_due(self, DeliveryStage::Render).await?.is_some_and(|due| due.is_zero()) {
            let here = self.clone();
            let rows = self.write(move |connection| {
                Box::pin(async move {
                    claim::take(connection, DeliveryStage::Render, &claim, here.now(), ["", SELECT, ""]).await
                })
            });
            for found in &rows.await? {
                items.push(intent(found).map_err(failed)?);
            }
        }
        let is_full = items.len() >= usize::try_from(claim.limit).unwrap_or(usize::MAX);
        let next_due = if is_full { None } else { claim::next_due(self, DeliveryStage::Render).await? };
        Ok(ClaimedWork { items, next_due })
    }

    async fn queue_mails(&self, mails: MailsToQueue) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        let here = self.clone();
        self.write(move |connection| {
            Box::pin(async move { queue(connection, &mails, here.now()).await.map_err(failed) })
        })
        .await
    }
}
