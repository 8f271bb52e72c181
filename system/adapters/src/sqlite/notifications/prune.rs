//! Forgetting, in small transactions.

use coherence::Timestamp;
use domain::ports::{NotificationStoreError, NotificationsPruned};
use sqlx::AssertSqlSafe;

use super::SqliteNotifications;
use super::handle::failed;

/// How many rows one transaction forgets: a few milliseconds of work.
const ROWS_PER_TRANSACTION_MAX: u32 = 1_000;

/// The deliveries that are forgotten next, with all that belongs to them.
pub(super) const OLD: &str = "FROM NotificationDeliveries \
                              WHERE Stage IS NULL AND UpdatedAt < ?1 ORDER BY UpdatedAt, Number LIMIT ?2";

const PARTS_OF_DELIVERIES: [(&str, &str); 3] =
    [("NheaMailQueue", "Id"), ("MailIntents", "Id"), ("MailAttachmentUses", "DeliveryId")];

pub(super) const INBOX: &str = "DELETE FROM Notifications WHERE Id IN (SELECT Id FROM Notifications \
                                WHERE CreatedAt < ?1 ORDER BY CreatedAt LIMIT ?2); SELECT changes()";

pub(super) const ACCEPTANCES: &str = "DELETE FROM NotificationAcceptances WHERE Id IN ( \
         SELECT a.Id FROM NotificationAcceptances a WHERE a.CreatedAt < ?1 \
         AND NOT EXISTS (SELECT 1 FROM NotificationDeliveries d WHERE d.NotificationId = a.Id) \
         ORDER BY a.CreatedAt LIMIT ?2); SELECT changes()";

pub(super) const ANSWERS: &str = "DELETE FROM NotificationAnswers WHERE (Caller, Key) IN ( \
         SELECT Caller, Key FROM NotificationAnswers WHERE ExpiresAt <= ?1 ORDER BY ExpiresAt LIMIT ?2); \
     SELECT changes()";

pub(super) const FILES: &str = "DELETE FROM MailAttachments WHERE Id IN ( \
         SELECT a.Id FROM MailAttachments a WHERE a.CreatedAt < ?1 \
         AND NOT EXISTS (SELECT 1 FROM MailAttachmentUses u WHERE u.AttachmentId = a.Id) \
         ORDER BY a.CreatedAt LIMIT ?2); SELECT changes()";

pub(super) async fn prune(
    store: &SqliteNotifications,
    deliveries_before: Timestamp,
    inbox_before: Timestamp,
    acceptances_before: Timestamp,
) -> Result<NotificationsPruned, NotificationStoreError> {
    let parts =
        PARTS_OF_DELIVERIES.map(|(table, column)| format!("DELETE FROM {table} WHERE {column} IN (SELECT Id {OLD}); "));
    let deliveries = format!(
        "BEGIN IMMEDIATE; {} DELETE FROM NotificationDeliveries WHERE Number IN (SELECT Number {OLD}); \
         SELECT changes(); COMMIT",
        parts.concat()
    );
    let now = store.now();
    Ok(NotificationsPruned {
        deliveries: forget(store, deliveries, deliveries_before.as_microsecond()).await?,
        notifications: forget(store, INBOX.to_owned(), inbox_before.as_microsecond()).await?,
        acceptances: forget(store, ACCEPTANCES.to_owned(), acceptances_before.as_microsecond()).await?,
        answers: forget(store, ANSWERS.to_owned(), now).await?,
        attachments: forget(store, FILES.to_owned(), deliveries_before.as_microsecond()).await?,
    })
}

/// Runs a statement whose parameters are a time and a number of rows, and which selects how many it deleted.
async fn forget(store: &SqliteNotifications, sql: String, before: i64) -> Result<u64, NotificationStoreError> {
    store
        .write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
                let query = query.bind(before).bind(i64::from(ROWS_PER_TRANSACTION_MAX));
                let deleted = query.fetch_all(connection).await.map_err(failed)?;
                Ok(deleted.first().copied().unwrap_or_default().unsigned_abs())
            })
        })
        .await
}
