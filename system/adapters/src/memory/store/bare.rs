//! Writes behind the system's back, as a database administrator makes them: the version is raised and the change captured,
//! as the triggers of a real database do it, but no event is born and nobody is told.

use coherence::{Timestamp, VersionId, mutant};
use domain::model::{Forecast, ForecastId, microseconds};
use domain::ports::StoreError;
use tokio::time::Instant;

use super::MemoryStore;
use super::tables::{Moment, Tables};

impl MemoryStore {
    /// Changes a row; answers its new version. A version that `change` sets counts only if it is higher than the old one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such row, [`StoreError::NaturalKeyTaken`] if another row has its new key.
    pub fn bare_update(&self, id: ForecastId, change: impl FnOnce(&mut Forecast)) -> Result<VersionId, StoreError> {
        self.behind(|tables, moment| {
            let actual = tables.version_of(id);
            let Some(before) = tables.rows.get(&id) else { return Err(StoreError::Conflict { id, actual }) };
            let mut after = before.clone();
            change(&mut after);
            after.id = id;
            after.version_id = after.version_id.max(actual.next());
            put(tables, after, moment)
        })
    }

    /// Deletes a row; answers its tombstone's version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is no such row.
    pub fn bare_delete(&self, id: ForecastId) -> Result<VersionId, StoreError> {
        self.behind(|tables, moment| {
            let actual = tables.version_of(id);
            if !tables.rows.contains_key(&id) {
                return Err(StoreError::Conflict { id, actual });
            }
            tables.write_row(id, actual.next(), None, moment);
            Ok(actual.next())
        })
    }

    /// Inserts a row, which continues from its tombstone; answers its version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is there already, [`StoreError::NaturalKeyTaken`] if another row has its key.
    pub fn bare_insert(&self, row: Forecast) -> Result<VersionId, StoreError> {
        self.behind(|tables, moment| {
            let actual = tables.version_of(row.id);
            if tables.rows.contains_key(&row.id) {
                return Err(StoreError::Conflict { id: row.id, actual });
            }
            let continued = row.version_id.max(actual.next());
            let version_id = if mutant!(TombstoneNotContinued) { VersionId(1) } else { continued };
            put(tables, Forecast { version_id, ..row }, moment)
        })
    }

    fn behind<T>(&self, act: impl FnOnce(&mut Tables, &Moment<'_>) -> T) -> T {
        let wall: Timestamp = microseconds(self.shared.clock.now());
        act(&mut self.tables(), &Moment { wall, now: Instant::now(), traceparent: None })
    }
}

fn put(tables: &mut Tables, after: Forecast, moment: &Moment<'_>) -> Result<VersionId, StoreError> {
    let holder = tables.natural_keys.get(&after.natural_key()).copied();
    if let Some(existing) = holder.filter(|holder| *holder != after.id) {
        return Err(StoreError::NaturalKeyTaken { existing });
    }
    let (id, version) = (after.id, after.version_id);
    tables.write_row(id, version, Some(after), moment);
    Ok(version)
}
