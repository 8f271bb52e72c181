//! The rows, their tombstones, the capture and the kept answers; what a commit checks and writes.

use std::collections::BTreeMap;
use std::time::Duration;

use coherence::{Incarnation, Timestamp, Version, VersionId, mutant};
use domain::model::{Forecast, ForecastId, NaturalKey, Placement};
use domain::ports::{IdempotencyKey, IdempotencyRecord, LeaseName, Lookup, Operation, RowWrite, StoreError, WriteSet};
use tokio::time::Instant;

use super::leases::LeaseRow;
use super::outbox::OutboxTable;
use super::parking::ParkedTable;
use crate::memory::MemoryStoreConfig;

#[derive(Clone)]
struct Tombstone {
    version: VersionId,
    kept_since: Instant,
}

/// One change of a row, as the feed tells it.
#[derive(Clone)]
pub(super) struct Captured {
    pub(super) operation: Operation,
    pub(super) id: ForecastId,
    pub(super) version: VersionId,
    pub(super) after: Option<Forecast>,
    pub(super) before: Option<Placement>,
    pub(super) committed_at: Timestamp,
    pub(super) traceparent: Option<String>,
    kept_since: Instant,
}

/// When a write happens, by the two clocks, and the trace that it belongs to.
pub(super) struct Moment<'w> {
    pub(super) wall: Timestamp,
    pub(super) now: Instant,
    pub(super) traceparent: Option<&'w str>,
}

/// All that the store holds.
#[derive(Clone)]
pub(super) struct Tables {
    pub(super) incarnation: Incarnation,
    pub(super) rows: BTreeMap<ForecastId, Forecast>,
    pub(super) natural_keys: BTreeMap<NaturalKey, ForecastId>,
    tombstones: BTreeMap<ForecastId, Tombstone>,
    pub(super) capture: BTreeMap<u64, Captured>,
    /// The position of the last change, also when it was pruned.
    pub(super) capture_end: u64,
    /// Changes up to here were pruned.
    pub(super) capture_floor: u64,
    answers: BTreeMap<IdempotencyKey, IdempotencyRecord>,
    pub(super) leases: BTreeMap<LeaseName, LeaseRow>,
    pub(super) outbox: OutboxTable,
    pub(super) parked: ParkedTable,
}

impl Tables {
    pub(super) fn new() -> Self {
        Self {
            incarnation: Incarnation(1),
            rows: BTreeMap::new(),
            natural_keys: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            capture: BTreeMap::new(),
            capture_end: 0,
            capture_floor: 0,
            answers: BTreeMap::new(),
            leases: BTreeMap::new(),
            outbox: OutboxTable::default(),
            parked: ParkedTable::default(),
        }
    }

    pub(super) fn lookup(&self, id: ForecastId) -> Lookup {
        match self.rows.get(&id) {
            Some(row) => Lookup::Found { forecast: row.clone(), incarnation: self.incarnation },
            None => Lookup::Absent { version: Version { incarnation: self.incarnation, id: self.version_of(id) } },
        }
    }

    pub(super) fn answer(&self, key: &IdempotencyKey, now: Timestamp) -> Option<&IdempotencyRecord> {
        self.answers.get(key).filter(|record| record.expires_at > now)
    }

    /// The version of a row or its tombstone; 0 if there never was one.
    pub(super) fn version_of(&self, id: ForecastId) -> VersionId {
        let row = self.rows.get(&id).map(|row| row.version_id);
        row.or_else(|| self.tombstones.get(&id).map(|tombstone| tombstone.version)).unwrap_or_default()
    }

