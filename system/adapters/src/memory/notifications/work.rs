//! What is due, and who holds it. A row that is held stands where its claim's life ends: until then nobody finds it.

use std::collections::BTreeSet;
use std::time::Duration;

use coherence::Timestamp;
use domain::notification::model::{
    Channel, ClaimId, DeliveryId, DeliveryStage, DeliveryStatus, DeviceId, NotificationId,
};
use domain::ports::{CLAIM_LIFE_MAX, Claim};
use tokio::time::Instant;

use super::tables::Tables;

/// A delivery, with whoever holds it.
#[derive(Debug, Clone)]
pub(super) struct DeliveryRow {
    pub(super) channel: Channel,
    pub(super) notification: Option<NotificationId>,
    pub(super) device: Option<DeviceId>,
    pub(super) status: DeliveryStatus,
    pub(super) attempts: u32,
    pub(super) last_error: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// When it was accepted, or last sent again.
    pub(super) waits_since: Timestamp,
    /// When it is to be tried.
    pub(super) due: Instant,
    pub(super) held: Option<Held>,
    /// The order of what is due at the same time.
    pub(super) order: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) by: ClaimId,
    pub(super) until: Instant,
}

/// What waits at one stage, by the time from which on somebody may take it.
pub(super) type Waiting = BTreeSet<(Instant, u64, DeliveryId)>;

impl DeliveryRow {
    pub(super) fn stage(&self) -> Option<DeliveryStage> {
        DeliveryStage::of(self.channel, self.status)
    }

    fn place(&self, id: DeliveryId) -> (Instant, u64, DeliveryId) {
        (self.held.map_or(self.due, |held| held.until), self.order, id)
    }

    pub(super) fn is_held_by(&self, claim: ClaimId) -> bool {
        self.held.is_some_and(|held| held.by == claim)
    }
}

impl Tables {
    /// Changes a delivery; its place among what waits follows.
    pub(super) fn change(&mut self, id: DeliveryId, change: impl FnOnce(&mut DeliveryRow)) {
        let Some(row) = self.deliveries.get_mut(&id) else { return };
        if let Some(stage) = row.stage() {
            self.waiting.entry(stage).or_default().remove(&row.place(id));
        }
        change(row);
        if let Some(stage) = row.stage() {
            self.waiting.entry(stage).or_default().insert(row.place(id));
        }
    }

    /// Adds a delivery.
    pub(super) fn add(&mut self, id: DeliveryId, row: DeliveryRow) {
        if let Some(stage) = row.stage() {
            self.waiting.entry(stage).or_default().insert(row.place(id));
        }
        self.deliveries.insert(id, row);
    }

    /// Takes a delivery away.
    pub(super) fn drop_delivery(&mut self, id: DeliveryId) {
        if let Some(row) = self.deliveries.remove(&id)
            && let Some(stage) = row.stage()
        {
            self.waiting.entry(stage).or_default().remove(&row.place(id));
        }
    }

    /// What can be taken at this stage, at most `limit`.
    pub(super) fn due(&self, stage: DeliveryStage, now: Instant, limit: u32) -> Vec<DeliveryId> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let waiting = self.waiting.get(&stage).into_iter().flatten();
        waiting.take_while(|(at, ..)| *at <= now).take(limit).map(|(.., id)| *id).collect()
    }

    /// When the next thing can be taken at this stage.
    pub(super) fn next_due(&self, stage: DeliveryStage, now: Instant) -> Option<Duration> {
        let (at, ..) = self.waiting.get(&stage)?.first()?;
        Some(at.saturating_duration_since(now))
    }

    /// Gives a delivery to a claim.
    pub(super) fn hold(&mut self, id: DeliveryId, claim: &Claim, now: Instant) {
        let until = now + claim.life.min(CLAIM_LIFE_MAX);
        self.change(id, |row| row.held = Some(Held { by: claim.id, until }));
    }
}
