//! The caller of a request.

pub use domain::forecast::{Caller as Identity, Role};
pub use domain::model::Scope;

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who is calling, what they may do and see.
    pub identity: Identity,
    /// When the token ends, in Unix seconds; an open stream ends then.
    pub expires_at_unix_s: i64,
}
