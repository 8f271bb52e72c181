//! The rows of the world: few enough that everything happens to each of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coherence::{Timestamp, VersionId};
use domain::model::{CompanyId, Forecast, ForecastId, Status, UnitId};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::dice::Dice;
use crate::log::Ver;
use crate::world::START_UNIX_S;

/// The companies.
pub(super) const COMPANIES: [Uuid; 2] = [Uuid::from_u128(0xc1), Uuid::from_u128(0xc2)];
const UNITS: u64 = 3;
const DATES: u64 = 6;
/// The rows that are there from the begin on.
const FIRST_ROWS: u64 = 12;

/// Of each new row.
pub(super) const FIRST_CONFIDENCE: f64 = 0.5;

/// So many ids are hot: they are asked for, and written, far more often than the others.
const HOT: usize = 4;

/// The ids that clients know, shared by all.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    ids: Vec<Uuid>,
    /// Those that were absent when somebody last looked.
    gone: BTreeSet<Uuid>,
    /// The row that appeared last, or was filed elsewhere: there are lists that lack it.
    fresh: Option<Uuid>,
    /// What was written last, in order.
    written: Vec<(Uuid, Ver)>,
}

impl Directory {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a row of this id.
    pub(super) fn add(&self, id: Uuid) {
        let mut known = self.lock();
        known.gone.remove(&id);
        known.fresh = Some(id);
        if !known.ids.contains(&id) {
            known.ids.push(id);
        }
    }

    /// It was filed elsewhere.
    pub(super) fn moved(&self, id: Uuid) {
        self.lock().fresh = Some(id);
    }

    pub(super) fn fresh(&self) -> Option<Uuid> {
        self.lock().fresh
    }

    /// A client was told that it wrote this.
    pub(super) fn wrote(&self, id: Uuid, version: Ver) {
        self.lock().written.push((id, version));
    }

    /// What was written, from the `from`th write on.
    pub(super) fn written(&self, from: usize) -> Vec<(Uuid, Ver)> {
        self.lock().written.get(from..).unwrap_or_default().to_vec()
    }

    /// There is none any more: it is asked for less from now on.
    pub(super) fn is_gone(&self, id: Uuid) {
        self.lock().gone.insert(id);
    }

    pub(super) fn all(&self) -> Vec<Uuid> {
        self.lock().ids.clone()
    }

    /// One that was deleted, if one was.
    pub(super) fn pick_gone(&self, dice: &Dice) -> Option<Uuid> {
        let gone: Vec<Uuid> = self.lock().gone.iter().copied().collect();
        dice.pick(&gone).copied()
    }

    /// One of the ids, so often (in a thousand) a hot one. What is calm is written rarely: there nothing but the mechanism
    /// that should have told of a change hides that nobody did.
    pub(super) fn pick(&self, dice: &Dice, hot_permille: u64) -> Option<Uuid> {
        let known = self.lock();
        let with_gone = dice.permille(80);
        let is_asked = |id: &&Uuid| with_gone || !known.gone.contains(*id);
        let (hot, calm) = known.ids.split_at(known.ids.len().min(HOT));
        let of = if dice.permille(hot_permille) { hot } else { calm };
        let ids: Vec<Uuid> = of.iter().filter(is_asked).copied().collect();
        dice.pick(&ids).or_else(|| dice.pick(&known.ids)).copied()
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
        confidence_level: FIRST_CONFIDENCE,
        status: Status::Pending,
        tags: Vec::new(),
        created_at: start,
        updated_at: start,
        version_id: VersionId(1),
    }
}
