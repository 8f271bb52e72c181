//! The mail queue.

use async_trait::async_trait;
use domain::notification::model::{
    AttachmentId, ClaimId, DeliveryId, DeliveryStage, DeliveryStatus, MailAddress, StoredAttachment,
};
use domain::ports::{
    Attachment, Claim, ClaimedMails, MailOutcome, MailProgress, MailQueue, MailReport, MailToSend,
    NotificationStoreError, Suppression, SuppressionCursor, SuppressionReason, TemplateId, UnknownPolicy,
};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteNotifications;
use super::claim;
use super::columns::{address, attachments, attempts, delivery_id};
use super::handle::{failed, hex_list, micros};
use super::suppressions;
use crate::sqlite::row;

/// Mails under way whose sender went away: held, or due again. The claim is over by the store's clock (`?3`).
pub(super) const ORPHANS: &str = "UPDATE NotificationDeliveries SET Attempts = Attempts + 1, ClaimId = NULL, UpdatedAt = ?3, \
         LastError = 'the sender went away while the mail was on its way', DueAt = 0, \
         Status = CASE WHEN q.OnUnknown = 'resend' THEN 'queued' ELSE 'unknown' END, \
         Stage = CASE WHEN q.OnUnknown = 'resend' THEN 3 END \
     FROM NheaMailQueue q WHERE q.Id = NotificationDeliveries.Id AND Stage = 3 AND Status = 'sending' \
         AND AvailableAt <= ?3;";

/// Which mails are held since they were looked for at this moment.
pub(super) const HELD: &str = "SELECT count(*) FROM NotificationDeliveries WHERE Status = 'unknown' AND UpdatedAt = ?1";

pub(super) const SELECT: &str = "SELECT d.Id, d.Attempts, d.WaitsSince, q.ToAddress, q.ToName, q.Subject, q.TemplateId, \
         q.BodyText, q.BodyHtml, q.Attachments, q.OnUnknown, t.Token, s.Address \
     FROM NotificationDeliveries d JOIN NheaMailQueue q ON q.Id = d.Id \
         LEFT JOIN MailUnsubscribeTokens t ON t.Address = q.ToFolded \
         LEFT JOIN MailSuppressions s ON s.Address = q.ToFolded WHERE d.Number IN ";

/// Those to suppressed addresses are not handed out.
pub(super) const SUPPRESSED: &str = "UPDATE NotificationDeliveries SET Stage = NULL, ClaimId = NULL, UpdatedAt = ?2, \
         Status = 'suppressed' \
     WHERE ClaimId = ?4 AND Stage = 3 AND EXISTS (SELECT 1 FROM NheaMailQueue q \
         JOIN MailSuppressions s ON s.Address = q.ToFolded WHERE q.Id = NotificationDeliveries.Id);";

/// What came of mails of a claim, then what is under way from now on. Of an unknown fate the row of the queue decides.
pub(super) const PROGRESS: &str = "BEGIN IMMEDIATE; \
     INSERT INTO MailSuppressions (Address, Reason, Since) SELECT q.ToFolded, 'refused', ?4 FROM json_each(?1) j \
         CROSS JOIN NotificationDeliveries d ON d.Id = unhex(j.value ->> 'id') JOIN NheaMailQueue q ON q.Id = d.Id \
         WHERE j.value ->> 'suppress' = 1 AND d.ClaimId = ?3 AND d.Stage = 3 ON CONFLICT (Address) DO NOTHING; \
     UPDATE NotificationDeliveries SET Status = j.status, Attempts = j.attempts, LastError = j.error, UpdatedAt = ?4, \
         Stage = CASE WHEN j.due IS NULL THEN NULL ELSE 3 END, DueAt = coalesce(j.due, DueAt), \
         AvailableAt = coalesce(j.due, AvailableAt), ClaimId = CASE WHEN j.due IS NULL THEN ClaimId END \
     FROM (SELECT unhex(o.value ->> 'id') AS id, o.value ->> 'attempts' AS attempts, o.value ->> 'error' AS error, \
               CASE WHEN o.value ->> 'status' = 'unknown' AND q.OnUnknown = 'resend' THEN 'queued' \
                    ELSE o.value ->> 'status' END AS status, \
               CASE WHEN o.value ->> 'status' = 'unknown' AND q.OnUnknown = 'hold' THEN NULL \
                    ELSE o.value ->> 'due' END AS due \
           FROM json_each(?1) o CROSS JOIN NheaMailQueue q ON q.Id = unhex(o.value ->> 'id')) j \
     WHERE NotificationDeliveries.Id = j.id AND ClaimId = ?3 AND Stage = 3; \
     UPDATE NotificationDeliveries SET Status = 'sending', UpdatedAt = ?4 \
     WHERE Id IN (SELECT unhex(value) FROM json_each(?2)) AND ClaimId = ?3 AND Stage = 3 RETURNING Id; \
     COMMIT";

pub(super) const FILES: &str = "SELECT a.Id, a.Name, a.ContentType, a.Bytes FROM json_each(?1) j \
                                CROSS JOIN MailAttachments a ON a.Id = unhex(j.value) ORDER BY j.key";

