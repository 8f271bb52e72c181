//! `smartpulse import-directory`.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::args::ConfigArgs;
use super::error::CliError;
use super::run::Surroundings;
use crate::import::{read_directory, store_directory};
use crate::wiring::Directory;

/// More bad rows than this are counted, not shown.
const SHOWN_ROWS_MAX: usize = 20;

/// Brings people's names and mail addresses, and the names of units, into the database of notifications, also while the
/// service runs
#[derive(Debug, Args)]
#[command(after_help = "Example:
  smartpulse import-directory people.csv

The file has a header and a row for each person and unit:
  type,id,name,email
  user,0b5d0000-0000-4000-8000-000000000001,Anna Berg,anna@example.com
  unit,0b5d0000-0000-4000-8000-0000000000de,Park South,

Entries replace those of the same ids; a second run changes nothing. Who is not in the directory gets no mail.")]
pub(super) struct ImportDirectoryCommand {
    /// The file, with a header line
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

impl ImportDirectoryCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let path = self.file.display().to_string();
        let file =
            File::open(&self.file).map_err(|error| CliError::File { path: path.clone(), source: Arc::new(error) })?;
        let table = read_directory(BufReader::new(file));
        let table = table.map_err(|source| CliError::Table { path: path.clone(), source })?;
        let config = self.config.load(surroundings)?.config;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
        runtime.block_on(async {
            let directory = Directory::open(&config).await?;
            let stored = store_directory(&table, directory.store()).await;
            directory.close().await?;
            stored.map_err(crate::wiring::WiringError::from)
        })?;
        for (line, wrong) in table.bad.iter().take(SHOWN_ROWS_MAX) {
            writeln!(surroundings.err, "{path}: line {line}: {wrong}")?;
        }
        let (bad, hidden) = (table.bad.len() as u64, table.bad.len().saturating_sub(SHOWN_ROWS_MAX));
        if hidden > 0 {
            writeln!(surroundings.err, "{path}: and {hidden} more")?;
        }
        let (users, units) = (table.users.len(), table.units.len());
        writeln!(surroundings.out, "{users} people, {units} units, {bad} rows not accepted")?;
        if bad == 0 { Ok(()) } else { Err(CliError::Rows(bad, table.rows)) }
    }
}
