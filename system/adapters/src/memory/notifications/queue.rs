//! The mail queue.

use async_trait::async_trait;
use domain::notification::model::{
    AttachmentId, ClaimId, DeliveryId, DeliveryStage, DeliveryStatus, MailAddress, MailItem, Name, StoredAttachment,
};
use domain::ports::{
    Claim, ClaimedMails, MailOutcome, MailProgress, MailQueue, MailReport, MailToSend, NotificationStoreError,
    Suppression, SuppressionCursor, SuppressionReason, UnknownPolicy,
};

use super::MemoryNotifications;
use super::handle::Moment;
use super::tables::Tables;

const SENDER_GONE: &str = "the sender went away while the mail was on its way";

impl Tables {
    fn claim_mails(&mut self, claim: &Claim, moment: Moment) -> ClaimedMails {
        let (mut mails, mut held) = (Vec::new(), 0);
        for id in self.due(DeliveryStage::Send, moment.now, u32::MAX) {
            let Some(row) = self.deliveries.get(&id) else { continue };
            if row.status == DeliveryStatus::Sending {
                let unknown = MailOutcome::Unknown { error: SENDER_GONE.to_owned(), after: Default::default() };
                let attempts = row.attempts.saturating_add(1);
                held += u32::from(self.resolve(MailReport { id, attempts, outcome: unknown }, moment));
            }
            if self.deliveries.get(&id).is_none_or(|row| row.status != DeliveryStatus::Queued) {
                continue;
            }
            let Some(mail) = self.mail_to_send(id) else { continue };
            if self.suppressions.contains_key(&mail.to.folded()) {
                self.change(id, |row| {
                    (row.status, row.held, row.updated_at) = (DeliveryStatus::Suppressed, None, moment.wall);
                });
                self.files_done(id);
            } else if mails.len() < usize::try_from(claim.limit).unwrap_or(usize::MAX) {
                self.hold(id, claim, moment.now);
                mails.push(mail);
            }
        }
        ClaimedMails { mails, next_due: self.next_due(DeliveryStage::Send, moment.now), held }
    }

    fn mail_to_send(&self, id: DeliveryId) -> Option<MailToSend> {
        let (row, item, queued) = (self.deliveries.get(&id)?, self.mails.get(&id)?, self.queue.get(&id)?);
        Some(MailToSend {
            id,
            to: item.to.clone(),
            to_name: item.to_name.as_ref().map(Name::to_string),
            subject: item.subject.to_string(),
            template: item.template.clone(),
            text: queued.rendered.text.clone(),
            html: queued.rendered.html.clone(),
            attachments: item.attachments.clone(),
            on_unknown: queued.on_unknown,
            unsubscribe_token: self.token_of.get(&item.to.folded()).cloned().unwrap_or_default(),
            attempts: row.attempts,
            waits_since: row.waits_since,
        })
    }

    /// Writes what came of a mail; whether it is held for a person now.
    fn resolve(&mut self, report: MailReport, moment: Moment) -> bool {
        let id = report.id;
        let policy = self.queue.get(&id).map_or(UnknownPolicy::Hold, |row| row.on_unknown);
        let (status, error, after) = match report.outcome {
            MailOutcome::Sent => (DeliveryStatus::Sent, None, None),
            MailOutcome::Retry { after, error } => (DeliveryStatus::Queued, Some(error), Some(after)),
            MailOutcome::Failed { error, suppress } => {
                let address = self.mails.get(&id).filter(|_| suppress).map(|item| item.to.clone());
                if let Some(address) = address {
                    self.suppress(&address, SuppressionReason::Refused, moment);
                }
                (DeliveryStatus::Failed, Some(error), None)
            }
            MailOutcome::Unknown { error, after } => match policy {
                UnknownPolicy::Hold => (DeliveryStatus::Unknown, Some(error), None),
                UnknownPolicy::Resend => (DeliveryStatus::Queued, Some(error), Some(after)),
            },
        };
        self.change(id, |row| {
            (row.status, row.last_error, row.attempts, row.updated_at) = (status, error, report.attempts, moment.wall);
            row.due = moment.now + after.unwrap_or_default();
            row.held = row.held.filter(|_| status.is_final());
        });
        if status == DeliveryStatus::Sent {
            self.files_done(id);
        }
        status == DeliveryStatus::Unknown
    }

