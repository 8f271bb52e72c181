//! What was found.

use serde::Serialize;

use crate::error_text::chain;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it must be.
    Ok,
    /// It works, and somebody will be sorry.
    Warning,
    /// It does not work, or a guarantee does not hold.
    Failure,
}

impl Verdict {
    /// As it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// One thing that was looked at. No field holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of which backend, such as `redis`.
    pub backend: &'static str,
    /// What was looked at, such as `clock`.
    pub what: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do; absent where nothing is to be done.
    pub advice: Option<String>,
}

impl Finding {
    /// As it must be.
    pub fn ok(backend: &'static str, what: &'static str, found: impl Into<String>) -> Self {
        Self { backend, what, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    /// Somebody will be sorry, unless they do what `advice` says.
    pub fn warning(backend: &'static str, what: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self { backend, what, verdict: Verdict::Warning, found: found.into(), advice: Some(advice.to_owned()) }
    }

    /// It does not work.
    pub fn failure(backend: &'static str, what: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self { backend, what, verdict: Verdict::Failure, found: found.into(), advice: Some(advice.to_owned()) }
    }

    /// It could not be looked at.
    pub fn error(backend: &'static str, what: &'static str, error: &dyn std::error::Error, advice: &str) -> Self {
        Self::failure(backend, what, chain(error), advice)
    }

    /// As it must be, or else with a verdict and what to do.
    pub fn judged(
        backend: &'static str,
        what: &'static str,
        found: impl Into<String>,
        otherwise: Option<(Verdict, &str)>,
    ) -> Self {
        let (verdict, advice) =
            otherwise.map_or((Verdict::Ok, None), |(verdict, advice)| (verdict, Some(advice.into())));
        Self { backend, what, verdict, found: found.into(), advice }
    }
}
