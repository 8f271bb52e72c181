//! From the flags to targets.

use std::fs;
use std::path::Path;

use uuid::Uuid;

use super::args::ReachArgs;
use crate::failure::Failure;
use crate::http::{BaseUrl, Trust};
use crate::spawn::Spawned;
use crate::target::Targets;
use crate::token::{Grant, mint};

/// The company of a spawned server's forecasts.
const OWN_COMPANY: Uuid = Uuid::from_u128(0x10ad_0000_0000_4000_8000_0000_0000_c0de);

fn secret_of(file: Option<&Path>, variable: &str) -> Result<Option<String>, Failure> {
    if let Some(file) = file {
        let text = fs::read_to_string(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        return Ok(Some(text.trim().to_owned()));
    }
    Ok(std::env::var(variable).ok().filter(|text| !text.is_empty()))
}

/// The targets that the flags name.
pub(super) fn named(args: &ReachArgs) -> Result<Targets, Failure> {
    if args.target.is_empty() {
        return Err(Failure::Usage("name a --target, or let me --spawn instances".to_owned()));
    }
    if args.allow_writes && args.company.is_none() {
        return Err(Failure::Usage("--allow-writes wants a --company of its own".to_owned()));
    }
    let trust = args.ca_file.as_deref().map(|file| Trust::of(Some(file)));
    let trust = trust.transpose().map_err(|error| Failure::Usage(error.to_string()))?;
    let urls = |texts: &[String]| {
        texts.iter().map(|text| BaseUrl::parse_trusting(text, trust.as_ref())).collect::<Result<Vec<_>, _>>()
    };
    let (api, internal, notifications) = (urls(&args.target)?, urls(&args.metrics)?, urls(&args.notifications)?);
    let company =
        args.company.ok_or_else(|| Failure::Usage("name the --company whose forecasts are read".to_owned()))?;
    let secret = secret_of(args.secret_file.as_deref(), "LOADGEN_SECRET")?;
    let token = match secret_of(args.token_file.as_deref(), "LOADGEN_TOKEN")? {
        Some(token) => token,
        None => {
            let none = || {
                Failure::Usage("name a --secret-file or a --token-file (or LOADGEN_SECRET, LOADGEN_TOKEN)".to_owned())
            };
            let grant = Grant {
                company: Some(company),
                may_write: args.allow_writes,
                issuer: args.issuer.clone(),
                audience: args.audience.clone(),
                ..Grant::default()
            };
            mint(secret.as_ref().ok_or_else(none)?, &grant)?
        }
    };
    if token.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(Failure::Usage("the token is not one word".to_owned()));
    }
    Ok(Targets {
        api,
        internal,
        notifications,
        secret,
        claims: (args.issuer.clone(), args.audience.clone()),
        token,
        company,
        may_write: args.allow_writes,
        is_ours: false,
    })
}

/// The targets of a server of our own.
pub(super) fn spawned(server: &Spawned) -> Result<Targets, Failure> {
    let grant = Grant { company: Some(OWN_COMPANY), may_write: true, ..Grant::default() };
    Ok(Targets {
        api: server.api.clone(),
        internal: server.internal.clone(),
        notifications: server.notifications.clone(),
        secret: Some(server.secret.clone()),
        claims: (None, None),
        token: mint(&server.secret, &grant)?,
        company: OWN_COMPANY,
        may_write: true,
        is_ours: true,
    })
}
