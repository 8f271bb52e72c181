//! Mails to render, and their way into the queue.

use async_trait::async_trait;
use domain::notification::model::{DeliveryId, DeliveryStage, DeliveryStatus};
use domain::ports::{Claim, ClaimedWork, MailIntent, MailIntents, MailsToQueue, NotificationStoreError, QueuedMail};

use super::MemoryNotifications;
use super::handle::Moment;
use super::tables::{QueueRow, Tables};

impl Tables {
    fn claim_mail_intents(&mut self, claim: &Claim, moment: Moment) -> ClaimedWork<MailIntent> {
        let mut items = Vec::new();
        for id in self.due(DeliveryStage::Render, moment.now, claim.limit) {
            self.hold(id, claim, moment.now);
            if let (Some(item), Some(row)) = (self.mails.get(&id), self.deliveries.get(&id)) {
                items.push(MailIntent { id, item: item.clone(), waits_since: row.waits_since });
            }
        }
        ClaimedWork { items, next_due: self.next_due(DeliveryStage::Render, moment.now) }
    }

    fn queue(&mut self, mails: MailsToQueue, moment: Moment) -> Vec<DeliveryId> {
        let mut refused = Vec::new();
        let is_its_own = |tables: &Self, id: DeliveryId| {
            let row = tables.deliveries.get(&id);
            row.is_some_and(|row| row.is_held_by(mails.claim) && row.stage() == Some(DeliveryStage::Render))
        };
        for row in mails.rows {
            match is_its_own(self, row.id) {
                true => self.queue_one(row, moment),
                false => refused.push(row.id),
            }
        }
        for (id, why) in mails.failed {
            match is_its_own(self, id) {
                true => self.change(id, |row| {
                    (row.status, row.held, row.updated_at) = (DeliveryStatus::Failed, None, moment.wall);
                    row.last_error = Some(why);
                }),
                false => refused.push(id),
            }
        }
        refused
    }

    fn queue_one(&mut self, mail: QueuedMail, moment: Moment) {
        let Some(address) = self.mails.get(&mail.id).map(|item| item.to.folded()) else { return };
        if !self.token_of.contains_key(&address) {
            self.tokens.insert(mail.unsubscribe_token.clone(), address.clone());
            self.token_of.insert(address, mail.unsubscribe_token);
        }
        self.queue.insert(mail.id, QueueRow { rendered: mail.rendered, on_unknown: mail.on_unknown });
        self.change(mail.id, |row| {
            (row.status, row.held, row.updated_at) = (DeliveryStatus::Queued, None, moment.wall);
            row.due = moment.now;
        });
    }
}

#[async_trait]
impl MailIntents for MemoryNotifications {
    async fn claim_mail_intents(&self, claim: Claim) -> Result<ClaimedWork<MailIntent>, NotificationStoreError> {
        self.call("claim_mail_intents", |tables, moment| Ok(tables.claim_mail_intents(&claim, moment))).await
    }

    async fn queue_mails(&self, mails: MailsToQueue) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        self.call("queue_mails", |tables, moment| Ok(tables.queue(mails, moment))).await
    }
}
