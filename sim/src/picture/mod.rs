//! A space-time diagram of a run: hosts side by side, time downwards, messages as slanted lines, faults as bands.
//!
//! ```text
//!   history, messages, plan ──subject──> the key and the window that matter
//!                           ──gather───> a scene: marks, arrows, bands, stretches (what is alike is told once)
//!                           ──scale────> where each instant lies: long silences are short, labels have room
//!                           ──draw─────> SVG without scripts and foreign fonts
//! ```

mod arrows;
mod draw;
mod faults;
mod gather;
mod layout;
mod requests;
mod scale;
mod scene;
mod subject;
mod svg;
#[cfg(test)]
mod tests;

pub use draw::draw;
pub use scene::Scene;

use crate::fault::Plan;
use crate::log::{Message, Record};
use crate::run::Outcome;

/// What a picture is made of.
#[derive(Debug, Clone, Copy)]
pub struct Run<'r> {
    /// What was to happen.
    pub plan: &'r Plan,
    /// What it came to.
    pub outcome: &'r Outcome,
    /// The log.
    pub records: &'r [Record],
    /// The messages between the hosts.
    pub messages: &'r [Message],
}
