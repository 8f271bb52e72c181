//! The `loadgen` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(loadgen::cli::run(std::env::args_os()))
}
