//! The clauses of C8, a file each.
//!
//! - `accepted`: each user is told once of each event, and what is acknowledged stands
//! - `held`: nobody sends what it does not hold, or a mail that does not stand as being sent
//! - `pushes`, `mails`: each device shows one message, each user gets one mail, and what is answered for good is left alone
//! - `ended`: every channel comes to its end, and a broken one delays only itself
//! - `live`: an open stream tells of everything

mod accepted;
mod ended;
mod held;
mod live;
mod mails;
mod pushes;
mod settled;

#[cfg(test)]
mod tests;

pub(super) use accepted::Accepted;
pub(super) use ended::Ended;
pub(super) use held::Held;
pub(super) use live::Live;
pub(super) use mails::Mails;
pub(super) use pushes::Pushes;