    /// Whether all of `set` can be written. Changes nothing.
    pub(super) fn check(&self, set: &WriteSet, now: Timestamp) -> Result<(), StoreError> {
        if set.incarnation != self.incarnation {
            return Err(StoreError::IncarnationChanged { actual: self.incarnation });
        }
        if set.idempotency.as_ref().is_some_and(|record| self.answer(&record.key, now).is_some()) {
            return Err(StoreError::IdempotencyKeyTaken);
        }
        // The natural keys as they would be after the rows so far: `None` says freed.
        let mut keys: BTreeMap<NaturalKey, Option<ForecastId>> = BTreeMap::new();
        for write in &set.rows {
            self.check_row(write)?;
            if let Some(before) = self.rows.get(&write.id) {
                keys.insert(before.natural_key(), None);
            }
            let Some(key) = write.after.as_ref().map(Forecast::natural_key) else { continue };
            let holder = keys.get(&key).copied().unwrap_or_else(|| self.natural_keys.get(&key).copied());
            if let Some(existing) = holder.filter(|holder| *holder != write.id) {
                return Err(StoreError::NaturalKeyTaken { existing });
            }
            keys.insert(key, Some(write.id));
        }
        Ok(())
    }

    fn check_row(&self, write: &RowWrite) -> Result<(), StoreError> {
        let actual = self.version_of(write.id);
        let deletes_nothing = write.after.is_none() && !self.rows.contains_key(&write.id);
        let is_outrun = actual != write.expected && !mutant!(ExpectationIgnored);
        if is_outrun || deletes_nothing {
            return Err(StoreError::Conflict { id: write.id, actual });
        }
        match &write.after {
            Some(after) if after.id != write.id || after.version_id != write.expected.next() => {
                Err(StoreError::Corrupt(format!("the write of {} does not follow version {actual}", write.id)))
            }
            _ => Ok(()),
        }
    }

    /// Writes a set that was checked.
    pub(super) fn write(&mut self, set: WriteSet, wall: Timestamp, now: Instant) {
        let moment = Moment { wall, now, traceparent: set.traceparent.as_deref() };
        for write in set.rows {
            self.write_row(write.id, write.expected.next(), write.after, &moment);
        }
        if let Some(record) = set.idempotency {
            self.answers.insert(record.key.clone(), record);
        }
    }

    /// Puts `after` in the place of the row, or a tombstone of this version, and captures it.
    pub(super) fn write_row(
        &mut self,
        id: ForecastId,
        version: VersionId,
        after: Option<Forecast>,
        moment: &Moment<'_>,
    ) {
        let before = self.rows.remove(&id);
        if let Some(before) = &before {
            self.natural_keys.remove(&before.natural_key());
        }
        let operation = match (&before, &after) {
            (_, None) => Operation::Delete,
            (None, Some(_)) => Operation::Insert,
            (Some(_), Some(_)) => Operation::Update,
        };
        match &after {
            Some(after) => {
                self.tombstones.remove(&id);
                self.natural_keys.insert(after.natural_key(), id);
                self.rows.insert(id, after.clone());
            }
            None if mutant!(TombstoneLost) => {}
            None => {
                self.tombstones.insert(id, Tombstone { version, kept_since: moment.now });
            }
        }
        let before = before.map(|row| row.placement());
        self.capture_end += 1;
        let traceparent = moment.traceparent.map(str::to_owned);
        let (committed_at, kept_since) = (moment.wall, moment.now);
        let change = Captured { operation, id, version, after, before, committed_at, traceparent, kept_since };
        self.capture.insert(self.capture_end, change);
    }

    /// Forgets what has been kept long enough.
    pub(super) fn prune(&mut self, config: &MemoryStoreConfig, now: Instant, wall: Timestamp) {
        let is_old = |since: Instant, life: Duration| now.saturating_duration_since(since) >= life;
        while let Some(oldest) = self.capture.first_entry() {
            if !is_old(oldest.get().kept_since, config.retention) {
                break;
            }
            self.capture_floor = *oldest.key();
            oldest.remove();
        }
        self.tombstones.retain(|_, tombstone| !is_old(tombstone.kept_since, config.tombstone_retention));
        self.answers.retain(|_, record| record.expires_at > wall);
    }
}
