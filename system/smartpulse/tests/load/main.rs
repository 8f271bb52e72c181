//! What wants both cores to itself: cargo runs one test binary after another, so nothing of ours runs beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod busy;
#[expect(dead_code, reason = "shared with the guarantees, which use all of it")]
#[path = "../it/guarantees/group.rs"]
mod group;
