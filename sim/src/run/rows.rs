//! The rows of the world: few enough that everything happens to each of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coherence::{Timestamp, VersionId};
use domain::model::{CompanyId, Forecast, ForecastId, Status, UnitId};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::dice::Dice;
use crate::world::START_UNIX_S;

/// The companies.
pub(super) const COMPANIES: [Uuid; 2] = [Uuid::from_u128(0xc1), Uuid::from_u128(0xc2)];
const UNITS: u64 = 3;
const DATES: u64 = 4;
/// The rows that are there from the begin on.
const FIRST_ROWS: u64 = 12;

/// The ids that clients know, shared by all.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory(Arc<Mutex<Ids>>);

#[derive(Debug, Default)]
struct Ids {
    there: Vec<Uuid>,
    /// As far as anybody was told: mostly not asked for, or most answers would be 404.
    gone: Vec<Uuid>,
}

impl Directory {
    fn lock(&self) -> MutexGuard<'_, Ids> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is there.
    pub(super) fn add(&self, id: Uuid) {
        let mut ids = self.lock();
        if !ids.there.contains(&id) {
            ids.gone.retain(|gone| *gone != id);
            ids.there.push(id);
        }
    }

    /// It is not.
    pub(super) fn remove(&self, id: Uuid) {
        let mut ids = self.lock();
        if ids.there.contains(&id) {
            ids.there.retain(|there| *there != id);
            ids.gone.push(id);
        }
    }

    pub(super) fn all(&self) -> Vec<Uuid> {
        let ids = self.lock();
        ids.there.iter().chain(&ids.gone).copied().collect()
    }

    pub(super) fn pick(&self, dice: &Dice) -> Option<Uuid> {
        let ids = self.lock();
        if ids.there.is_empty() || dice.permille(60) {
            return dice.pick(&ids.gone).or(ids.there.first()).copied();
        }
        // The first ones are asked for more often: hot keys.
        let end = if dice.permille(500) { ids.there.len().min(4) } else { ids.there.len() };
        dice.pick(&ids.there[..end]).copied()
    }

    /// One that is not there, if anybody knows one.
    pub(super) fn pick_gone(&self, dice: &Dice) -> Option<Uuid> {
        dice.pick(&self.lock().gone).copied()
    }
}

/// What tells a row apart: company, unit, date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) company: Uuid,
    pub(super) unit: Uuid,
    pub(super) date: Timestamp,
}

impl Place {
    fn of(number: u64) -> Self {
        let company = COMPANIES[usize::from(number % 2 == 1)];
        let unit = Uuid::from_u128(u128::from(0x10 + number / 2 % UNITS));
        let days = i64::try_from(number / (2 * UNITS) % DATES).unwrap_or_default();
        let start = Timestamp::from_second(START_UNIX_S).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = start.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(start);
        Self { company, unit, date }
    }

    pub(super) fn any(dice: &Dice) -> Self {
        Self::of(dice.below(2 * UNITS * DATES))
    }
}

/// The rows of the begin.
pub(super) fn first_rows() -> Vec<Forecast> {
    let row = |number| row(Uuid::from_u128(0xf0_0000 + u128::from(number)), Place::of(number));
    (0..FIRST_ROWS).map(row).collect()
}

/// A row as somebody inserts it by hand.
pub(super) fn row(id: Uuid, place: Place) -> Forecast {
    let start = Timestamp::from_second(START_UNIX_S).unwrap_or(Timestamp::UNIX_EPOCH);
    Forecast {
        id: ForecastId(id),
        company_id: CompanyId(place.company),
        production_unit_id: UnitId(place.unit),
        provider_id: None,
        forecast_date: place.date,
        demand: 100.0,
        supply: None,
        confidence_level: 0.5,
        status: Status::Pending,
        tags: Vec::new(),
        created_at: start,
        updated_at: start,
        version_id: VersionId(1),
    }
}
