//! The caller of a request.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::http::{Code, Problem};

/// What a token may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Create, change and delete forecasts.
    ForecastWrite,
    /// Send notifications.
    NotifySend,
    /// Administration.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 3] = [Role::ForecastWrite, Role::NotifySend, Role::Admin];

    /// As written in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::ForecastWrite => "forecast:write",
            Role::NotifySend => "notify:send",
            Role::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Role> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// The companies whose data a caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// These, perhaps none.
    Companies(BTreeSet<Uuid>),
}

impl Scope {
    /// Whether data of this company may be shown.
    pub fn allows(&self, company: Uuid) -> bool {
        match self {
            Scope::All => true,
            Scope::Companies(companies) => companies.contains(&company),
        }
    }
}

/// `*`, or the companies in order: equal for equal scopes, so it may be part of a cache key.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::All => f.write_str("*"),
            Scope::Companies(companies) => companies.iter().enumerate().try_for_each(|(at, company)| {
                if at > 0 {
                    f.write_str(",")?;
                }
                write!(f, "{}", company.simple())
            }),
        }
    }
}

/// Who is calling and what they may do and see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user, claim `sub`.
    pub user: Uuid,
    /// Claim `companies`.
    pub scope: Scope,
    /// The scope as part of a cache key, made once per token.
    pub scope_key: Arc<str>,
    /// Claim `roles`; names unknown to us are left out.
    pub roles: BTreeSet<Role>,
    /// When the token ends, in Unix seconds; an open stream ends then.
    pub expires_at_unix_s: i64,
}

impl Caller {
    /// A caller.
    pub fn new(user: Uuid, scope: Scope, roles: BTreeSet<Role>, expires_at_unix_s: i64) -> Self {
        let scope_key = scope.to_string().into();
        Self { user, scope, scope_key, roles, expires_at_unix_s }
    }

    /// Goes on only with the role.
    ///
    /// # Errors
    /// 403 `FORBIDDEN`, naming the role.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.roles.contains(&role) {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden).detail(format!("this needs the role {}", role.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_key_does_not_depend_on_the_order_of_the_claim() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let key = |companies: [Uuid; 2]| Scope::Companies(BTreeSet::from(companies)).to_string();
        assert_eq!(key([a, b]), key([b, a]));
        assert_ne!(key([a, b]), key([a, a]));
        assert_eq!(Scope::All.to_string(), "*");
        assert_eq!(Scope::Companies(BTreeSet::new()).to_string(), "");
    }

    #[test]
    fn a_missing_role_is_forbidden() {
        let caller = Caller::new(Uuid::nil(), Scope::All, BTreeSet::from([Role::NotifySend]), 0);
        assert!(caller.require(Role::NotifySend).is_ok());
        assert_eq!(caller.require(Role::Admin).unwrap_err().code(), Code::Forbidden);
    }
}
