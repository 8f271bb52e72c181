//! Deadlines and counts around the store of notifications.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::layers::meter::{Call, MeterNotifications};
use adapters::layers::timeout::TimeoutNotifications;
use adapters::memory::{MemoryNotifications, NotificationFault};
use adapters::system::SystemClock;
use coherence::Timestamp;
use domain::conformance::notifications::samples::*;
use domain::conformance::samples::company;
use domain::notification::model::{ClaimId, DeliveryId, MailAddress};
use domain::ports::*;
use tokio::time::Instant;
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(2);

macro_rules! each_call {
    ($store:expr, $check:ident) => {{
        let (store, at, id) = (&$store, Timestamp::UNIX_EPOCH, ClaimId(Uuid::nil()));
        let key = IdempotencyKey { caller: user(1), key: "k".to_owned() };
        let query = InboxQuery { user_id: user(1), start: InboxStart::Skip(0), take: 1 };
        let mails = MailEnqueue { key: event(1), items: Vec::new(), attachments: Vec::new() };
        let to_queue = MailsToQueue { claim: id, rows: Vec::new(), failed: Vec::new() };
        let progress = MailProgress { claim: id, reports: Vec::new(), sending: Vec::new() };
        let address = MailAddress::new("a@example.com").unwrap();
        let claim = claim(1, DEADLINE, 1);
        $check!(
            accept: store.accept(acceptance(1, Vec::new())), enqueue_mails: store.enqueue_mails(mails.clone()),
            answer: store.answer(&key), list: store.list(&query), read: store.read(user(1), notification(1), at),
            read_all: store.read_all(user(1), at, at), unread: store.unread(user(1)),
            changes: store.changes(user(1), None, 1), register: store.register(app(1, user(1))),
            devices: store.devices(user(1)), remove: store.remove(user(1), app(1, user(1)).id),
            preferences: store.preferences(user(1)), set_preferences: store.set_preferences(user(1), Vec::new()),
            recipients: store.recipients(company(1), None, None, 1),
            upsert_directory: store.upsert_directory(Vec::new(), Vec::new()), directory: store.directory(&[], None),
            claim_pushes: store.claim_pushes(claim), report_pushes: store.report_pushes(id, Vec::new()),
            claim_mail_intents: store.claim_mail_intents(claim), queue_mails: store.queue_mails(to_queue.clone()),
            claim_mails: store.claim_mails(claim), progress_mails: store.progress_mails(progress.clone()),
            attachments: store.attachments(&[]), release: store.release(id),
            suppress: store.suppress(&address, SuppressionReason::Refused), unsuppress: store.unsuppress(&address),
            suppressions: store.suppressions(None, 1), unsubscribe: store.unsubscribe("t"),
            deliveries: store.deliveries(notification(1)), resend: store.resend(Resend::One(DeliveryId(Uuid::nil()))),
            backlog: store.backlog(), prune: store.prune(at, at, at),
        );
    }};
}

#[tokio::test(start_paused = true)]
async fn every_call_on_a_silent_store_ends_at_the_deadline() {
    let inner = MemoryNotifications::new(Arc::new(SystemClock));
    let store = TimeoutNotifications::new(Arc::new(inner.clone()), DEADLINE);
    macro_rules! times_out {
        ($($name:ident: $call:expr),* $(,)?) => {
            $({
                inner.faults().once(stringify!($name), NotificationFault::Hang);
                let begun = Instant::now();
                assert!(matches!($call.await, Err(NotificationStoreError::Timeout)), stringify!($name));
                assert_eq!(begun.elapsed().as_secs(), DEADLINE.as_secs(), stringify!($name));
            })*
        };
    }
    each_call!(store, times_out);
}

#[tokio::test(start_paused = true)]
async fn a_meter_is_told_of_each_call_and_its_error() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&calls);
    let meter = Arc::new(move |call: Call| told.lock().unwrap().push((call.port, call.method, call.error)));
    let inner = MemoryNotifications::new(Arc::new(SystemClock));
    let store = MeterNotifications::new(Arc::new(inner.clone()), meter);
    let mut expected = Vec::new();
    macro_rules! is_told {
        ($($name:ident: $call:expr),* $(,)?) => {
            $({
                inner.faults().once(stringify!($name), NotificationFault::Before);
                assert!($call.await.is_err());
                expected.push(("notifications", stringify!($name), Some("unavailable")));
            })*
        };
    }
    each_call!(store, is_told);
    store.unread(user(1)).await.unwrap();
    expected.push(("notifications", "unread", None));
    assert_eq!(*calls.lock().unwrap(), expected);
}
