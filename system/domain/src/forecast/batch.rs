//! `POST /forecasts/batch`: many forecasts by their natural keys, in one transaction, with a result for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use coherence::{Incarnation, Timestamp, Version, VersionId};

use super::changes::{Announcer, Change};
use super::create::Named;
use super::service::{Inner, Refused};
use super::{ATTEMPTS_MAX, Answered, Caller, ForecastService, IdempotencyRequest, Role, Saved, ServiceError, Views};
use crate::model::{BatchRequest, CreateForecast, FieldError, Forecast, InputError, NaturalKey};
use crate::ports::StoreError;

/// What became of one item.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchItem {
    /// There was none; now there is.
    Created(Saved),
    /// There was one, and it differed.
    Updated(Saved),
    /// There was one, and it says the same.
    Unchanged(Saved),
    /// It is not acceptable; the others are not touched by that.
    Invalid(Vec<FieldError>),
}

/// What became of all items, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchOutcome {
    /// One result for each item.
    pub items: Vec<BatchItem>,
}

impl<R: Views> ForecastService<R> {
    /// Creates or changes up to [`crate::model::BATCH_ITEMS_MAX`] forecasts in one transaction. An item that exists (same
    /// company, unit, date and provider) is changed as by a PATCH with the fields that the item names. Publishes what
    /// single writes would, but `forecast:completed` only if the request says `notify`.
    ///
    /// # Errors
    /// Those of the whole request; what is wrong with an item is its result.
    pub async fn batch(
        &self,
        caller: &Caller,
        request: BatchRequest,
        named: Option<IdempotencyRequest<BatchOutcome>>,
    ) -> Result<Answered<BatchOutcome>, ServiceError> {
        caller.require(Role::ForecastWrite)?;
        let (inner, caller) = (Arc::clone(&self.inner), caller.clone());
        let named = inner.claim(&caller, named)?;
        self.detached(async move { inner.batch(&caller, &request, named.as_ref()).await }).await
    }
}

/// An item that can be looked up, or what is wrong with it.
type Checked<'a> = Result<&'a CreateForecast, Vec<FieldError>>;

impl<R: Views> Inner<R> {
    async fn batch(
        &self,
        caller: &Caller,
        request: &BatchRequest,
        named: Option<&Named<BatchOutcome>>,
    ) -> Result<Answered<BatchOutcome>, ServiceError> {
        if let Some(before) = self.answered(named).await? {
            return Ok(before);
        }
        let items = checked(caller, request);
        for attempt in 0..ATTEMPTS_MAX {
            match self.try_batch(caller, request.notify, &items, named).await {
                Ok(outcome) => return Ok(Answered::Now(outcome)),
                Err(Refused::Answered) => {
                    return self.answered(named).await?.ok_or(ServiceError::IdempotencyInProgress);
                }
                Err(Refused::Failed(error)) => return Err(error),
                Err(Refused::Outrun(_)) => self.back_off(attempt).await,
            }
        }
        Err(ServiceError::Contended)
    }

    async fn try_batch(
        &self,
        caller: &Caller,
        notify: bool,
        items: &[Checked<'_>],
        named: Option<&Named<BatchOutcome>>,
    ) -> Result<BatchOutcome, Refused> {
        let keys: Vec<NaturalKey> = items.iter().flatten().map(|item| item.natural_key).collect();
        let found = self.ports.store.find(&keys).await;
        let (incarnation, rows) = found.map_err(|error| Refused::Failed(error.into()))?;
        let version = |row: &Forecast| Version { incarnation, id: row.version_id };
        if let Some(old) = rows.iter().flatten().find(|row| self.is_outrun(row.id, version(row))) {
            return Err(Refused::Outrun(StoreError::Conflict { id: old.id, actual: old.version_id }));
        }
        let mut rows = rows.into_iter();
        let now = self.now();
        let mut changes = Vec::new();
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            results.push(match item {
                Err(errors) => BatchItem::Invalid(errors.clone()),
                Ok(item) => self.decide(item, rows.next().flatten(), incarnation, now, &mut changes),
            });
        }
        let outcome = BatchOutcome { items: results };
        // What changed nothing can be done again, and would only fill the store.
        if !changes.is_empty() {
            let end = self.idempotency_end();
            let record = named.and_then(|(claim, request)| claim.record((request.respond)(&outcome), end));
            let announcer = Announcer { caller, ids: &*self.ports.ids, incarnation, now, notify };
            self.commit(&announcer, &changes, record).await?;
        }
        Ok(outcome)
    }

    /// What an item means, given the row that has its natural key.
    fn decide(
        &self,
        item: &CreateForecast,
        row: Option<Forecast>,
        incarnation: Incarnation,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> BatchItem {
        let saved = |forecast: Forecast| {
            let version = Version { incarnation, id: forecast.version_id };
            Saved { forecast, version }
        };
        let Some(before) = row else {
            let forecast = item.clone().into_forecast(self.ports.ids.forecast_id(), VersionId(1), now);
            changes.push(Change::Created(forecast.clone()));
            return BatchItem::Created(saved(forecast));
        };
        match item.as_patch().apply(&before) {
            Err(InputError::Fields(errors)) => BatchItem::Invalid(errors),
            Err(InputError::Malformed(message)) => BatchItem::Invalid(vec![FieldError::new("", message)]),
            Ok(after) if after == before => {
                let unchanged = saved(before);
                self.unchanged(&unchanged.forecast, unchanged.version);
                BatchItem::Unchanged(unchanged)
            }
            Ok(after) => {
                let after = after.revised(&before, now);
                changes.push(Change::Updated { before, after: after.clone() });
                BatchItem::Updated(saved(after))
            }
        }
    }
}

/// The items that may be written: in the caller's scope, each natural key once (its first item counts).
fn checked<'a>(caller: &Caller, request: &'a BatchRequest) -> Vec<Checked<'a>> {
    let mut seen: BTreeMap<NaturalKey, usize> = BTreeMap::new();
    let check = |(at, item): (usize, &'a Result<CreateForecast, Vec<FieldError>>)| {
        let item = item.as_ref().map_err(Clone::clone)?;
        let key = item.natural_key;
        if !caller.sees(key.company_id) {
            return Err(vec![FieldError::new("companyId", "is not a company of the caller")]);
        }
        match seen.get(&key) {
            Some(first) => {
                Err(vec![FieldError::new("forecastDate", format!("is the forecast of items[{first}] again"))])
            }
            None => {
                seen.insert(key, at);
                Ok(item)
            }
        }
    };
    request.items.iter().enumerate().map(check).collect()
}
