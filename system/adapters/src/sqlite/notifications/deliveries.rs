//! What became of notifications.

use async_trait::async_trait;
use coherence::Timestamp;
use domain::model::UserId;
use domain::notification::model::{
    Channel, ChannelSet, Delivery, DeliveryId, DeliveryStatus, DeviceId, NotificationId,
};
use domain::ports::{
    Backlog, Deliveries, DeliveryLog, NotificationStoreError, NotificationsPruned, RESEND_MAX, Resend,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::columns::{attempts, channel, delivery_id, status};
use super::handle::failed;
use super::{SqliteNotifications, prune};
use crate::sqlite::row;

pub(super) const LOG: &str = "SELECT a.UserId, a.Channels, a.CreatedAt, d.Id, d.Channel, d.DeviceId, d.Status, \
         d.Attempts, d.LastError, d.CreatedAt, d.UpdatedAt \
     FROM NotificationAcceptances a LEFT JOIN NotificationDeliveries d ON d.NotificationId = a.Id WHERE a.Id = ?1";

/// A mail that was rendered is in the queue still.
const RESEND: &str = "UPDATE NotificationDeliveries SET Attempts = 0, ClaimId = NULL, DueAt = 0, AvailableAt = 0, \
         UpdatedAt = ?1, WaitsSince = ?1, \
         Stage = CASE WHEN Channel = 2 THEN 1 \
                      WHEN EXISTS (SELECT 1 FROM NheaMailQueue q WHERE q.Id = NotificationDeliveries.Id) THEN 3 \
                      ELSE 2 END, \
         Status = CASE WHEN EXISTS (SELECT 1 FROM NheaMailQueue q WHERE q.Id = NotificationDeliveries.Id) \
                      THEN 'queued' ELSE 'pending' END \
     WHERE ";

pub(super) const ONE: &str = "Id = ?2 AND Stage IS NULL AND Status IN ('failed', 'unknown')";

/// What nobody knows of is sent again singly only: a person looked at each.
pub(super) const SINCE: &str = "Number IN (SELECT Number FROM NotificationDeliveries \
     WHERE Stage IS NULL AND UpdatedAt >= ?2 AND Status = 'failed' ORDER BY UpdatedAt LIMIT ?3)";

pub(super) const BACKLOG: &str = "SELECT (SELECT count(*) FROM NotificationDeliveries WHERE Stage = 1), \
         (SELECT count(*) FROM NotificationDeliveries WHERE Stage = 2), \
         (SELECT count(*) FROM NotificationDeliveries WHERE Stage = 3), \
         (SELECT count(*) FROM NotificationDeliveries WHERE Status = 'unknown'), \
         (SELECT CreatedAt FROM NotificationDeliveries WHERE Number = \
             (SELECT min(Number) FROM NotificationDeliveries WHERE Stage IS NOT NULL))";

fn delivery(found: &SqliteRow) -> Result<Option<Delivery>, sqlx::Error> {
    if row::optional_id(found, 3)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Delivery {
        id: delivery_id(found, 3)?,
        channel: channel(found.try_get_unchecked(4)?)?,
        device_id: row::optional_id(found, 5)?.map(DeviceId),
        status: status(found.try_get_unchecked(6)?)?,
        attempts: attempts(found.try_get_unchecked(7)?),
        last_error: found.try_get_unchecked(8)?,
        created_at: row::time(found.try_get_unchecked(9)?)?,
        updated_at: row::time(found.try_get_unchecked(10)?)?,
    }))
}

/// The in-app channel has no row: what is accepted is there.
fn in_app(id: NotificationId, first: &SqliteRow) -> Result<Option<Delivery>, sqlx::Error> {
    let bits: i64 = first.try_get_unchecked(1)?;
    let at = row::time(first.try_get_unchecked(2)?)?;
    let channels = ChannelSet::from_bits(u8::try_from(bits).unwrap_or_default());
    Ok(channels.contains(Channel::InApp).then_some(Delivery {
        id: DeliveryId(id.0),
        channel: Channel::InApp,
        device_id: None,
        status: DeliveryStatus::Sent,
        attempts: 1,
        last_error: None,
        created_at: at,
        updated_at: at,
    }))
}

fn log(id: NotificationId, rows: &[SqliteRow]) -> Result<Option<DeliveryLog>, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(None) };
    let mut deliveries: Vec<Delivery> = in_app(id, first)?.into_iter().collect();
    for found in rows {
        deliveries.extend(delivery(found)?);
    }
    deliveries.sort_by_key(|delivery| (delivery.channel, delivery.device_id));
    Ok(Some(DeliveryLog { user_id: UserId(row::id(first, 0)?), deliveries }))
}

#[async_trait]
impl Deliveries for SqliteNotifications {
    async fn deliveries(&self, id: NotificationId) -> Result<Option<DeliveryLog>, NotificationStoreError> {
        let query = sqlx::query(LOG).bind(row::blob(id.0));
        let rows = query.fetch_all(self.readers()).await.map_err(failed)?;
        log(id, &rows).map_err(failed)
    }

    async fn resend(&self, which: Resend) -> Result<u64, NotificationStoreError> {
        let now = self.now();
        self.write(move |connection| {
            Box::pin(async move {
                let resent = match which {
                    Resend::One(id) => {
                        let query = sqlx::query(AssertSqlSafe(format!("{RESEND}{ONE}")));
                        query.bind(now).bind(row::blob(id.0)).execute(connection).await
                    }
                    Resend::Since(since) => {
                        let query = sqlx::query(AssertSqlSafe(format!("{RESEND}{SINCE}")));
                        let query = query.bind(now).bind(since.as_microsecond());
                        query.bind(i64::from(RESEND_MAX)).execute(connection).await
                    }
                };
                Ok(resent.map_err(failed)?.rows_affected())
            })
        })
        .await
    }

    async fn backlog(&self) -> Result<Backlog, NotificationStoreError> {
        type Counts = (i64, i64, i64, i64, Option<i64>);
        let query = sqlx::query_as::<_, Counts>(BACKLOG);
        let (pushes, mail_intents, mails, unknown, oldest) = query.fetch_one(self.readers()).await.map_err(failed)?;
        Ok(Backlog {
            pushes: pushes.unsigned_abs(),
            mail_intents: mail_intents.unsigned_abs(),
            mails: mails.unsigned_abs(),
            unknown: unknown.unsigned_abs(),
            oldest: oldest.map(row::time).transpose().map_err(failed)?,
        })
    }

    async fn prune(
        &self,
        deliveries_before: Timestamp,
        inbox_before: Timestamp,
        acceptances_before: Timestamp,
    ) -> Result<NotificationsPruned, NotificationStoreError> {
        prune::prune(self, deliveries_before, inbox_before, acceptances_before).await
    }
}
