//! The mail queue, and who is not written to.

use async_trait::async_trait;
use domain::notification::model::{
    AttachmentId, ClaimId, DeliveryId, DeliveryStage, DeliveryStatus, MailAddress, StoredAttachment,
};
use domain::ports::{
    Attachment, Claim, ClaimedMails, MailOutcome, MailProgress, MailQueue, MailReport, MailToSend,
    NotificationStoreError, Suppression, SuppressionCursor, SuppressionReason, TemplateId, UnknownPolicy,
};
use serde_json::{Value as Json, json};
use tiberius::Row;

use super::SqlServerNotifications;
use super::claim;
use super::handle::failed;
use super::push::{after_ms, delivery_ids};
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json, id_list};
use crate::sqlserver::statement::{small_int, text, time, uuid};
use crate::sqlserver::statements::{
    NOTIFICATIONS_ATTACHMENTS, NOTIFICATIONS_CLAIM_MAILS, NOTIFICATIONS_PROGRESS_MAILS, NOTIFICATIONS_SUPPRESS,
    NOTIFICATIONS_SUPPRESSIONS, NOTIFICATIONS_SUPPRESSIONS_AFTER, NOTIFICATIONS_UNSUBSCRIBE, NOTIFICATIONS_UNSUPPRESS,
};

pub(in crate::sqlserver) fn mail(row: &Row) -> Result<MailToSend, SqlError> {
    let mut columns = Columns::of(row);
    Ok(MailToSend {
        id: columns.delivery_id()?,
        attempts: columns.attempts()?,
        waits_since: columns.time()?,
        to: columns.address()?,
        to_name: columns.optional_text()?.map(str::to_owned),
        subject: columns.string()?,
        template: TemplateId(columns.string()?),
        text: columns.string()?,
        html: columns.string()?,
        attachments: columns.files()?,
        on_unknown: match columns.text()? {
            "resend" => UnknownPolicy::Resend,
            _ => UnknownPolicy::Hold,
        },
        unsubscribe_token: columns.optional_text()?.unwrap_or_default().to_owned(),
    })
}

fn report(report: &MailReport) -> Json {
    let (status, error, after) = match &report.outcome {
        MailOutcome::Sent => (DeliveryStatus::Sent, None, None),
        MailOutcome::Retry { after, error } => (DeliveryStatus::Queued, Some(error), Some(after_ms(*after))),
        MailOutcome::Failed { error, .. } => (DeliveryStatus::Failed, Some(error), None),
        MailOutcome::Unknown { error, after } => (DeliveryStatus::Unknown, Some(error), Some(after_ms(*after))),
    };
    json!({
        "id": id_json(report.id.0),
        "status": status.name(),
        "attempts": report.attempts,
        "error": error,
        "after": after,
        "flag": matches!(report.outcome, MailOutcome::Failed { suppress: true, .. }),
    })
}

fn reason_name(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Refused => "refused",
        SuppressionReason::Unsubscribed => "unsubscribed",
    }
}

#[async_trait]
impl MailQueue for SqlServerNotifications {
    async fn claim_mails(&self, claim: Claim) -> Result<ClaimedMails, NotificationStoreError> {
        let (mut mails, mut held) = (Vec::new(), 0);
        if claim::is_due(self, DeliveryStage::Send).await? {
            let answers = claim::take(self, &NOTIFICATIONS_CLAIM_MAILS, &claim).await.map_err(failed)?;
            let orphans = answers.first().and_then(|rows| rows.first());
            let counted = orphans.map(|row| Columns::of(row).int()).transpose().map_err(failed)?;
            held = u32::try_from(counted.unwrap_or_default()).unwrap_or_default();
            let rows = answers.get(1).map(Vec::as_slice).unwrap_or_default();
            mails = rows.iter().map(mail).collect::<Result<_, _>>().map_err(failed)?;
        }
        let next_due = claim::then_due(self, DeliveryStage::Send, &claim, mails.len()).await?;
        Ok(ClaimedMails { mails, next_due, held })
    }

    async fn progress_mails(&self, progress: MailProgress) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        let reports: Vec<Json> = progress.reports.iter().map(report).collect();
        let values = [
            text(Json::Array(reports).to_string()),
            text(id_list(progress.sending.iter().map(|id| id.0))),
            uuid(progress.claim.0),
        ];
        let rows = self.shared.rows(&NOTIFICATIONS_PROGRESS_MAILS, values).await.map_err(failed)?;
        let marked = delivery_ids(&rows).map_err(failed)?;
        Ok(progress.sending.into_iter().filter(|id| marked.contains(id)).collect())
    }

    async fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<StoredAttachment>, NotificationStoreError> {
        let list = text(id_list(ids.iter().map(|id| id.0)));
        let rows = self.shared.rows(&NOTIFICATIONS_ATTACHMENTS, [list]).await.map_err(failed)?;
        let file = |row: &Row| {
            let mut columns = Columns::of(row);
            Ok(StoredAttachment {
                id: AttachmentId(columns.id()?),
                file: Attachment {
                    name: columns.string()?,
                    content_type: columns.string()?,
                    bytes: columns.bytes()?.to_vec().into(),
                },
            })
        };
        rows.iter().map(file).collect::<Result<_, _>>().map_err(failed)
    }

    async fn release(&self, claim: ClaimId) -> Result<(), NotificationStoreError> {
        claim::release(self, claim).await
    }

    async fn suppress(&self, address: &MailAddress, reason: SuppressionReason) -> Result<(), NotificationStoreError> {
        let values = [text(address.folded()), text(reason_name(reason))];
        self.shared.rows(&NOTIFICATIONS_SUPPRESS, values).await.map(drop).map_err(failed)
    }

    async fn unsuppress(&self, address: &MailAddress) -> Result<bool, NotificationStoreError> {
        let removed = self.shared.changed(&NOTIFICATIONS_UNSUPPRESS, [text(address.folded())]).await;
        Ok(removed.map_err(failed)? > 0)
    }

    async fn suppressions(
        &self,
        after: Option<SuppressionCursor>,
        limit: u32,
    ) -> Result<Vec<Suppression>, NotificationStoreError> {
        let rows = match after {
            None => self.shared.rows(&NOTIFICATIONS_SUPPRESSIONS, [small_int(limit)]).await,
            Some(after) => {
                let values = [small_int(limit), time(after.since).map_err(failed)?, text(after.address)];
                self.shared.rows(&NOTIFICATIONS_SUPPRESSIONS_AFTER, values).await
            }
        };
        let rows = rows.map_err(failed)?;
        let one = |row: &Row| {
            let mut columns = Columns::of(row);
            Ok(Suppression {
                address: columns.string()?,
                reason: match columns.text()? {
                    "unsubscribed" => SuppressionReason::Unsubscribed,
                    _ => SuppressionReason::Refused,
                },
                since: columns.time()?,
            })
        };
        rows.iter().map(one).collect::<Result<_, _>>().map_err(failed)
    }

    async fn unsubscribe(&self, token: &str) -> Result<bool, NotificationStoreError> {
        let values = [text(token), text(reason_name(SuppressionReason::Unsubscribed))];
        Ok(self.shared.changed(&NOTIFICATIONS_UNSUBSCRIBE, values).await.map_err(failed)? > 0)
    }
}
