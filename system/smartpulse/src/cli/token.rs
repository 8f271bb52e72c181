//! `smartpulse token`.

use std::collections::BTreeSet;

use clap::Args;
use domain::model::CompanyId;
use uuid::Uuid;

use super::args::ConfigArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::auth::{Role, Scope, TokenRequest, sign_hs256, signing_secret};
use crate::config::Config;

/// The user of a token that names none.
pub const DEFAULT_USER: Uuid = Uuid::from_u128(0x0b5d_0000_0000_4000_8000_0000_0000_0001);
/// How long a token lasts that says nothing else.
pub const DEFAULT_HOURS: u32 = 24;
const SECONDS_PER_HOUR: i64 = 3600;
const HOURS_MAX: i64 = 24 * 365;

/// Signs a token with the configured secret (auth.mode = "hs256")
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  export SMARTPULSE_TOKEN=$(smartpulse token)
  smartpulse token --roles forecast:write --companies 0b5d0000-0000-4000-8000-00000000c0de --hours 1")]
pub(super) struct TokenCommand {
    /// The user, a UUID
    #[arg(long, value_name = "UUID", default_value_t = DEFAULT_USER)]
    user: Uuid,
    /// The companies whose data may be seen: UUIDs with commas between them, or * for all
    #[arg(long, value_name = "UUIDS", default_value = "*", value_parser = parse_scope)]
    companies: Scope,
    /// What may be done: forecast:write, notify:send, admin; empty for reading only
    #[arg(long, value_name = "ROLES", default_value = "forecast:write,notify:send,admin", value_parser = parse_roles)]
    roles: Roles,
    /// How long it lasts
    #[arg(long, default_value_t = DEFAULT_HOURS, value_parser = clap::value_parser!(u32).range(1..=HOURS_MAX))]
    hours: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone)]
struct Roles(Vec<Role>);

fn parse_scope(text: &str) -> Result<Scope, String> {
    if text == "*" {
        return Ok(Scope::All);
    }
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids = ids.map(|id| id.parse::<CompanyId>().map_err(|_| format!("{id:?} is not a UUID")));
    ids.collect::<Result<BTreeSet<_>, _>>().map(Scope::Companies)
}

fn parse_roles(text: &str) -> Result<Roles, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let roles = names.map(|name| {
        let known = || Role::ALL.map(Role::name).join(", ");
        Role::from_name(name).ok_or_else(|| format!("there is no role {name:?}; there are {}", known()))
    });
    roles.collect::<Result<_, _>>().map(Roles)
}

impl TokenCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let config = self.config.load(surroundings)?.config;
        let grant =
            Grant { user: self.user, scope: self.companies.clone(), roles: self.roles.0.clone(), hours: self.hours };
        let token = sign(&config, grant, (surroundings.now_unix_s)(), surroundings.random)?;
        // Alone on its line, so that $(smartpulse token) works.
        Ok(writeln!(surroundings.out, "{token}")?)
    }
}

/// What a token grants.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The user.
    pub user: Uuid,
    /// The companies.
    pub scope: Scope,
    /// The roles.
    pub roles: Vec<Role>,
    /// For how long.
    pub hours: u32,
}

impl Grant {
    /// Everything, for a day: the token that the first start prints.
    pub fn everything() -> Self {
        Self { user: DEFAULT_USER, scope: Scope::All, roles: Role::ALL.to_vec(), hours: DEFAULT_HOURS }
    }
}

/// Signs with the configured secret, or with that of the data directory, which is made if need be.
///
/// # Errors
/// There is no secret to sign with.
pub fn sign(
    config: &Config,
    grant: Grant,
    now_unix_s: i64,
    random: impl FnOnce(&mut [u8]) -> Result<(), String>,
) -> Result<String, CliError> {
    let secret = signing_secret(config, random)?.ok_or_else(|| {
        let text =
            "tokens are signed by the issuer of auth.jwks_url or auth.jwks_file, not here (auth.mode = \"jwks\")";
        CliError::Refused(text.to_owned())
    })?;
    let request = TokenRequest {
        user: grant.user,
        scope: grant.scope,
        roles: grant.roles,
        issued_at_unix_s: now_unix_s,
        expires_at_unix_s: now_unix_s + i64::from(grant.hours) * SECONDS_PER_HOUR,
        issuer: config.auth.issuer.clone(),
        audience: config.auth.audience.clone(),
    };
    sign_hs256(secret.expose().as_bytes(), &request).map_err(|error| CliError::Refused(error.to_string()))
}
