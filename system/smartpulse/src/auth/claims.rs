//! The claims of a token.

use std::collections::BTreeSet;

use domain::model::{CompanyId, UserId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::caller::{Caller, Identity, Role, Scope};
use super::error::AuthError;
use super::verifier::Rules;

/// Claims as they come; what we do not know is ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    sub: Uuid,
    #[serde(deserialize_with = "scope")]
    companies: Scope,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(deserialize_with = "seconds")]
    exp: i64,
    #[serde(default, deserialize_with = "optional_seconds")]
    nbf: Option<i64>,
    iss: Option<String>,
    #[serde(default)]
    aud: Audience,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Audience {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

/// The span in which a token counts, in Unix seconds, leeway included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: i64,
    until: i64,
}

impl Validity {
    pub(super) fn check(self, now: i64) -> Result<(), AuthError> {
        if now >= self.until {
            return Err(AuthError::Expired);
        }
        if now < self.from {
            return Err(AuthError::NotYet);
        }
        Ok(())
    }
}

impl Claims {
    pub(super) fn validity(&self, leeway_s: i64) -> Validity {
        Validity {
            from: self.nbf.map_or(i64::MIN, |nbf| nbf.saturating_sub(leeway_s)),
            until: self.exp.saturating_add(leeway_s),
        }
    }

    pub(super) fn check(&self, rules: &Rules) -> Result<(), AuthError> {
        if rules.issuer.is_some() && rules.issuer != self.iss {
            return Err(AuthError::Issuer);
        }
        let named = |wanted: &String| match &self.aud {
            Audience::None => false,
            Audience::One(one) => one == wanted,
            Audience::Many(many) => many.contains(wanted),
        };
        if rules.audience.as_ref().is_some_and(|wanted| !named(wanted)) {
            return Err(AuthError::Audience);
        }
        Ok(())
    }

    pub(super) fn into_caller(self) -> Caller {
        // Names unknown to us are left out: a newer issuer may know more roles.
        let roles = self.roles.iter().filter_map(|name| Role::from_name(name)).collect();
        let identity = Identity { user: UserId(self.sub), scope: self.companies, roles, traceparent: None };
        Caller { identity, expires_at_unix_s: self.exp }
    }
}

fn scope<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Raw {
        Star(String),
        List(BTreeSet<CompanyId>),
    }
    match Raw::deserialize(deserializer) {
        Ok(Raw::List(companies)) => Ok(Scope::Companies(companies)),
        Ok(Raw::Star(star)) if star == "*" => Ok(Scope::All),
        _ => Err(D::Error::custom("companies must be a list of UUIDs or \"*\"")),
    }
}

/// A NumericDate may have a fraction; what is not a finite number is refused.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.as_i64().or_else(|| number.as_f64().filter(|x| x.abs() < 1e15).map(|x| x.floor() as i64));
    whole.ok_or_else(|| D::Error::custom("not a time in seconds"))
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    seconds(deserializer).map(Some)
}
