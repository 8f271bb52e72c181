//! Messages of which only the newest of a key matters: publishing one deletes the earlier ones that nobody waits for.

use std::collections::BTreeSet;

use domain::ports::{COMPACTED_BACKLOG_MAX, Outgoing, Topic};
use sqlx::{QueryBuilder, Sqlite};

/// The keys of the compacted ones of `messages`.
pub(super) fn keys(messages: &[Outgoing]) -> BTreeSet<String> {
    messages.iter().filter(|message| message.is_compacted()).map(|message| message.key.clone()).collect()
}

/// Appends the statements that delete what the newest compacted message of each key replaces.
///
/// What the durable subscriptions have acknowledged is read from what is written of them, which is behind what they know:
/// less is deleted than could be, never more. What lies above a cursor is not even looked at, so that a backlog costs
/// nothing, until it is too long: then its oldest go unread.
pub(in crate::sqlite) fn push_delete(sql: &mut QueryBuilder<Sqlite>, topic: Topic, keys: &BTreeSet<String>) {
    for key in keys {
        let of_key = |sql: &mut QueryBuilder<Sqlite>| {
            sql.push("compacted = 1 AND topic = ").push_bind(topic.name()).push(" AND key = ").push_bind(key.clone());
        };
        sql.push("DELETE FROM messages WHERE ");
        of_key(sql);
        sql.push(" AND id < (SELECT max(id) FROM messages WHERE ");
        of_key(sql);
        sql.push(") AND id <= (SELECT coalesce(min(cursor), 9223372036854775807) FROM subscriptions WHERE topic = ");
        sql.push_bind(topic.name());
        sql.push(
            ") AND NOT EXISTS (SELECT 1 FROM subscriptions s, json_each(s.unacked) u \
             WHERE s.topic = messages.topic AND (u.value ->> 0) = messages.id); ",
        );
        // Of what nobody reads, only so much.
        sql.push("DELETE FROM messages WHERE ");
        of_key(sql);
        sql.push(" AND id <= (SELECT id FROM messages WHERE ");
        of_key(sql);
        sql.push(" ORDER BY id DESC LIMIT 1 OFFSET ");
        sql.push_bind(i64::try_from(COMPACTED_BACKLOG_MAX).unwrap_or(i64::MAX)).push("); ");
    }
}
