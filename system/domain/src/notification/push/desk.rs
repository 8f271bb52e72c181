//! What the sender holds, and what becomes of it: no waiting here, only deciding.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Ended;
use super::guard::{Removal, RemovalGuard};
use super::lane::{Lanes, Turn};
use super::slots::{Pace, Slot, Slots};
use super::verdict::{Verdict, origin_works, verdict};
use super::{PushConfig, PushGateways, PushStatusHandle};
use crate::notification::alerts::AlertKind;
use crate::notification::meter::{Delivered, since};
use crate::notification::model::{Channel, ClaimId, DELIVERY_ERROR_CHARS_MAX, DeliveryStatus, IntegrationType, cut};
use crate::notification::ports::Shared;
use crate::ports::{PushError, PushIntent, PushOrigin, PushOutcome, PushReport};

/// A claim must outlive an attempt by this: its result has to be written down.
const MARGIN: Duration = Duration::from_secs(5);
const LATE: &str = "its turn did not come in time";
const NO_GATEWAY: &str = "this kind of push service is not configured";
const TOO_OLD: &str = "its push service could not be reached for too long";
const LEFT_ALONE: &str = "its push service is left alone";

/// A push that this sender holds.
pub(super) struct Held {
    pub(super) intent: PushIntent,
    pub(super) origin: PushOrigin,
    pub(super) attempts: u32,
    claim: ClaimId,
    /// When the claim ends, by a clock that began before the store's.
    until: Instant,
}

/// All that the sender holds.
pub(super) struct Desk {
    pub(super) shared: Shared,
    pub(super) config: PushConfig,
    pub(super) gateways: PushGateways,
    pub(super) status: PushStatusHandle,
    pub(super) lanes: Lanes,
    pub(super) slots: Slots,
    pub(super) held: usize,
    /// How much is held of each claim.
    claims: BTreeMap<ClaimId, usize>,
    /// Waits for its next attempt.
    later: BTreeMap<(Instant, u64), Held>,
    order: u64,
    /// To be written down.
    reports: BTreeMap<ClaimId, Vec<PushReport>>,
    guard: RemovalGuard,
}

impl Desk {
    pub(super) fn new(shared: Shared, config: PushConfig, gateways: PushGateways, status: PushStatusHandle) -> Self {
        Self {
            shared,
            config,
            gateways,
            status,
            lanes: Lanes::default(),
            slots: Slots::default(),
            held: 0,
            claims: BTreeMap::new(),
            later: BTreeMap::new(),
            order: 0,
            reports: BTreeMap::new(),
            guard: RemovalGuard::default(),
        }
    }

    /// Takes up what was claimed; the claim ends at `until`.
    pub(super) fn take_up(&mut self, intents: Vec<PushIntent>, claim: ClaimId, until: Instant) {
        self.status.update(|status| status.claimed += intents.len() as u64);
        let now = self.shared.ports.clock.now();
        for intent in intents {
            self.held += 1;
            *self.claims.entry(claim).or_default() += 1;
            let kind = IntegrationType::of(&intent.device.target);
            let gateway = self.gateways.of(kind);
            let origin = gateway.map(|gateway| gateway.origin(&intent.device.target));
            let age = since(intent.waits_since, now);
            let is_old = age > self.config.ttl || (age > self.config.give_up_after && intent.attempts > 0);
            let held = |origin| Held { attempts: intent.attempts, intent, origin, claim, until };
            match origin {
                Some(origin) if is_old => self.give_up(held(origin), TOO_OLD),
                Some(origin) => self.lanes.add(held(origin), &self.config),
                None => self.give_up(held(PushOrigin("".into())), NO_GATEWAY),
            }
        }
    }

    /// What changes by the time alone. To be called before [`Desk::next`].
    pub(super) fn settle(&mut self, now: Instant) {
        self.lanes.tidy(now);
        self.wake_later(now);
        self.slots.settle(now, &mut self.lanes, &self.config);
    }

