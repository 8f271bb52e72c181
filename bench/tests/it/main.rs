//! What is said of measurements must be so: the claims' page, from forged reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod claims;
