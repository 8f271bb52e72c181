//! From arguments to a command.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{config, import, token};

/// What a command sees of the machine. `main` gives the real things, a test gives its own.
pub struct Surroundings<'a> {
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The directory that `./smartpulse.toml` is looked for in.
    pub dir: PathBuf,
    /// Wall time in Unix seconds.
    pub now_unix_s: fn() -> i64,
    /// Fills a buffer with random bytes.
    pub random: fn(&mut [u8]) -> Result<(), String>,
    /// Standard output.
    pub out: &'a mut (dyn Write + Send),
    /// Standard error.
    pub err: &'a mut (dyn Write + Send),
    /// Whether standard error is a terminal, where a progress bar makes sense.
    pub is_terminal: bool,
}

#[derive(Debug, Parser)]
#[command(
    name = "smartpulse",
    version,
    about = "Energy forecasts through a coherent cache, and notifications about them",
    arg_required_else_help = true,
    after_help = "Example: smartpulse import forecasts.csv"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Config(config::ConfigCommand),
    Token(token::TokenCommand),
    Import(import::ImportCommand),
}

/// Runs the command of these arguments (the first is the program's name) and returns the exit code: 0 done, 1 failed,
/// 2 wrong usage.
pub fn run(args: impl IntoIterator<Item = OsString>, surroundings: &mut Surroundings<'_>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(usage) => {
            let target = if usage.use_stderr() { &mut *surroundings.err } else { &mut *surroundings.out };
            // There is nowhere left to report that the output is closed.
            let _ = write!(target, "{}", usage.render());
            return u8::try_from(usage.exit_code()).unwrap_or(2);
        }
    };
    let done = match cli.command {
        Command::Config(command) => command.run(surroundings),
        Command::Token(command) => command.run(surroundings),
        Command::Import(command) => command.run(surroundings),
    };
    match done {
        Ok(()) => 0,
        Err(error) if error.is_closed_output() => 0,
        Err(error) => {
            let _ = writeln!(surroundings.err, "error: {error}");
            1
        }
    }
}
