//! Who is not written to.

use domain::notification::model::MailAddress;
use domain::ports::{NotificationStoreError, Suppression, SuppressionCursor, SuppressionReason};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteNotifications;
use super::handle::failed;
use crate::sqlite::row;

/// What a person wants goes over what a mail server said.
const SUPPRESS: &str = "INSERT INTO MailSuppressions (Address, Reason, Since) VALUES (?1, ?2, ?3) \
     ON CONFLICT (Address) DO UPDATE SET Reason = excluded.Reason, Since = excluded.Since \
         WHERE MailSuppressions.Reason = 'refused' AND excluded.Reason = 'unsubscribed'";

const UNSUPPRESS: &str = "DELETE FROM MailSuppressions WHERE Address = ?1";

pub(super) const LIST: &str =
    "SELECT Address, Reason, Since FROM MailSuppressions ORDER BY Since DESC, Address LIMIT ?1";

pub(super) const LIST_AFTER: &str = "SELECT Address, Reason, Since FROM MailSuppressions \
     WHERE Since <= ?2 AND (Since < ?2 OR Address > ?3) ORDER BY Since DESC, Address LIMIT ?1";

pub(super) const OF_TOKEN: &str = "SELECT Address FROM MailUnsubscribeTokens WHERE Token = ?1";

fn reason_name(reason: SuppressionReason) -> &'static str {
    match reason {
        SuppressionReason::Refused => "refused",
        SuppressionReason::Unsubscribed => "unsubscribed",
    }
}

async fn put(
    store: &SqliteNotifications,
    address: String,
    reason: SuppressionReason,
) -> Result<(), NotificationStoreError> {
    let now = store.now();
    store
        .write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(SUPPRESS).bind(address).bind(reason_name(reason)).bind(now);
                query.execute(connection).await.map(drop).map_err(failed)
            })
        })
        .await
}

pub(super) async fn suppress(
    store: &SqliteNotifications,
    address: &MailAddress,
    reason: SuppressionReason,
) -> Result<(), NotificationStoreError> {
    put(store, address.folded(), reason).await
}

pub(super) async fn unsuppress(
    store: &SqliteNotifications,
    address: &MailAddress,
) -> Result<bool, NotificationStoreError> {
    let address = address.folded();
    store
        .write(move |connection| {
            Box::pin(async move {
                let removed = sqlx::query(UNSUPPRESS).bind(address).execute(connection).await.map_err(failed)?;
                Ok(removed.rows_affected() > 0)
            })
        })
        .await
}

pub(super) async fn list(
    store: &SqliteNotifications,
    after: Option<SuppressionCursor>,
    limit: u32,
) -> Result<Vec<Suppression>, NotificationStoreError> {
    let query = match after {
        None => sqlx::query(LIST).bind(i64::from(limit)),
        Some(after) => {
            sqlx::query(LIST_AFTER).bind(i64::from(limit)).bind(after.since.as_microsecond()).bind(after.address)
        }
    };
    let rows = query.fetch_all(store.readers()).await.map_err(failed)?;
    let one = |found: &SqliteRow| {
        Ok(Suppression {
            address: found.try_get_unchecked(0)?,
            reason: match found.try_get_unchecked::<&str, _>(1)? {
                "unsubscribed" => SuppressionReason::Unsubscribed,
                _ => SuppressionReason::Refused,
            },
            since: row::time(found.try_get_unchecked(2)?)?,
        })
    };
    rows.iter().map(one).collect::<Result<_, _>>().map_err(failed)
}

pub(super) async fn unsubscribe(store: &SqliteNotifications, token: &str) -> Result<bool, NotificationStoreError> {
    let query = sqlx::query_scalar::<_, String>(OF_TOKEN).bind(token);
    let Some(address) = query.fetch_optional(store.readers()).await.map_err(failed)? else { return Ok(false) };
    put(store, address, SuppressionReason::Unsubscribed).await?;
    Ok(true)
}
