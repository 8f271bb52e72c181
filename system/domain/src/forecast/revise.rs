//! `PATCH /forecasts/{id}` and `DELETE /forecasts/{id}`: both start from the row in the store.

use std::sync::Arc;

use coherence::{Incarnation, Version};

use super::changes::{Announcer, Change};
use super::service::{Inner, Refused};
use super::{ATTEMPTS_MAX, Caller, ForecastService, Role, Saved, ServiceError, Views};
use crate::model::{Forecast, ForecastId, PatchForecast};
use crate::ports::Lookup;

/// What the forecast's version must be (`If-Match`). It is asked with the row in the store, never with a cached one.
#[derive(Clone)]
pub struct Precondition(Arc<dyn Fn(Version) -> bool + Send + Sync>);

impl Precondition {
    /// Whatever `accepts` says: for entity tags, which only their maker can compare.
    pub fn new(accepts: impl Fn(Version) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(accepts))
    }

    /// Exactly this version.
    pub fn version(expected: Version) -> Self {
        Self::new(move |actual| actual == expected)
    }
}

/// A forecast that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Its tombstone's version, for `X-Version`.
    pub version: Version,
}

impl<R: Views> ForecastService<R> {
    /// Changes a forecast. Publishes `forecast:updated`, `forecast:invalidation` (`DataUpdated`) and, if it becomes
    /// `Completed`, `forecast:completed`. A patch that changes nothing writes and publishes nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] also outside the caller's scope; [`ServiceError::PreconditionFailed`];
    /// [`ServiceError::Exists`] if another forecast has the new natural key; [`ServiceError::Invalid`] if the patch does
    /// not fit the row.
    pub async fn patch(
        &self,
        caller: &Caller,
        id: ForecastId,
        patch: PatchForecast,
        precondition: Option<Precondition>,
    ) -> Result<Saved, ServiceError> {
        caller.require(Role::ForecastWrite)?;
        let (inner, caller) = (Arc::clone(&self.inner), caller.clone());
        let write = async move {
            let revision = |row: &Forecast| {
                let after = patch.apply(row)?;
                // Nothing changed: no version, no event.
                Ok((after != *row)
                    .then(|| Change::Updated { before: row.clone(), after: after.revised(row, inner.now()) }))
            };
            let (before, change, incarnation) = inner.revise(&caller, id, precondition.as_ref(), revision).await?;
            let forecast = match change {
                Some(Change::Updated { after, .. }) => after,
                _ => before,
            };
            let version = Version { incarnation, id: forecast.version_id };
            Ok(Saved { forecast, version })
        };
        self.detached(write).await
    }

    /// Deletes a forecast. Publishes `forecast:invalidation` (`DataDeleted`).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] also outside the caller's scope; [`ServiceError::PreconditionFailed`].
    pub async fn delete(
        &self,
        caller: &Caller,
        id: ForecastId,
        precondition: Option<Precondition>,
    ) -> Result<Deleted, ServiceError> {
        caller.require(Role::ForecastWrite)?;
        let (inner, caller) = (Arc::clone(&self.inner), caller.clone());
        let write = async move {
            let deletion = |row: &Forecast| Ok(Some(Change::Deleted(row.clone())));
            let (before, _, incarnation) = inner.revise(&caller, id, precondition.as_ref(), deletion).await?;
            Ok(Deleted { version: Version { incarnation, id: Change::Deleted(before).version_id() } })
        };
        self.detached(write).await
    }
}

impl<R: Views> Inner<R> {
    /// Reads the row from the store, makes the change, commits it with the row's version as the expected one, and starts
    /// again if others were faster. Answers the row before, the change and the incarnation.
    async fn revise(
        &self,
        caller: &Caller,
        id: ForecastId,
        precondition: Option<&Precondition>,
        change: impl Fn(&Forecast) -> Result<Option<Change>, ServiceError>,
    ) -> Result<(Forecast, Option<Change>, Incarnation), ServiceError> {
        let _turn = self.turn(id).await;
        let mut outcome = ServiceError::Contended;
        for attempt in 0..ATTEMPTS_MAX {
            let found = self.ports.store.get(id).await?;
            let actual = found.version();
            let (row, incarnation) = match found {
                Lookup::Found { forecast, incarnation } if caller.sees(forecast.company_id) => (forecast, incarnation),
                // Who hears that it is gone must not be shown it by this instance afterwards.
                Lookup::Absent { .. } => {
                    self.shown(id, actual);
                    return Err(ServiceError::NotFound);
                }
                Lookup::Found { .. } => return Err(ServiceError::NotFound),
            };
            if self.is_outrun(id, actual) {
                outcome = ServiceError::BelowMinimum { actual };
                self.back_off(attempt).await;
                continue;
            }
            outcome = ServiceError::Contended;
            if precondition.is_some_and(|precondition| !(precondition.0)(actual)) {
                self.shown(id, actual);
                return Err(ServiceError::PreconditionFailed { actual });
            }
            let Some(change) = change(&row)? else {
                self.unchanged(&row, actual);
                return Ok((row, None, incarnation));
            };
            let announcer = Announcer { caller, ids: &*self.ports.ids, incarnation, now: self.now(), notify: true };
            match self.commit(&announcer, std::slice::from_ref(&change), None).await {
                Ok(()) => return Ok((row, Some(change), incarnation)),
                Err(Refused::Failed(error)) => return Err(error),
                Err(Refused::Outrun(error)) => match error.into() {
                    ServiceError::Contended => {}
                    taken => return Err(taken),
                },
                Err(Refused::Answered) => {
                    return Err(ServiceError::Internal("a write without a name was answered".into()));
                }
            }
            self.back_off(attempt).await;
        }
        Err(outcome)
    }
}
