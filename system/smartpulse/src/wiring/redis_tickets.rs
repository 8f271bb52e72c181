//! Tickets on Redis: a client that got one from an instance may show it to any other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence_redis::{Kept, OneTime};
use domain::model::{CompanyId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::{Caller, Identity, Role, Scope, TICKETS_PER_SUBJECT_MAX, TicketError, TicketHash, Tickets};

/// The tickets of all instances.
pub(super) struct RedisTickets {
    things: OneTime,
}

impl RedisTickets {
    pub(super) fn new(things: OneTime) -> Self {
        Self { things }
    }
}

/// A caller as Redis holds it. Roles that a release does not know are left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptCaller {
    user: Uuid,
    /// Absent: every company.
    companies: Option<BTreeSet<Uuid>>,
    roles: BTreeSet<String>,
    traceparent: Option<String>,
    expires_at_unix_s: i64,
}

impl From<&Caller> for KeptCaller {
    fn from(caller: &Caller) -> Self {
        let identity = &caller.identity;
        Self {
            user: identity.user.0,
            companies: match &identity.scope {
                Scope::All => None,
                Scope::Companies(companies) => Some(companies.iter().map(|company| company.0).collect()),
            },
            roles: identity.roles.iter().map(|role| role.name().to_owned()).collect(),
            traceparent: identity.traceparent.clone(),
            expires_at_unix_s: caller.expires_at_unix_s,
        }
    }
}

impl From<KeptCaller> for Caller {
    fn from(kept: KeptCaller) -> Self {
        let scope = match kept.companies {
            None => Scope::All,
            Some(companies) => Scope::Companies(companies.into_iter().map(CompanyId).collect()),
        };
        let roles = kept.roles.iter().filter_map(|name| Role::from_name(name)).collect();
        let identity = Identity { user: UserId(kept.user), scope, roles, traceparent: kept.traceparent };
        Self { identity, expires_at_unix_s: kept.expires_at_unix_s }
    }
}

#[async_trait]
impl Tickets for RedisTickets {
    async fn keep(&self, ticket: TicketHash, caller: Arc<Caller>, life: Duration) -> Result<(), TicketError> {
        let owner = caller.identity.user.0.to_string();
        let value = serde_json::to_vec(&KeptCaller::from(&*caller)).map_err(|_| TicketError::Unavailable)?;
        match self.things.keep(&ticket.to_hex(), &owner, &value, life, TICKETS_PER_SUBJECT_MAX).await {
            Ok(Kept::Done) => Ok(()),
            Ok(Kept::TooMany) => Err(TicketError::TooMany),
            Err(error) => {
                tracing::warn!(%error, "a ticket could not be kept");
                Err(TicketError::Unavailable)
            }
        }
    }

    async fn take(&self, ticket: TicketHash) -> Result<Option<Arc<Caller>>, TicketError> {
        let found = self.things.take(&ticket.to_hex()).await.map_err(|error| {
            tracing::warn!(%error, "a ticket could not be looked up");
            TicketError::Unavailable
        })?;
        let Some(found) = found else { return Ok(None) };
        match serde_json::from_slice::<KeptCaller>(&found) {
            Ok(kept) => Ok(Some(Arc::new(kept.into()))),
            Err(error) => {
                // It is gone now, whatever it was: the client asks for another one.
                tracing::warn!(%error, "a ticket cannot be read");
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_survives_its_time_in_redis() {
        let companies = BTreeSet::from([CompanyId(Uuid::from_u128(3)), CompanyId(Uuid::from_u128(4))]);
        for scope in [Scope::All, Scope::Companies(companies), Scope::Companies(BTreeSet::new())] {
            let identity = Identity {
                user: UserId(Uuid::from_u128(7)),
                scope,
                roles: BTreeSet::from(Role::ALL),
                traceparent: Some("00-1-2-01".to_owned()),
            };
            let caller = Caller { identity, expires_at_unix_s: 100 };
            let text = serde_json::to_vec(&KeptCaller::from(&caller)).unwrap();
            assert_eq!(Caller::from(serde_json::from_slice::<KeptCaller>(&text).unwrap()), caller);
        }
    }

    #[tokio::test]
    async fn without_redis_a_ticket_is_not_called_wrong() {
        // Port 9 of this machine: nobody is there.
        let config = coherence_redis::RedisConfig { call_timeout: Duration::from_millis(200), ..Default::default() };
        let tickets =
            RedisTickets::new(coherence_redis::Redis::open("redis://127.0.0.1:9", config).unwrap().one_time("ticket"));
        let ticket = TicketHash::of("a ticket").unwrap();
        assert_eq!(tickets.take(ticket).await, Err(TicketError::Unavailable));
    }
}