    /// The next push whose turn it is, with a place for its attempt.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Held, Slot)> {
        while self.slots.has_room(&self.config) {
            match self.lanes.next(now, &self.config) {
                Turn::Go(held) if now + self.config.attempt_timeout + MARGIN <= held.until => {
                    let slot = self.slots.take(now, held.origin.clone());
                    return Some((held, slot));
                }
                Turn::Go(held) => {
                    self.lanes.ended(&held.origin, Pace::Quick, None, now, &self.config);
                    self.defer(held, Duration::ZERO, LATE);
                }
                Turn::Back(held, until) => {
                    let wait = until.saturating_duration_since(now);
                    // Not all at once when it is over.
                    let wait = wait.mul_f64(1.0 + self.config.spread * self.shared.ports.rng.factor(1.0) / 2.0);
                    self.defer(held, wait, LEFT_ALONE);
                }
                Turn::Nobody => break,
            }
        }
        None
    }

    /// An attempt ended.
    pub(super) fn ended(&mut self, ended: Ended, now: Instant) {
        let Ended { mut held, slot, result } = ended;
        let pace = self.slots.give_back(slot);
        held.attempts += 1;
        let opened = self.lanes.ended(&held.origin, pace, origin_works(&result), now, &self.config);
        if opened {
            tracing::warn!(origin = %held.origin.0, "a push service does not answer; it is left alone for a while");
        }
        self.status.update(|status| status.attempts += 1);
        let error = match result {
            Ok(_) => {
                self.guard.is_there(now, &self.config.guard);
                return self.report(held, PushOutcome::Sent);
            }
            Err(error) => error,
        };
        if let PushError::Unauthorized { .. } = &error {
            self.raise(AlertKind::UnauthorizedSender, &held, &error.to_string());
        }
        match verdict(&error, held.attempts, &self.config, &*self.shared.ports.rng) {
            Verdict::Report(PushOutcome::Failed { error: text }) => {
                if error.is_retryable() {
                    self.raise(AlertKind::PushFailing, &held, &text);
                }
                self.report(held, PushOutcome::Failed { error: text });
            }
            Verdict::Report(outcome) => self.report(held, outcome),
            Verdict::Gone(text) => self.gone(held, text, now),
            // The claim must outlive the next attempt, too.
            Verdict::Again(wait, text) if now + wait + self.config.attempt_timeout + MARGIN > held.until => {
                self.report(held, PushOutcome::Retry { after: wait, error: text });
            }
            Verdict::Again(wait, _) => {
                self.order += 1;
                self.later.insert((now + wait, self.order), held);
            }
        }
    }

    /// A person must look. FCM is ours; the push service of a browser is named by whoever registers it.
    fn raise(&self, kind: AlertKind, held: &Held, detail: &str) {
        let (alerts, origin) = (&self.shared.alerts, &*held.origin.0);
        match IntegrationType::of(&held.intent.device.target) {
            IntegrationType::Fcm => alerts.raise(kind, origin, detail),
            IntegrationType::WebPush => alerts.raise_of_users(kind, origin, detail),
        }
    }

    fn gone(&mut self, held: Held, text: String, now: Instant) {
        match self.guard.seems_gone(now, &self.config.guard) {
            Removal::Allowed => self.report(held, PushOutcome::Removed { error: text }),
            stopped => {
                if stopped == Removal::StoppedNow {
                    self.raise(AlertKind::MassRemoval, &held, &text);
                }
                self.report(held, PushOutcome::Failed { error: format!("{text}; too many seem gone: it was kept") });
            }
        }
    }

    fn give_up(&mut self, held: Held, why: &str) {
        if why == TOO_OLD {
            self.raise(AlertKind::PushFailing, &held, why);
        }
        self.report(held, PushOutcome::Failed { error: why.to_owned() });
    }

    fn defer(&mut self, held: Held, after: Duration, why: &str) {
        self.report(held, PushOutcome::Retry { after, error: why.to_owned() });
    }

    fn wake_later(&mut self, now: Instant) {
        while let Some(first) = self.later.first_entry() {
            if first.key().0 > now {
                break;
            }
            let held = first.remove();
            self.lanes.add(held, &self.config);
        }
    }

    /// When something is to be done without anybody saying so.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let later = self.later.first_key_value().map(|((at, _), _)| *at);
        let place = self.slots.next(&self.config).filter(|_| self.lanes.has_waiting());
        [later, place].into_iter().flatten().min()
    }

    fn report(&mut self, held: Held, outcome: PushOutcome) {
        self.count(&held, &outcome);
        self.held -= 1;
        if let Some(left) = self.claims.get_mut(&held.claim) {
            *left -= 1;
            if *left == 0 {
                self.claims.remove(&held.claim);
            }
        }
        let outcome = shortened(outcome);
        let report = PushReport { id: held.intent.id, attempts: held.attempts, outcome };
        self.reports.entry(held.claim).or_default().push(report);
    }

    fn count(&self, held: &Held, outcome: &PushOutcome) {
        let status = match outcome {
            PushOutcome::Sent => DeliveryStatus::Sent,
            PushOutcome::Failed { .. } | PushOutcome::MustResubscribe { .. } => DeliveryStatus::Failed,
            PushOutcome::Removed { .. } => DeliveryStatus::Removed,
            PushOutcome::Retry { .. } => return self.status.update(|status| status.deferred += 1),
        };
        self.status.update(|counts| match outcome {
            PushOutcome::Sent => counts.sent += 1,
            PushOutcome::Removed { .. } => counts.removed += 1,
            PushOutcome::MustResubscribe { .. } => {
                (counts.failed, counts.flagged) = (counts.failed + 1, counts.flagged + 1)
            }
            PushOutcome::Failed { .. } | PushOutcome::Retry { .. } => counts.failed += 1,
        });
        self.shared.meter.delivered(Delivered {
            channel: Channel::PushNotification,
            provider: Some(IntegrationType::of(&held.intent.device.target)),
            status,
            took: since(held.intent.waits_since, self.shared.ports.clock.now()),
        });
    }

    /// What is to be written down next, of one claim.
    pub(super) fn next_reports(&mut self) -> Option<(ClaimId, Vec<PushReport>)> {
        self.reports.pop_first()
    }

    /// The claims of which something is held.
    pub(super) fn held_claims(&self) -> Vec<ClaimId> {
        self.claims.keys().copied().collect()
    }

    /// Shows where it stands.
    pub(super) fn show(&self) {
        self.status.update(|status| {
            (status.held, status.running) = (self.held, self.slots.running());
            (status.origins, status.open_breakers) = (self.lanes.origins(), self.lanes.open_breakers());
            status.removal_stopped = self.guard.is_stopped();
        });
    }
}

fn shortened(outcome: PushOutcome) -> PushOutcome {
    let short = |error: String| cut(&error, DELIVERY_ERROR_CHARS_MAX).to_owned();
    match outcome {
        PushOutcome::Sent => PushOutcome::Sent,
        PushOutcome::Retry { after, error } => PushOutcome::Retry { after, error: short(error) },
        PushOutcome::Failed { error } => PushOutcome::Failed { error: short(error) },
        PushOutcome::Removed { error } => PushOutcome::Removed { error: short(error) },
        PushOutcome::MustResubscribe { error } => PushOutcome::MustResubscribe { error: short(error) },
    }
}
