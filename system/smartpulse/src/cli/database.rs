//! `smartpulse backup` and `restore`: the database file of the embedded default.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::args::ConfigArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::config::{Config, StoreKind};
use crate::wiring;

/// Copies the database to a new file, also while the service runs
#[derive(Debug, Args)]
#[command(after_help = "Example:
  smartpulse backup monday.db")]
pub(super) struct BackupCommand {
    /// The new file; an existing one is not replaced
    to: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Puts a backup in the place of the database of a stopped service
#[derive(Debug, Args)]
#[command(after_help = "Example:
  smartpulse restore monday.db

The database that was there is kept beside it as <database>.before-restore, in the place of an older one.

The versions of the past come again, so the database gets a new incarnation, the first number of X-Version: no cache, \
no client and no event can take the old versions for the new ones.")]
pub(super) struct RestoreCommand {
    /// The backup; it stays as it is
    from: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

impl BackupCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let path = database(&self.config, surroundings)?;
        block_on(wiring::backup(&path, &self.to))??;
        Ok(writeln!(surroundings.out, "{} is copied to {}", path.display(), self.to.display())?)
    }
}

impl RestoreCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let path = database(&self.config, surroundings)?;
        let restored = block_on(wiring::restore(&self.from, &path))??;
        let (path, from, incarnation) = (path.display(), self.from.display(), restored.incarnation);
        writeln!(surroundings.out, "{path} is what {from} holds, in incarnation {incarnation}")?;
        if let Some(kept) = restored.kept {
            writeln!(surroundings.out, "What it was before is {}", kept.display())?;
        }
        Ok(())
    }
}

/// The file that the configuration names.
fn database(args: &ConfigArgs, surroundings: &Surroundings<'_>) -> Result<PathBuf, CliError> {
    let Config { store, .. } = args.load(surroundings)?.config;
    match store.kind {
        StoreKind::Sqlite => Ok(store.path),
        StoreKind::Memory => Err(wiring::WiringError::NothingKept.into()),
        StoreKind::SqlServer => Err(CliError::Refused(
            "this is for the database file of store.kind = \"sqlite\"; SQL Server has BACKUP and RESTORE of its own, and a \
             restored database is noticed by itself"
                .to_owned(),
        )),
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?.block_on(work))
}
