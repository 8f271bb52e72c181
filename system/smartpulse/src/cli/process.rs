//! The real surroundings: the environment, clock and terminal of this process.

use std::io::{IsTerminal, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::run::{Surroundings, run};

/// The whole program: runs the command that the arguments of this process name, and answers with its exit code.
pub fn main() -> ExitCode {
    // A variable that is not text is none of ours.
    let env =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut surroundings = Surroundings {
        env: env.collect(),
        dir: PathBuf::from("."),
        now_unix_s: || jiff::Timestamp::now().as_second(),
        random: |bytes| getrandom::fill(bytes).map_err(|error| error.to_string()),
        out: &mut stdout(),
        err: &mut stderr(),
        is_terminal: stderr().is_terminal(),
    };
    ExitCode::from(run(std::env::args_os(), &mut surroundings))
}
