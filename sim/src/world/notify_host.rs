//! The store of notifications on the store's host, and what the log must know of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapters::memory::MemoryNotifications;
use domain::model::UserId;
use domain::notification::model::{Channel, ClaimId, Delivery, DeliveryId, DeviceId, NotificationId, target_address};
use domain::ports::{
    Acceptance, Acceptances, Accepted, Backlog, Claim, ClaimedMails, ClaimedWork, Deliveries, Devices, ForUser, Inbox,
    InboxQuery, InboxStart, MailOutcome, MailProgress, MailQueue, NotificationStoreError, PushIntent, PushIntents,
    PushOutcome, PushReport, UnknownPolicy,
};

use super::providers::{carrier_of, number_in};
use crate::log::{Acceptance as Noted, Event, InboxRow, MAIL, Notified, Outcome, Part, Work};
use crate::wire::Net;

/// More than one user ever gets.
const INBOX_MAX: u32 = 10_000;

/// The store with its log. Clones share everything.
#[derive(Clone)]
pub struct NotifyHost {
    /// The store itself.
    pub store: MemoryNotifications,
    net: Net,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// Where each device is, also one that is gone.
    addresses: BTreeMap<DeviceId, String>,
    /// All that was accepted.
    notifications: Vec<NotificationId>,
    /// Whose each mail was last.
    mails: BTreeMap<DeliveryId, ClaimId>,
}

fn part(delivery: &Delivery, known: &Known) -> Option<Part> {
    let carrier = match delivery.channel {
        Channel::InApp => return None,
        Channel::Email => MAIL.to_owned(),
        Channel::PushNotification => {
            let address = delivery.device_id.and_then(|device| known.addresses.get(&device));
            address.map(|address| carrier_of(address)).unwrap_or_default()
        }
    };
    let (status, is_final) = (delivery.status.name().to_owned(), delivery.status.is_final());
    Some(Part { delivery: delivery.id.0, carrier, status, is_final })
}

fn push_outcome(outcome: &PushOutcome) -> Outcome {
    match outcome {
        PushOutcome::Sent => Outcome::Sent,
        PushOutcome::Retry { .. } => Outcome::Later,
        PushOutcome::Failed { .. } | PushOutcome::Removed { .. } | PushOutcome::MustResubscribe { .. } => Outcome::Over,
    }
}

