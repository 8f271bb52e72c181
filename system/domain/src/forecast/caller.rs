//! Who asks.

use std::collections::BTreeSet;

use super::ServiceError;
use crate::model::{CompanyId, Scope, UserId};

/// What a caller may do beyond reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `forecast:write`: write forecasts.
    ForecastWrite,
    /// `notify:send`: send messages and push notifications.
    NotifySend,
    /// `admin`: the internal routes.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ForecastWrite, Self::NotifySend, Self::Admin];

    /// The role's name in tokens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForecastWrite => "forecast:write",
            Self::NotifySend => "notify:send",
            Self::Admin => "admin",
        }
    }

    /// The role with this name in tokens.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// An authenticated caller, as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`.
    pub user: UserId,
    /// Which companies' forecasts exist for the caller.
    pub scope: Scope,
    /// What the caller may do.
    pub roles: BTreeSet<Role>,
    /// The request's trace, which its events carry on.
    pub traceparent: Option<String>,
}

impl Caller {
    /// # Errors
    /// [`ServiceError::MissingRole`] if the caller does not have `role`.
    pub fn require(&self, role: Role) -> Result<(), ServiceError> {
        match self.roles.contains(&role) {
            true => Ok(()),
            false => Err(ServiceError::MissingRole(role)),
        }
    }

    /// Whether forecasts of `company` exist for the caller.
    pub fn sees(&self, company: CompanyId) -> bool {
        self.scope.contains(company)
    }
}
