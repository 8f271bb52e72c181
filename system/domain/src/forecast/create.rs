//! `POST /forecasts`.

use std::sync::Arc;

use coherence::{Version, VersionId};

use super::changes::{Announcer, Change};
use super::idempotency::Claim;
use super::service::{Inner, Refused};
use super::{ATTEMPTS_MAX, Answered, Caller, ForecastService, IdempotencyRequest, Role, Saved, ServiceError, Views};
use crate::model::CreateForecast;
use crate::ports::{IdempotencyKey, StoreError};

impl<R: Views> ForecastService<R> {
    /// Creates a forecast. Publishes `forecast:invalidation` (`DataCreated`) and, if it is `Completed`,
    /// `forecast:completed`.
    ///
    /// # Errors
    /// [`ServiceError::Exists`] if there is one with the same natural key; [`ServiceError::ForeignCompany`]; those of
    /// idempotency.
    pub async fn create(
        &self,
        caller: &Caller,
        request: CreateForecast,
        named: Option<IdempotencyRequest<Saved>>,
    ) -> Result<Answered<Saved>, ServiceError> {
        caller.require(Role::ForecastWrite)?;
        if !caller.sees(request.natural_key.company_id) {
            return Err(ServiceError::ForeignCompany);
        }
        let (inner, caller) = (Arc::clone(&self.inner), caller.clone());
        let named = inner.claim(&caller, named)?;
        self.detached(async move { inner.create(&caller, &request, named.as_ref()).await }).await
    }
}

/// A named request that holds its place.
pub(super) type Named<T> = (Claim, IdempotencyRequest<T>);

impl<R: Views> Inner<R> {
    /// Takes the place of a named request.
    pub(super) fn claim<T>(
        &self,
        caller: &Caller,
        named: Option<IdempotencyRequest<T>>,
    ) -> Result<Option<Named<T>>, ServiceError> {
        let Some(request) = named else { return Ok(None) };
        let key = IdempotencyKey { caller: caller.user, key: request.key.clone() };
        Ok(Some((Claim::take(&self.in_flight, key, request.fingerprint)?, request)))
    }

    /// The answer that a named request got before.
    pub(super) async fn answered<T, S>(&self, named: Option<&Named<T>>) -> Result<Option<Answered<S>>, ServiceError> {
        match named {
            Some((claim, _)) => Ok(claim.answer(&*self.ports.store).await?.map(Answered::Before)),
            None => Ok(None),
        }
    }

    async fn create(
        &self,
        caller: &Caller,
        request: &CreateForecast,
        named: Option<&Named<Saved>>,
    ) -> Result<Answered<Saved>, ServiceError> {
        if let Some(before) = self.answered(named).await? {
            return Ok(before);
        }
        let mut outrun = ServiceError::Contended;
        for attempt in 0..ATTEMPTS_MAX {
            match self.try_create(caller, request, named).await {
                Ok(saved) => return Ok(Answered::Now(saved)),
                // Whoever took the key or the natural key may have been this same request, through another instance.
                Err(Refused::Answered) => {
                    return self.answered(named).await?.ok_or(ServiceError::IdempotencyInProgress);
                }
                Err(Refused::Outrun(StoreError::NaturalKeyTaken { existing })) => {
                    return self.answered(named).await?.ok_or(ServiceError::Exists { existing });
                }
                Err(Refused::Outrun(error)) => outrun = error.into(),
                Err(Refused::Failed(error)) => return Err(error),
            }
            self.back_off(attempt).await;
        }
        Err(outrun)
    }

    async fn try_create(
        &self,
        caller: &Caller,
        request: &CreateForecast,
        named: Option<&Named<Saved>>,
    ) -> Result<Saved, Refused> {
        let found = self.ports.store.find(&[request.natural_key]).await;
        let (incarnation, rows) = found.map_err(|error| Refused::Failed(error.into()))?;
        if let Some(existing) = rows.into_iter().flatten().next() {
            return Err(Refused::Outrun(StoreError::NaturalKeyTaken { existing: existing.id }));
        }
        let now = self.now();
        let forecast = request.clone().into_forecast(self.ports.ids.forecast_id(), VersionId(1), now);
        let version = Version { incarnation, id: forecast.version_id };
        let saved = Saved { forecast, version };
        let record = named.and_then(|(claim, request)| claim.record((request.respond)(&saved), self.idempotency_end()));
        let announcer = Announcer { caller, ids: &*self.ports.ids, incarnation, now, notify: true };
        self.commit(&announcer, &[Change::Created(saved.forecast.clone())], record).await?;
        Ok(saved)
    }
}