impl NotifyHost {
    /// A store with its log, on the host of `net`.
    pub fn new(store: MemoryNotifications, net: Net) -> Self {
        Self { store, net, known: Arc::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, what: Notified) {
        self.net.log.record(&self.net.host, None, Event::Notify(what));
    }

    fn until_ms(&self, claim: &Claim) -> u64 {
        self.net.time.now_ms() + u64::try_from(claim.life.as_millis()).unwrap_or(u64::MAX)
    }

    /// The ways of a notification, beside the inbox.
    async fn parts(&self, id: NotificationId) -> Vec<Part> {
        let log = self.store.deliveries(id).await.ok().flatten();
        let deliveries = log.map(|log| log.deliveries).unwrap_or_default();
        deliveries.iter().filter_map(|delivery| part(delivery, &self.known())).collect()
    }

    async fn accepted(&self, event: uuid::Uuid, user: &ForUser, id: NotificationId) {
        for device in self.store.devices(user.user_id).await.unwrap_or_default() {
            self.known().addresses.insert(device.id, target_address(&device.target).to_owned());
        }
        let noted = Noted {
            event,
            user: user.user_id.0,
            notification: id.0,
            about: number_in(user.body.as_str()),
            in_app: user.channels.contains(Channel::InApp),
            parts: self.parts(id).await,
        };
        self.known().notifications.push(id);
        self.note(Notified::Accepted(noted));
    }

    pub(crate) async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, NotificationStoreError> {
        let (event, users) = (acceptance.event_id, acceptance.users.clone());
        let accepted = self.store.accept(acceptance).await?;
        for (user, accepted) in users.iter().zip(&accepted.users) {
            match accepted.is_new {
                true => self.accepted(event.0, user, accepted.id).await,
                false => self.net.mark("notification_accepted_before"),
            }
        }
        Ok(accepted)
    }

    pub(crate) async fn claim_pushes(
        &self,
        by: String,
        claim: Claim,
    ) -> Result<ClaimedWork<PushIntent>, NotificationStoreError> {
        let claimed = self.store.claim_pushes(claim).await?;
        let work = |intent: &PushIntent| {
            let address = target_address(&intent.device.target).to_owned();
            let push = Some((address, intent.event_id.0.as_simple().to_string()));
            Work { delivery: intent.id.0, push, resend: false }
        };
        if claimed.items.iter().any(|intent| intent.attempts > 0) {
            self.net.mark("push_taken_up_again");
        }
        if !claimed.items.is_empty() {
            let work = claimed.items.iter().map(work).collect();
            self.note(Notified::Claimed { claim: claim.id.0, by, until_ms: self.until_ms(&claim), work });
        }
        Ok(claimed)
    }

    pub(crate) async fn report_pushes(
        &self,
        claim: ClaimId,
        reports: Vec<PushReport>,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        let refused = self.store.report_pushes(claim, reports.clone()).await?;
        for report in reports.iter().filter(|report| !refused.contains(&report.id)) {
            match &report.outcome {
                PushOutcome::Removed { .. } => self.net.mark("device_removed"),
                PushOutcome::Retry { .. } => self.net.mark("push_put_off"),
                PushOutcome::MustResubscribe { .. } => self.net.mark("device_must_resubscribe"),
                PushOutcome::Sent | PushOutcome::Failed { .. } => {}
            }
            let outcome = push_outcome(&report.outcome);
            self.note(Notified::Reported { claim: claim.0, delivery: report.id.0, outcome });
        }
        if !refused.is_empty() {
            self.net.mark("push_report_refused");
        }
        Ok(refused)
    }

    pub(crate) async fn claim_mails(&self, by: String, claim: Claim) -> Result<ClaimedMails, NotificationStoreError> {
        let claimed = self.store.claim_mails(claim).await?;
        if claimed.held > 0 {
            self.net.mark("mail_held_unknown");
        }
        self.known().mails.extend(claimed.mails.iter().map(|mail| (mail.id, claim.id)));
        if !claimed.mails.is_empty() {
            let work = claimed.mails.iter().map(|mail| Work {
                delivery: mail.id.0,
                push: None,
                resend: mail.on_unknown == UnknownPolicy::Resend,
            });
            let work = work.collect();
            self.note(Notified::Claimed { claim: claim.id.0, by, until_ms: self.until_ms(&claim), work });
        }
        Ok(claimed)
    }

    pub(crate) async fn progress_mails(
        &self,
        progress: MailProgress,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        let (claim, reports) = (progress.claim.0, progress.reports.clone());
        let may_go = self.store.progress_mails(progress).await?;
        let is_its_own = |id: &DeliveryId| self.known().mails.get(id).is_some_and(|holder| holder.0 == claim);
        for report in reports.into_iter().filter(|report| is_its_own(&report.id)) {
            let outcome = match report.outcome {
                MailOutcome::Sent => Outcome::Sent,
                MailOutcome::Retry { .. } => Outcome::Later,
                MailOutcome::Failed { .. } => Outcome::Over,
                MailOutcome::Unknown { .. } => Outcome::Unknown,
            };
            self.note(Notified::Reported { claim, delivery: report.id.0, outcome });
        }
        if !may_go.is_empty() {
            let mails = may_go.iter().map(|id| id.0).collect();
            self.note(Notified::Marked { claim, mails });
        }
        Ok(may_go)
    }

    /// What waits.
    pub async fn backlog(&self) -> Backlog {
        self.store.backlog().await.unwrap_or_default()
    }

    /// Writes down how far everything has come: in the end, or before.
    pub async fn look(&self, is_end: bool) {
        let all = self.known().notifications.clone();
        for id in all {
            let (notification, parts) = (id.0, self.parts(id).await);
            self.note(match is_end {
                true => Notified::Ended { notification, parts },
                false => Notified::Stands { notification, parts },
            });
        }
    }

    /// Writes down what is in an inbox.
    pub async fn look_at_inbox(&self, user: UserId) {
        let query = InboxQuery { user_id: user, start: InboxStart::Skip(0), take: INBOX_MAX };
        let items = self.store.list(&query).await.map(|page| page.items).unwrap_or_default();
        let row = |item: &domain::notification::model::Notification| InboxRow {
            notification: item.id.0,
            about: number_in(item.body.as_str()),
            read: item.read_at.is_some(),
        };
        self.note(Notified::Inbox { user: user.0, rows: items.iter().map(row).collect() });
    }

    /// All is told about the end.
    pub fn close(&self) {
        self.note(Notified::Closed);
    }
}
