//! What the topics give up before its age: when they are nearly full, the oldest messages that every durable
//! subscription of their topic has acknowledged. So only a backlog can fill the bus, as with a broker's quota.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coherence::Timestamp;
use domain::ports::Topic;

use crate::sqlite::SqliteError;
use crate::sqlite::database::Shared;
use crate::sqlite::errors::PortError;
use crate::sqlite::prune::before;
use crate::sqlite::row;

/// Above this part of the limit messages are given up, down to the other one.
const FULL_PERCENT: u64 = 80;
const ENOUGH_PERCENT: u64 = 70;

/// Subscriptions that are not durable keep no cursor that could be asked: they are given this time to read a message.
const READ_WITHIN: Duration = Duration::from_secs(60);

/// How many messages one transaction gives up, and how many transactions a call makes.
const MESSAGES_PER_TRANSACTION_MAX: i64 = 2_000;
const TRANSACTIONS_PER_CALL_MAX: usize = 500;

const USED: &str = "SELECT bus_bytes FROM meta";

/// Up to which message every durable subscription of a topic has acknowledged.
const ACKNOWLEDGED: &str = "SELECT topic, min(coalesce((SELECT min(u.value ->> 0) - 1 FROM json_each(unacked) u), cursor)) \
                            FROM subscriptions GROUP BY topic";

const GIVE_UP: &str = "DELETE FROM messages WHERE id IN (SELECT id FROM messages \
                       WHERE topic = ?1 AND id <= ?2 AND published_at < ?3 ORDER BY id LIMIT ?4)";

/// Gives up messages, if the topics are nearly full; answers how many.
pub(in crate::sqlite) async fn reclaim(shared: &Arc<Shared>, now: Timestamp) -> Result<u64, SqliteError> {
    let of_max = |percent: u64| u64::try_from(u128::from(shared.config.max_bytes) * u128::from(percent) / 100);
    if used(shared).await? <= of_max(FULL_PERCENT).unwrap_or(u64::MAX) {
        return Ok(0);
    }
    let acknowledged: Vec<(String, i64)> =
        sqlx::query_as(ACKNOWLEDGED).fetch_all(&shared.readers).await.map_err(SqliteError::from_driver)?;
    let acknowledged: BTreeMap<String, i64> = acknowledged.into_iter().collect();
    let published_before = before(now, READ_WITHIN);
    let mut given_up = 0;
    for _ in 0..TRANSACTIONS_PER_CALL_MAX {
        let mut some = 0;
        for topic in Topic::ALL {
            // A topic without durable subscriptions keeps its messages for nobody in particular.
            let through = acknowledged.get(topic.name()).copied().unwrap_or(i64::MAX);
            some += give_up(shared, topic, through, published_before).await?;
        }
        given_up += some;
        if some == 0 || used(shared).await? <= of_max(ENOUGH_PERCENT).unwrap_or(u64::MAX) {
            break;
        }
    }
    Ok(given_up)
}

async fn used(shared: &Shared) -> Result<u64, SqliteError> {
    let used: i64 = sqlx::query_scalar(USED).fetch_one(&shared.readers).await.map_err(SqliteError::from_driver)?;
    row::counter(used).map_err(SqliteError::from_driver)
}

async fn give_up(shared: &Shared, topic: Topic, through: i64, published_before: i64) -> Result<u64, SqliteError> {
    shared
        .writer
        .run(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(GIVE_UP)
                    .bind(topic.name())
                    .bind(through)
                    .bind(published_before)
                    .bind(MESSAGES_PER_TRANSACTION_MAX);
                let deleted = query.execute(connection).await.map_err(SqliteError::from_driver)?;
                Ok(deleted.rows_affected())
            })
        })
        .await
}
