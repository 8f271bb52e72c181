//! The program under test: one seed is one process.

use std::process::{Command, Output};
use std::time::Duration;

use ::sim::process::run_within;

/// A batch of seeds, unoptimised, on a busy machine.
const LIMIT: Duration = Duration::from_secs(1_200);

pub(crate) fn sim(arguments: &[&str]) -> Output {
    run_within(Command::new(env!("CARGO_BIN_EXE_sim")).args(arguments), Vec::new(), LIMIT).unwrap()
}

pub(crate) fn assert_success(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}
