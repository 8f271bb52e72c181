//! What became of notifications.

use std::collections::BTreeSet;

use async_trait::async_trait;
use coherence::Timestamp;
use domain::notification::model::{Channel, Delivery, DeliveryId, DeliveryStatus, NotificationId};
use domain::ports::{
    Backlog, Deliveries, DeliveryLog, NotificationStoreError, NotificationsPruned, RESEND_MAX, Resend,
};

use super::MemoryNotifications;
use super::handle::Moment;
use super::tables::{AcceptedRow, Tables};

impl Tables {
    fn log(&self, id: NotificationId) -> Option<DeliveryLog> {
        let accepted = self.notifications.get(&id)?;
        let mut deliveries: Vec<Delivery> = self
            .deliveries
            .iter()
            .filter(|(_, row)| row.notification == Some(id))
            .map(|(id, row)| Delivery {
                id: *id,
                channel: row.channel,
                device_id: row.device,
                status: row.status,
                attempts: row.attempts,
                last_error: row.last_error.clone(),
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
            .collect();
        deliveries.extend(in_app(id, accepted));
        deliveries.sort_by_key(|delivery| (delivery.channel, delivery.device_id));
        Some(DeliveryLog { user_id: accepted.user_id, deliveries })
    }

    fn resend(&mut self, which: Resend, moment: Moment) -> u64 {
        let limit = usize::try_from(RESEND_MAX).unwrap_or(usize::MAX);
        let ids: Vec<DeliveryId> = match which {
            Resend::One(id) => vec![id],
            Resend::Since(since) => {
                let failed = self.deliveries.iter().filter(|(_, row)| row.status == DeliveryStatus::Failed);
                let mut failed: Vec<_> = failed.map(|(id, row)| (row.updated_at, row.order, *id)).collect();
                failed.retain(|(at, ..)| *at >= since);
                failed.sort_unstable();
                failed.into_iter().map(|(.., id)| id).take(limit).collect()
            }
        };
        let mut resent = 0;
        for id in ids {
            let is_rendered = self.queue.contains_key(&id);
            let can_be = self.deliveries.get(&id).is_some_and(|row| row.status.can_be_resent());
            if can_be {
                resent += 1;
                self.change(id, |row| {
                    row.status = if is_rendered { DeliveryStatus::Queued } else { DeliveryStatus::Pending };
                    (row.attempts, row.held, row.due) = (0, None, moment.now);
                    (row.waits_since, row.updated_at) = (moment.wall, moment.wall);
                });
            }
        }
        resent
    }

    fn backlog(&self) -> Backlog {
        let mut backlog = Backlog::default();
        for row in self.deliveries.values() {
            let counter = match (row.channel, row.status) {
                (Channel::PushNotification, DeliveryStatus::Pending) => &mut backlog.pushes,
                (_, DeliveryStatus::Pending) => &mut backlog.mail_intents,
                (_, DeliveryStatus::Queued | DeliveryStatus::Sending) => &mut backlog.mails,
                (_, DeliveryStatus::Unknown) => {
                    backlog.unknown += 1;
                    continue;
                }
                _ => continue,
            };
            *counter += 1;
            backlog.oldest = Some(backlog.oldest.map_or(row.created_at, |oldest| oldest.min(row.created_at)));
        }
        backlog
    }

    fn prune(&mut self, [deliveries, inbox, acceptances]: [Timestamp; 3], now: Timestamp) -> NotificationsPruned {
        let old: Vec<DeliveryId> = self
            .deliveries
            .iter()
            .filter(|(_, row)| row.status.is_final() && row.updated_at < deliveries)
            .map(|(id, _)| *id)
            .collect();
        for id in &old {
            self.drop_delivery(*id);
            self.mails.remove(id);
            self.queue.remove(id);
        }
        let mut notifications = 0;
        for table in self.inboxes.values_mut() {
            let before = table.rows.len();
            table.rows.retain(|(at, _), _| *at >= inbox);
            notifications += (before - table.rows.len()) as u64;
        }
        let with_deliveries: BTreeSet<_> = self.deliveries.values().filter_map(|row| row.notification).collect();
        let before = self.notifications.len();
        self.notifications.retain(|id, row| row.at >= acceptances || with_deliveries.contains(id));
        let kept = &self.notifications;
        self.accepted.retain(|_, id| kept.contains_key(id));
        let answers = self.answers.len();
        self.answers.retain(|_, record| record.expires_at > now);
        let named: BTreeSet<_> = self.mails.values().flat_map(|item| item.attachments.iter().copied()).collect();
        let files = self.attachments.len();
        self.attachments.retain(|id, (at, _)| named.contains(id) || *at >= deliveries);
        NotificationsPruned {
            notifications,
            deliveries: old.len() as u64,
            acceptances: (before - self.notifications.len()) as u64,
            answers: (answers - self.answers.len()) as u64,
            attachments: (files - self.attachments.len()) as u64,
        }
    }
}

fn in_app(id: NotificationId, accepted: &AcceptedRow) -> Option<Delivery> {
    accepted.channels.contains(Channel::InApp).then_some(Delivery {
        id: DeliveryId(id.0),
        channel: Channel::InApp,
        device_id: None,
        status: DeliveryStatus::Sent,
        attempts: 1,
        last_error: None,
        created_at: accepted.at,
        updated_at: accepted.at,
    })
}

#[async_trait]
impl Deliveries for MemoryNotifications {
    async fn deliveries(&self, id: NotificationId) -> Result<Option<DeliveryLog>, NotificationStoreError> {
        self.call("deliveries", |tables, _| Ok(tables.log(id))).await
    }

    async fn resend(&self, which: Resend) -> Result<u64, NotificationStoreError> {
        self.call("resend", |tables, moment| Ok(tables.resend(which, moment))).await
    }

    async fn backlog(&self) -> Result<Backlog, NotificationStoreError> {
        self.call("backlog", |tables, _| Ok(tables.backlog())).await
    }

    async fn prune(
        &self,
        deliveries_before: Timestamp,
        inbox_before: Timestamp,
        acceptances_before: Timestamp,
    ) -> Result<NotificationsPruned, NotificationStoreError> {
        self.call("prune", |tables, moment| {
            Ok(tables.prune([deliveries_before, inbox_before, acceptances_before], moment.wall))
        })
        .await
    }
}
