//! What a caller may see.

use std::collections::BTreeSet;

use super::CompanyId;

/// The companies whose forecasts a caller may read and write. A forecast outside it does not exist for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every company.
    All,
    /// These only; an empty set sees nothing.
    Companies(BTreeSet<CompanyId>),
}

impl Scope {
    /// Whether `company` is inside.
    pub fn contains(&self, company: CompanyId) -> bool {
        match self {
            Self::All => true,
            Self::Companies(companies) => companies.contains(&company),
        }
    }
}
