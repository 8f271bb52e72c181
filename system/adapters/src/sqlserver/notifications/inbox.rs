//! The in-app channel.

use async_trait::async_trait;
use coherence::Timestamp;
use domain::model::UserId;
use domain::notification::model::{InboxPosition, Notification, NotificationId};
use domain::ports::{Inbox, InboxChanges, InboxPage, InboxQuery, InboxStart, NotificationStoreError};

use super::SqlServerNotifications;
use super::handle::failed;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, signed};
use crate::sqlserver::statement::{int, small_int, time, uuid};
use crate::sqlserver::statements::{
    NOTIFICATIONS_CHANGES, NOTIFICATIONS_LIST, NOTIFICATIONS_LIST_AFTER, NOTIFICATIONS_READ, NOTIFICATIONS_READ_ALL,
    NOTIFICATIONS_UNREAD,
};

impl SqlServerNotifications {
    async fn page(&self, query: &InboxQuery) -> Result<InboxPage, SqlError> {
        let user = uuid(query.user_id.0);
        // One more than asked for: whether there are more.
        let take = small_int(query.take.saturating_add(1));
        let rows = match query.start {
            InboxStart::Skip(skip) => self.shared.rows(&NOTIFICATIONS_LIST, [user, small_int(skip), take]).await?,
            InboxStart::After(cursor) => {
                let values = [user, time(cursor.created_at)?, uuid(cursor.id.0), take];
                self.shared.rows(&NOTIFICATIONS_LIST_AFTER, values).await?
            }
        };
        let mut page = InboxPage { total: 0, items: Vec::new(), more: false };
        for row in &rows {
            let mut columns = Columns::of(row);
            page.total = columns.counter()?;
            page.items.extend(columns.notification()?);
        }
        let take = usize::try_from(query.take).unwrap_or(usize::MAX);
        page.more = page.items.len() > take;
        page.items.truncate(take);
        Ok(page)
    }

    async fn changed_after(&self, user: UserId, from: i64, limit: u32) -> Result<InboxChanges, SqlError> {
        let values = [uuid(user.0), int(from), small_int(limit.saturating_add(1))];
        let rows = self.shared.rows(&NOTIFICATIONS_CHANGES, values).await?;
        let (mut last, mut unread, mut items) = (0, 0, Vec::new());
        for row in &rows {
            let mut columns = Columns::of(row);
            last = columns.counter()?;
            unread = columns.counter()?;
            let position = columns.optional_int()?.unwrap_or_default().unsigned_abs();
            if let Some(notification) = columns.notification()? {
                items.push((InboxPosition(position), notification));
            }
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let position = items.last().filter(|_| more).map_or(InboxPosition(last), |(at, _)| *at);
        Ok(InboxChanges { items, position, more, unread })
    }
}

#[async_trait]
impl Inbox for SqlServerNotifications {
    async fn list(&self, query: &InboxQuery) -> Result<InboxPage, NotificationStoreError> {
        self.page(query).await.map_err(failed)
    }

    async fn read(
        &self,
        user: UserId,
        id: NotificationId,
        at: Timestamp,
    ) -> Result<Option<Notification>, NotificationStoreError> {
        let values = [uuid(user.0), uuid(id.0), time(at).map_err(failed)?];
        let rows = self.shared.rows(&NOTIFICATIONS_READ, values).await.map_err(failed)?;
        rows.first().map_or(Ok(None), |row| Columns::of(row).notification()).map_err(failed)
    }

    async fn read_all(&self, user: UserId, until: Timestamp, at: Timestamp) -> Result<u64, NotificationStoreError> {
        let values = [uuid(user.0), time(until).map_err(failed)?, time(at).map_err(failed)?];
        self.shared.changed(&NOTIFICATIONS_READ_ALL, values).await.map_err(failed)
    }

    async fn unread(&self, user: UserId) -> Result<u64, NotificationStoreError> {
        self.shared.changed(&NOTIFICATIONS_UNREAD, [uuid(user.0)]).await.map_err(failed)
    }

    async fn changes(
        &self,
        user: UserId,
        after: Option<InboxPosition>,
        limit: u32,
    ) -> Result<InboxChanges, NotificationStoreError> {
        let from = after.map_or(i64::MAX, |after| signed(after.0));
        self.changed_after(user, from, limit).await.map_err(failed)
    }
}
