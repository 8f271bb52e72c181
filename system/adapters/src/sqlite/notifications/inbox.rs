//! The in-app channel.

use async_trait::async_trait;
use coherence::Timestamp;
use domain::model::UserId;
use domain::notification::model::{InboxPosition, Notification, NotificationId};
use domain::ports::{Inbox, InboxChanges, InboxPage, InboxQuery, InboxStart, NotificationStoreError};
use sqlx::{AssertSqlSafe, Row};

use super::SqliteNotifications;
use super::columns::{NOTIFICATION, notification};
use super::handle::failed;
use crate::sqlite::row;

/// One page, its total beside each row: one statement, so one snapshot.
pub(super) fn page_sql(start: InboxStart) -> String {
    let (after, offset) = match start {
        InboxStart::Skip(_) => ("", " OFFSET ?3"),
        InboxStart::After(_) => (" AND (CreatedAt, Id) < (?3, ?4)", ""),
    };
    format!(
        "SELECT t.total, n.* FROM (SELECT count(*) AS total FROM Notifications WHERE UserId = ?1) t LEFT JOIN \
         (SELECT {NOTIFICATION} FROM Notifications WHERE UserId = ?1{after} \
          ORDER BY CreatedAt DESC, Id DESC LIMIT ?2{offset}) n ORDER BY n.CreatedAt DESC, n.Id DESC"
    )
}

/// Raises the user's last position to that of the rows.
const RAISE: &str = "UPDATE NotificationPositions SET Last = max(Last, coalesce( \
         (SELECT max(Position) FROM Notifications WHERE UserId = ?1), 0)) WHERE UserId = ?1; ";

const READ: &str = "UPDATE Notifications SET ReadAt = ?3, \
         Position = (SELECT Last + 1 FROM NotificationPositions WHERE UserId = ?1) \
     WHERE Id = ?2 AND UserId = ?1 AND ReadAt IS NULL; ";

const READ_ALL: &str = "UPDATE Notifications SET ReadAt = ?3, \
         Position = (SELECT Last FROM NotificationPositions WHERE UserId = ?1) + r.n \
     FROM (SELECT Id, row_number() OVER (ORDER BY CreatedAt, Id) AS n FROM Notifications \
           WHERE UserId = ?1 AND ReadAt IS NULL AND CreatedAt <= ?2) r \
     WHERE Notifications.Id = r.Id; SELECT changes(); ";

pub(super) const UNREAD: &str = "SELECT count(*) FROM Notifications WHERE UserId = ?1 AND ReadAt IS NULL";

pub(super) const CHANGES: &str = "SELECT coalesce((SELECT Last FROM NotificationPositions WHERE UserId = ?1), 0), \
         (SELECT count(*) FROM Notifications WHERE UserId = ?1 AND ReadAt IS NULL), n.* \
     FROM (SELECT 1) LEFT JOIN \
         (SELECT Position, Id, UserId, Title, Body, Type, ReadAt, CreatedAt FROM Notifications \
          WHERE UserId = ?1 AND Position > ?2 ORDER BY Position LIMIT ?3) n ORDER BY n.Position";

#[async_trait]
impl Inbox for SqliteNotifications {
    async fn list(&self, query: &InboxQuery) -> Result<InboxPage, NotificationStoreError> {
        let sql = page_sql(query.start);
        // One more than asked for: whether there are more.
        let asked = sqlx::query(AssertSqlSafe(sql)).bind(row::blob(query.user_id.0)).bind(i64::from(query.take) + 1);
        let asked = match query.start {
            InboxStart::Skip(skip) => asked.bind(i64::from(skip)),
            InboxStart::After(cursor) => asked.bind(cursor.created_at.as_microsecond()).bind(row::blob(cursor.id.0)),
        };
        let rows = asked.fetch_all(self.readers()).await.map_err(failed)?;
        let read = || {
            let mut page = InboxPage { total: 0, items: Vec::new(), more: false };
            for found in &rows {
                page.total = row::counter(found.try_get_unchecked(0)?)?;
                page.items.extend(notification(found, 1)?);
            }
            let take = usize::try_from(query.take).unwrap_or(usize::MAX);
            page.more = page.items.len() > take;
            page.items.truncate(take);
            Ok(page)
        };
        read().map_err(failed)
    }

    async fn read(
        &self,
        user: UserId,
        id: NotificationId,
        at: Timestamp,
    ) -> Result<Option<Notification>, NotificationStoreError> {
        let rows = self.write(move |connection| {
            Box::pin(async move {
                let sql = format!(
                    "BEGIN IMMEDIATE; {READ} {RAISE} \
                     SELECT {NOTIFICATION} FROM Notifications WHERE Id = ?2 AND UserId = ?1; COMMIT"
                );
                let query = sqlx::query(AssertSqlSafe(sql));
                let query = query.bind(row::blob(user.0)).bind(row::blob(id.0)).bind(at.as_microsecond());
                query.fetch_all(connection).await.map_err(failed)
            })
        });
        let rows = rows.await?;
        rows.first().map_or(Ok(None), |found| notification(found, 0)).map_err(failed)
    }

    async fn read_all(&self, user: UserId, until: Timestamp, at: Timestamp) -> Result<u64, NotificationStoreError> {
        let marked = self.write(move |connection| {
            Box::pin(async move {
                let sql = format!("BEGIN IMMEDIATE; {READ_ALL} {RAISE} COMMIT");
                let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
                let query = query.bind(row::blob(user.0)).bind(until.as_microsecond()).bind(at.as_microsecond());
                query.fetch_all(connection).await.map_err(failed)
            })
        });
        Ok(marked.await?.first().copied().unwrap_or_default().unsigned_abs())
    }

    async fn unread(&self, user: UserId) -> Result<u64, NotificationStoreError> {
        let query = sqlx::query_scalar::<_, i64>(UNREAD).bind(row::blob(user.0));
        query.fetch_one(self.readers()).await.map(i64::unsigned_abs).map_err(failed)
    }

    async fn changes(
        &self,
        user: UserId,
        after: Option<InboxPosition>,
        limit: u32,
    ) -> Result<InboxChanges, NotificationStoreError> {
        let from = after.map_or(i64::MAX, |after| row::signed(after.0));
        let query = sqlx::query(CHANGES).bind(row::blob(user.0)).bind(from).bind(i64::from(limit) + 1);
        let rows = query.fetch_all(self.readers()).await.map_err(failed)?;
        let read = || {
            let (mut last, mut unread, mut items) = (0, 0, Vec::new());
            for found in &rows {
                last = row::counter(found.try_get_unchecked(0)?)?;
                unread = row::counter(found.try_get_unchecked(1)?)?;
                if let Some(notification) = notification(found, 3)? {
                    items.push((InboxPosition(row::counter(found.try_get_unchecked(2)?)?), notification));
                }
            }
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let more = items.len() > limit;
            items.truncate(limit);
            let position = items.last().filter(|_| more).map_or(InboxPosition(last), |(at, _)| *at);
            Ok(InboxChanges { items, position, more, unread })
        };
        read().map_err(failed)
    }
}
