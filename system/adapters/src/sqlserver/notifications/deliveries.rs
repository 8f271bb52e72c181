//! What became of notifications, and forgetting.

use async_trait::async_trait;
use coherence::Timestamp;
use domain::model::UserId;
use domain::notification::model::{
    Channel, ChannelSet, Delivery, DeliveryId, DeliveryStatus, DeviceId, NotificationId,
};
use domain::ports::{
    Backlog, Deliveries, DeliveryLog, NotificationStoreError, NotificationsPruned, RESEND_MAX, Resend,
};
use tiberius::Row;

use super::SqlServerNotifications;
use super::handle::{failed, long_ago};
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{Statement, small_int, time, uuid};
use crate::sqlserver::statements::{
    NOTIFICATIONS_BACKLOG, NOTIFICATIONS_LOG, NOTIFICATIONS_PRUNE_ACCEPTANCES, NOTIFICATIONS_PRUNE_ANSWERS,
    NOTIFICATIONS_PRUNE_DELIVERIES, NOTIFICATIONS_PRUNE_FILES, NOTIFICATIONS_PRUNE_INBOX, NOTIFICATIONS_RESEND_ONE,
    NOTIFICATIONS_RESEND_SINCE,
};

/// How many rows one transaction forgets: a few milliseconds of work.
const ROWS_PER_TRANSACTION_MAX: u32 = 1_000;

/// The in-app channel has no row: what is accepted is there.
fn in_app(id: NotificationId, channels: ChannelSet, at: Timestamp) -> Option<Delivery> {
    channels.contains(Channel::InApp).then_some(Delivery {
        id: DeliveryId(id.0),
        channel: Channel::InApp,
        device_id: None,
        status: DeliveryStatus::Sent,
        attempts: 1,
        last_error: None,
        created_at: at,
        updated_at: at,
    })
}

pub(in crate::sqlserver) fn log(id: NotificationId, rows: &[Row]) -> Result<Option<DeliveryLog>, SqlError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let mut columns = Columns::of(first);
    let user_id = UserId(columns.id()?);
    let (channels, accepted_at) = (columns.channels()?, columns.time()?);
    let mut deliveries: Vec<Delivery> = in_app(id, channels, accepted_at).into_iter().collect();
    for row in rows {
        let mut columns = Columns::of(row);
        columns.skip(3);
        let Some(id) = columns.optional_id()? else { continue };
        deliveries.push(Delivery {
            id: DeliveryId(id),
            channel: columns.channel()?,
            device_id: columns.optional_id()?.map(DeviceId),
            status: columns.status()?,
            attempts: columns.attempts()?,
            last_error: columns.optional_text()?.map(str::to_owned),
            created_at: columns.time()?,
            updated_at: columns.time()?,
        });
    }
    deliveries.sort_by_key(|delivery| (delivery.channel, delivery.device_id));
    Ok(Some(DeliveryLog { user_id, deliveries }))
}

impl SqlServerNotifications {
    async fn due_again(&self, which: Resend) -> Result<u64, SqlError> {
        match which {
            Resend::One(id) => self.shared.changed(&NOTIFICATIONS_RESEND_ONE, [long_ago()?, uuid(id.0)]).await,
            Resend::Since(since) => {
                let values = [long_ago()?, time(since)?, small_int(RESEND_MAX)];
                self.shared.changed(&NOTIFICATIONS_RESEND_SINCE, values).await
            }
        }
    }

    async fn waiting(&self) -> Result<Backlog, SqlError> {
        let rows = self.shared.rows(&NOTIFICATIONS_BACKLOG, []).await?;
        let Some(row) = rows.first() else { return Ok(Backlog::default()) };
        let mut columns = Columns::of(row);
        Ok(Backlog {
            pushes: columns.counter()?,
            mail_intents: columns.counter()?,
            mails: columns.counter()?,
            unknown: columns.counter()?,
            oldest: columns.optional_time()?,
        })
    }

    async fn forget(&self, statement: &Statement<2>, before: Timestamp) -> Result<u64, SqlError> {
        self.shared.changed(statement, [small_int(ROWS_PER_TRANSACTION_MAX), time(before)?]).await
    }
}

#[async_trait]
impl Deliveries for SqlServerNotifications {
    async fn deliveries(&self, id: NotificationId) -> Result<Option<DeliveryLog>, NotificationStoreError> {
        let rows = self.shared.rows(&NOTIFICATIONS_LOG, [uuid(id.0)]).await.map_err(failed)?;
        log(id, &rows).map_err(failed)
    }

    async fn resend(&self, which: Resend) -> Result<u64, NotificationStoreError> {
        self.due_again(which).await.map_err(failed)
    }

    async fn backlog(&self) -> Result<Backlog, NotificationStoreError> {
        self.waiting().await.map_err(failed)
    }

    async fn prune(
        &self,
        deliveries_before: Timestamp,
        inbox_before: Timestamp,
        acceptances_before: Timestamp,
    ) -> Result<NotificationsPruned, NotificationStoreError> {
        let prune = async {
            let answers = [small_int(ROWS_PER_TRANSACTION_MAX)];
            Ok(NotificationsPruned {
                deliveries: self.forget(&NOTIFICATIONS_PRUNE_DELIVERIES, deliveries_before).await?,
                notifications: self.forget(&NOTIFICATIONS_PRUNE_INBOX, inbox_before).await?,
                acceptances: self.forget(&NOTIFICATIONS_PRUNE_ACCEPTANCES, acceptances_before).await?,
                answers: self.shared.changed(&NOTIFICATIONS_PRUNE_ANSWERS, answers).await?,
                attachments: self.forget(&NOTIFICATIONS_PRUNE_FILES, deliveries_before).await?,
            })
        };
        prune.await.map_err(failed)
    }
}
