//! Who is calling: bearer tokens (JWT), verified once and remembered until they expire.
//!
//! A request's token goes to the [`Verifier`]. The [memo](mod@memo) answers for a token seen before: one lookup, a
//! constant-time comparison of the whole token, and its times against the clock. Else the signature is checked with the
//! [keys](mod@keys) of the configured secret or of a [JWKS](mod@jwks), each of which knows its one algorithm; the token's header
//! chooses among keys, never among algorithms. The result is a [`Caller`]: user, companies, roles. An event stream may be
//! opened with a single-use [ticket](mod@tickets) in place of a token.

pub mod caller;
mod claims;
pub mod error;
pub mod jwks;
pub mod keys;
mod memo;
pub mod refresh_job;
pub mod secret_file;
pub mod setup;
pub mod sign;
pub mod tickets;
pub mod verifier;

pub use caller::{Caller, Identity, Role, Scope};
pub use error::AuthError;
pub use jwks::{JwksSource, https_client};
pub use keys::KeySet;
pub use refresh_job::refresh_hourly;
pub use secret_file::{SecretFileError, load_or_create_secret};
pub use setup::{SetupError, signing_secret, verifier};
pub use sign::{TokenRequest, sign_hs256};
pub use tickets::{MemoryTickets, TICKETS_PER_SUBJECT_MAX, TicketError, TicketHash, Tickets, new_ticket};
pub use verifier::{NowUnixS, Rules, Verifier};