    /// A mail that is sent, or never will be, needs its files no more: those that no other one needs are forgotten.
    fn files_done(&mut self, id: DeliveryId) {
        let files = self.mails.get(&id).map(|item| item.attachments.clone()).unwrap_or_default();
        for file in files {
            let is_done = |status| matches!(status, DeliveryStatus::Sent | DeliveryStatus::Suppressed);
            let needs = |(other, item): (&DeliveryId, &MailItem)| {
                item.attachments.contains(&file) && self.deliveries.get(other).is_some_and(|row| !is_done(row.status))
            };
            if !self.mails.iter().any(needs) {
                self.attachments.remove(&file);
            }
        }
    }

    fn progress(&mut self, progress: MailProgress, moment: Moment) -> Vec<DeliveryId> {
        let claim = progress.claim;
        for report in progress.reports {
            if self.deliveries.get(&report.id).is_some_and(|row| row.is_held_by(claim) && !row.status.is_final()) {
                self.resolve(report, moment);
            }
        }
        let mut may_go = progress.sending;
        may_go.retain(|id| {
            self.deliveries.get(id).is_some_and(|row| row.is_held_by(claim) && row.stage() == Some(DeliveryStage::Send))
        });
        for id in &may_go {
            self.change(*id, |row| (row.status, row.updated_at) = (DeliveryStatus::Sending, moment.wall));
        }
        may_go
    }

    /// What a person wants goes over what a mail server said; else the first reason stays.
    fn suppress(&mut self, address: &MailAddress, reason: SuppressionReason, moment: Moment) {
        let address = address.folded();
        let goes_first = |known: &Suppression| {
            known.reason == SuppressionReason::Unsubscribed || reason == SuppressionReason::Refused
        };
        if !self.suppressions.get(&address).is_some_and(goes_first) {
            let suppression = Suppression { address: address.clone(), reason, since: moment.wall };
            self.suppressions.insert(address, suppression);
        }
    }
}

#[async_trait]
impl MailQueue for MemoryNotifications {
    async fn claim_mails(&self, claim: Claim) -> Result<ClaimedMails, NotificationStoreError> {
        self.call("claim_mails", |tables, moment| Ok(tables.claim_mails(&claim, moment))).await
    }

    async fn progress_mails(&self, progress: MailProgress) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        self.call("progress_mails", |tables, moment| Ok(tables.progress(progress, moment))).await
    }

    async fn attachments(&self, ids: &[AttachmentId]) -> Result<Vec<StoredAttachment>, NotificationStoreError> {
        self.call("attachments", |tables, _| {
            Ok(ids.iter().filter_map(|id| tables.attachments.get(id).map(|(_, file)| file.clone())).collect())
        })
        .await
    }

    async fn release(&self, claim: ClaimId) -> Result<(), NotificationStoreError> {
        self.call("release", |tables, _| {
            let is_free = |row: &super::work::DeliveryRow| {
                row.is_held_by(claim) && !row.status.is_final() && row.status != DeliveryStatus::Sending
            };
            let ids: Vec<_> = tables.deliveries.iter().filter(|(_, row)| is_free(row)).map(|(id, _)| *id).collect();
            ids.into_iter().for_each(|id| tables.change(id, |row| row.held = None));
            Ok(())
        })
        .await
    }

    async fn suppress(&self, address: &MailAddress, reason: SuppressionReason) -> Result<(), NotificationStoreError> {
        self.call("suppress", |tables, moment| {
            tables.suppress(address, reason, moment);
            Ok(())
        })
        .await
    }

    async fn unsuppress(&self, address: &MailAddress) -> Result<bool, NotificationStoreError> {
        self.call("unsuppress", |tables, _| Ok(tables.suppressions.remove(&address.folded()).is_some())).await
    }

    async fn suppressions(
        &self,
        after: Option<SuppressionCursor>,
        limit: u32,
    ) -> Result<Vec<Suppression>, NotificationStoreError> {
        self.call("suppressions", |tables, _| {
            let comes = |one: &&Suppression| {
                after.as_ref().is_none_or(|after| (after.since, &one.address) > (one.since, &after.address))
            };
            let mut all: Vec<Suppression> = tables.suppressions.values().filter(comes).cloned().collect();
            all.sort_by(|one, other| (other.since, &one.address).cmp(&(one.since, &other.address)));
            all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(all)
        })
        .await
    }

    async fn unsubscribe(&self, token: &str) -> Result<bool, NotificationStoreError> {
        self.call("unsubscribe", |tables, moment| {
            let Some(address) = tables.tokens.get(token).and_then(|text| MailAddress::new(text.as_str()).ok()) else {
                return Ok(false);
            };
            tables.suppress(&address, SuppressionReason::Unsubscribed, moment);
            Ok(true)
        })
        .await
    }
}
