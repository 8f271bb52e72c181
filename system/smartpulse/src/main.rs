//! The `smartpulse` binary.
fn main() {}