/// A mail to send; `None` if its address is suppressed.
fn mail(found: &SqliteRow) -> Result<Option<MailToSend>, sqlx::Error> {
    let suppressed: Option<&str> = found.try_get_unchecked(12)?;
    if suppressed.is_some() {
        return Ok(None);
    }
    let token: Option<String> = found.try_get_unchecked(11)?;
    Ok(Some(MailToSend {
        id: delivery_id(found, 0)?,
        attempts: attempts(found.try_get_unchecked(1)?),
        waits_since: row::time(found.try_get_unchecked(2)?)?,
        to: address(found.try_get_unchecked(3)?)?,
        to_name: found.try_get_unchecked(4)?,
        subject: found.try_get_unchecked(5)?,
        template: TemplateId(found.try_get_unchecked(6)?),
        text: found.try_get_unchecked(7)?,
        html: found.try_get_unchecked(8)?,
        attachments: attachments(found.try_get_unchecked(9)?)?,
        on_unknown: match found.try_get_unchecked::<&str, _>(10)? {
            "resend" => UnknownPolicy::Resend,
            _ => UnknownPolicy::Hold,
        },
        unsubscribe_token: token.unwrap_or_default(),
    }))
}

fn report(report: &MailReport, now: i64) -> Value {
    let due = |after: &std::time::Duration| Some(now.saturating_add(micros(*after)));
    let (status, error, due) = match &report.outcome {
        MailOutcome::Sent => (DeliveryStatus::Sent, None, None),
        MailOutcome::Retry { after, error } => (DeliveryStatus::Queued, Some(error), due(after)),
        MailOutcome::Failed { error, .. } => (DeliveryStatus::Failed, Some(error), None),
        MailOutcome::Unknown { error, after } => (DeliveryStatus::Unknown, Some(error), due(after)),
    };
    json!({
        "id": row::hex(report.id.0),
        "status": status.name(),
        "attempts": report.attempts,
        "error": error,
        "due": due,
        "suppress": u8::from(matches!(report.outcome, MailOutcome::Failed { suppress: true, .. })),
    })
}

#[async_trait]
impl MailQueue for SqliteNotifications {
    async fn claim_mails(&self, claim: Claim) -> Result<ClaimedMails, NotificationStoreError> {
        let (mut mails, mut held) = (Vec::new(), 0);
        if claim::next_due(self, DeliveryStage::Send).await?.is_some_and(|due| due.is_zero()) {
            let here = self.clone();
            let taken = self.write(move |connection| {
                Box::pin(async move {
                    let now = here.now();
                    let parts = [ORPHANS, SELECT, SUPPRESSED];
                    let rows = claim::take(connection, DeliveryStage::Send, &claim, now, parts).await?;
                    let held = sqlx::query_scalar::<_, i64>(HELD).bind(now);
                    Ok((rows, held.fetch_one(connection).await.map_err(failed)?))
                })
            });
            let (rows, found) = taken.await?;
            held = u32::try_from(found).unwrap_or_default();
            for found in &rows {
                mails.extend(mail(found).map_err(failed)?);
            }
        }
        let is_full = mails.len() >= usize::try_from(claim.limit).unwrap_or(usize::MAX);
        let next_due = if is_full { None } else { claim::next_due(self, DeliveryStage::Send).await? };
        Ok(ClaimedMails { mails, next_due, held })
    }

    async fn progress_mails(&self, progress: MailProgress) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        let here = self.clone();
        let marked = self.write(move |connection| {
            Box::pin(async move {
                let now = here.now();
                let reports: Vec<Value> = progress.reports.iter().map(|one| report(one, now)).collect();
                let query = sqlx::query(PROGRESS)
                    .bind(Value::from(reports).to_string())
                    .bind(hex_list(progress.sending.iter().map(|id| id.0)))
                    .bind(row::blob(progress.claim.0))
                    .bind(now);
                let rows = query.fetch_all(connection).await.map_err(failed)?;
                let marked: Vec<DeliveryId> =
                    rows.iter().map(|found| delivery_id(found, 0)).collect::<Result<_, _>>().map_err(failed)?;
                Ok(progress.sending.into_iter().filter(|id| marked.contains(id)).collect())
            })
        });
        marked.await
    }

    async fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<StoredAttachment>, NotificationStoreError> {
        let query = sqlx::query(FILES).bind(hex_list(ids.iter().map(|id| id.0)));
        let rows = query.fetch_all(self.readers()).await.map_err(failed)?;
        let file = |found: &SqliteRow| {
            let bytes: Vec<u8> = found.try_get_unchecked(3)?;
            Ok(StoredAttachment {
                id: AttachmentId(row::id(found, 0)?),
                file: Attachment {
                    name: found.try_get_unchecked(1)?,
                    content_type: found.try_get_unchecked(2)?,
                    bytes: bytes.into(),
                },
            })
        };
        rows.iter().map(file).collect::<Result<_, _>>().map_err(failed)
    }

    async fn release(&self, claim: ClaimId) -> Result<(), NotificationStoreError> {
        claim::release(self, claim).await
    }

    async fn suppress(&self, address: &MailAddress, reason: SuppressionReason) -> Result<(), NotificationStoreError> {
        suppressions::suppress(self, address, reason).await
    }

    async fn unsuppress(&self, address: &MailAddress) -> Result<bool, NotificationStoreError> {
        suppressions::unsuppress(self, address).await
    }

    async fn suppressions(
        &self,
        after: Option<SuppressionCursor>,
        limit: u32,
    ) -> Result<Vec<Suppression>, NotificationStoreError> {
        suppressions::list(self, after, limit).await
    }

    async fn unsubscribe(&self, token: &str) -> Result<bool, NotificationStoreError> {
        suppressions::unsubscribe(self, token).await
    }
}
