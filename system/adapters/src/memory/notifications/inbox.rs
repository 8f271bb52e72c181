//! The in-app channel.

use std::ops::Bound;

use async_trait::async_trait;
use coherence::Timestamp;
use domain::model::UserId;
use domain::notification::model::{InboxPosition, Notification, NotificationId};
use domain::ports::{Inbox, InboxChanges, InboxPage, InboxQuery, InboxStart, NotificationStoreError};

use super::MemoryNotifications;
use super::tables::InboxTable;

fn size(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

impl InboxTable {
    fn page(&self, query: &InboxQuery) -> InboxPage {
        let (skip, end) = match query.start {
            InboxStart::Skip(skip) => (size(skip), Bound::Unbounded),
            InboxStart::After(cursor) => (0, Bound::Excluded((cursor.created_at, cursor.id))),
        };
        let mut rows = self.rows.range((Bound::Unbounded, end)).rev().skip(skip);
        let items = rows.by_ref().take(size(query.take)).map(|(_, (_, row))| row.clone()).collect();
        InboxPage { total: self.rows.len() as u64, items, more: rows.next().is_some() }
    }

    fn unread(&self) -> u64 {
        self.rows.values().filter(|(_, row)| row.read_at.is_none()).count() as u64
    }

    fn mark(&mut self, at: Timestamp, which: impl Fn(&Notification) -> bool) -> u64 {
        let mut marked = 0;
        for (position, row) in self.rows.values_mut() {
            if row.read_at.is_none() && which(row) {
                self.last += 1;
                marked += 1;
                (*position, row.read_at) = (self.last, Some(at));
            }
        }
        marked
    }

    fn changes(&self, after: Option<InboxPosition>, limit: usize) -> InboxChanges {
        let after = after.map_or(self.last, |after| after.0);
        let mut changed: Vec<&(u64, Notification)> = self.rows.values().filter(|(at, _)| *at > after).collect();
        changed.sort_by_key(|(at, _)| *at);
        let more = changed.len() > limit;
        changed.truncate(limit);
        let position = if more { changed.last().map_or(after, |(at, _)| *at) } else { self.last };
        let items = changed.into_iter().map(|(at, row)| (InboxPosition(*at), row.clone())).collect();
        InboxChanges { items, position: InboxPosition(position), more, unread: self.unread() }
    }
}

#[async_trait]
impl Inbox for MemoryNotifications {
    async fn list(&self, query: &InboxQuery) -> Result<InboxPage, NotificationStoreError> {
        self.call("list", |tables, _| Ok(tables.inboxes.entry(query.user_id).or_default().page(query))).await
    }

    async fn read(
        &self,
        user: UserId,
        id: NotificationId,
        at: Timestamp,
    ) -> Result<Option<Notification>, NotificationStoreError> {
        self.call("read", |tables, _| {
            let Some(inbox) = tables.inboxes.get_mut(&user) else { return Ok(None) };
            inbox.mark(at, |row| row.id == id);
            Ok(inbox.rows.values().find(|(_, row)| row.id == id).map(|(_, row)| row.clone()))
        })
        .await
    }

    async fn read_all(&self, user: UserId, until: Timestamp, at: Timestamp) -> Result<u64, NotificationStoreError> {
        self.call("read_all", |tables, _| {
            Ok(tables.inboxes.entry(user).or_default().mark(at, |row| row.created_at <= until))
        })
        .await
    }

    async fn unread(&self, user: UserId) -> Result<u64, NotificationStoreError> {
        self.call("unread", |tables, _| Ok(tables.inboxes.entry(user).or_default().unread())).await
    }

    async fn changes(
        &self,
        user: UserId,
        after: Option<InboxPosition>,
        limit: u32,
    ) -> Result<InboxChanges, NotificationStoreError> {
        self.call("changes", |tables, _| Ok(tables.inboxes.entry(user).or_default().changes(after, size(limit)))).await
    }
}
