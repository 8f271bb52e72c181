//! From arguments to a command.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::args::ServeArgs;
use super::{
    admin, config, database, directory, doctor, health, import, incarnation, migrate, openapi, serve, token, vapid_keys,
};
use crate::config::misnamed_variables;

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

/// What `--version` says. A build with planted bugs must not pass for another one.
const VERSION: &str = match coherence::PLANTED_BUGS {
    true => concat!(env!("CARGO_PKG_VERSION"), " (planted bugs: not for use)"),
    false => env!("CARGO_PKG_VERSION"),
};

#[derive(Debug, Parser)]
#[command(
    name = "smartpulse",
    version = VERSION,
    about = "Energy forecasts through a coherent cache, and notifications about them",
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  smartpulse
  smartpulse --listen 127.0.0.1:8090 --empty
  smartpulse import forecasts.csv"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Without a command: those of `serve`.
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeCommand),
    Config(config::ConfigCommand),
    Token(token::TokenCommand),
    Import(import::ImportCommand),
    ImportDirectory(directory::ImportDirectoryCommand),
    VapidKeys(vapid_keys::VapidKeysCommand),
    Openapi(openapi::OpenapiCommand),
    Migrate(migrate::MigrateCommand),
    Backup(database::BackupCommand),
    Restore(database::RestoreCommand),
    Doctor(doctor::DoctorCommand),
    Health(health::HealthCommand),
    Incarnation(incarnation::IncarnationCommand),
    Admin(admin::AdminCommand),
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
    for (name, meant) in misnamed_variables(&surroundings.env) {
        let _ = writeln!(surroundings.err, "warning: {name} is not read; for a setting, write {meant}");
    }
    let done = match cli.command {
        None => serve::run(&cli.serve, surroundings),
        Some(Command::Serve(command)) => command.run(surroundings),
        Some(Command::Config(command)) => command.run(surroundings),
        Some(Command::Token(command)) => command.run(surroundings),
        Some(Command::Import(command)) => command.run(surroundings),
        Some(Command::ImportDirectory(command)) => command.run(surroundings),
        Some(Command::VapidKeys(command)) => command.run(surroundings),
        Some(Command::Openapi(command)) => command.run(surroundings),
        Some(Command::Migrate(command)) => command.run(surroundings),
        Some(Command::Backup(command)) => command.run(surroundings),
        Some(Command::Restore(command)) => command.run(surroundings),
        Some(Command::Doctor(command)) => command.run(surroundings),
        Some(Command::Health(command)) => command.run(surroundings),
        Some(Command::Incarnation(command)) => command.run(surroundings),
        Some(Command::Admin(command)) => command.run(surroundings),
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
