//! The in-app channel.

use super::NotificationHarness;
use super::samples::*;
use crate::conformance::samples::day;
use crate::notification::model::{InboxCursor, InboxPosition, Notification};
use crate::ports::{InboxPage, InboxQuery, InboxStart, NotificationStore};

async fn page(store: &dyn NotificationStore, start: InboxStart, take: u32) -> InboxPage {
    store.list(&InboxQuery { user_id: user(1), start, take }).await.unwrap()
}

/// Five notifications of user 1, as they stand in the list: newest first.
async fn five(harness: &dyn NotificationHarness) -> Vec<Notification> {
    let store = harness.store();
    for n in 1..=5 {
        accepted(&*store, n).await;
    }
    store.accept(acceptance(9, vec![for_user(9, user(2))])).await.unwrap();
    let all = page(&*store, InboxStart::Skip(0), 100).await;
    assert_eq!((all.total, all.more), (5, false));
    all.items
}

/// By time, then by id; pages by number and by cursor have no gaps and no repeats.
pub async fn a_list_is_newest_first(harness: &dyn NotificationHarness) {
    let store = harness.store();
    assert_eq!(page(&*store, InboxStart::Skip(0), 10).await, InboxPage { total: 0, items: Vec::new(), more: false });
    let all = five(harness).await;
    let mut sorted = all.clone();
    sorted.sort_by_key(|one| std::cmp::Reverse((one.created_at, one.id)));
    assert_eq!(all, sorted);
    let second = page(&*store, InboxStart::Skip(2), 2).await;
    assert_eq!((&second.items[..], second.more, second.total), (&all[2..4], true, 5));
    let last = page(&*store, InboxStart::Skip(4), 2).await;
    assert_eq!((&last.items[..], last.more), (&all[4..], false));
    let after = page(&*store, InboxStart::After(InboxCursor::of(&all[1])), 2).await;
    assert_eq!((&after.items[..], after.more, after.total), (&all[2..4], true, 5));
    assert_eq!(page(&*store, InboxStart::After(InboxCursor::of(&all[4])), 2).await.items, []);
    assert_eq!(page(&*store, InboxStart::Skip(100), 2).await.items, []);
}

/// The first time counts; what is another user's is not there.
pub async fn reading_is_idempotent_and_ones_own(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let all = five(harness).await;
    assert_eq!(store.unread(user(1)).await.unwrap(), 5);
    let read = store.read(user(1), all[0].id, day(1)).await.unwrap().unwrap();
    assert_eq!(read, Notification { read_at: Some(day(1)), ..all[0].clone() });
    assert_eq!(store.read(user(1), all[0].id, day(2)).await.unwrap(), Some(read));
    assert_eq!(store.unread(user(1)).await.unwrap(), 4);
    assert_eq!(store.read(user(2), all[1].id, day(1)).await.unwrap(), None);
    assert_eq!(store.read(user(1), notification(99), day(1)).await.unwrap(), None);
    assert_eq!((store.unread(user(1)).await.unwrap(), store.unread(user(2)).await.unwrap()), (4, 1));
    assert_eq!(store.unread(user(3)).await.unwrap(), 0);
}

/// Up to a time, and of this user.
pub async fn read_all_spares_what_came_later(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let first = five(harness).await;
    harness.pass(SHORT).await;
    accepted(&*store, 6).await;
    store.read(user(1), first[2].id, day(1)).await.unwrap();
    assert_eq!(store.read_all(user(1), first[0].created_at, day(2)).await.unwrap(), 4);
    assert_eq!(store.read_all(user(1), first[0].created_at, day(3)).await.unwrap(), 0);
    let read: Vec<_> = page(&*store, InboxStart::Skip(0), 10).await.items.iter().map(|one| one.read_at).collect();
    let all = Some(day(2));
    assert_eq!(read, [None, all, all, Some(day(1)), all, all]);
    assert_eq!((store.unread(user(1)).await.unwrap(), store.unread(user(2)).await.unwrap()), (1, 1));
}

/// From any position, in their order, without gaps.
pub async fn changes_tell_what_is_new_and_what_was_read(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let changes = async |after, limit| store.changes(user(1), after, limit).await.unwrap();
    let start = changes(None, 10).await;
    assert_eq!((start.items.len(), start.more, start.unread), (0, false, 0));
    let all = five(harness).await;
    let new = changes(Some(start.position), 10).await;
    assert_eq!((new.items.len(), new.more, new.unread), (5, false, 5));
    let oldest_first: Vec<_> = all.iter().rev().cloned().collect();
    let mut told: Vec<_> = new.items.iter().map(|(_, one)| one.clone()).collect();
    told.sort_by_key(|one| (one.created_at, one.id));
    assert_eq!(told, oldest_first);
    assert!(new.items.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(new.items.last().map(|(at, _)| *at), Some(new.position));
    assert_eq!(changes(Some(new.position), 10).await.items, []);
    // In parts.
    let part = changes(Some(start.position), 2).await;
    assert_eq!((part.items.len(), part.more, part.position), (2, true, part.items[1].0));
    let rest = changes(Some(part.position), 10).await;
    assert_eq!([&part.items[..], &rest.items[..]].concat(), new.items);
    // What is read moves to the end; reading it again does not move it.
    store.read(user(1), all[4].id, day(1)).await.unwrap();
    let read = changes(Some(new.position), 10).await;
    assert_eq!((read.items.len(), read.items[0].1.read_at, read.unread), (1, Some(day(1)), 4));
    store.read(user(1), all[4].id, day(2)).await.unwrap();
    assert_eq!(changes(Some(read.position), 10).await.items, []);
    store.read_all(user(1), all[0].created_at, day(3)).await.unwrap();
    let rest = changes(Some(read.position), 3).await;
    assert_eq!((rest.items.len(), rest.more, rest.unread), (3, true, 0));
    assert_eq!(changes(Some(rest.position), 3).await.items.len(), 1);
    assert_eq!(changes(Some(InboxPosition(1 << 40)), 3).await.items, []);
}
