//! `smartpulse import`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::args::ConfigArgs;
use super::batch_client::{BatchAnswer, BatchClient, ItemStatus};
use super::error::CliError;
use super::progress::Progress;
use super::run::Surroundings;
use super::target::{Target, Wanted, parse_token};
use crate::config::Secret;
use crate::import::{Item, Mapping, read_rows};

const BATCH_MAX: i64 = 10_000;
/// More bad rows than this are counted, not shown.
const SHOWN_ROWS_MAX: usize = 20;

/// Sends the rows of a CSV file to a running service; a second run changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse import opsd_germany_daily.csv
  smartpulse import load.csv --mapping \"forecastDate=Date,demand=Load,confidence='0.9',\\
companyId='0b5d0000-0000-4000-8000-00000000c0de',productionUnitId='0b5d0000-0000-4000-8000-0000000000de'\"")]
pub(super) struct ImportCommand {
    /// The file, with a header line
    file: PathBuf,
    /// The service [default: where the configuration says that it listens]
    #[arg(long)]
    url: Option<String>,
    /// The token [default: $SMARTPULSE_TOKEN; for a service on this machine, one signed with its secret]
    #[arg(long, value_parser = parse_token)]
    token: Option<Secret<String>>,
    /// Which column is which field: field=Column or field='constant', with commas between [default: by the header]
    #[arg(long)]
    mapping: Option<Mapping>,
    /// Rows per request
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=BATCH_MAX))]
    batch: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Default)]
struct Summary {
    rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    bad_rows: Vec<String>,
    bad: u64,
    /// Whether the service answered any batch.
    answered: bool,
}

impl ImportCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let mut summary = Summary::default();
        let items = self.read(&mut summary)?;
        let wanted = Wanted { url: self.url.as_deref(), token: self.token.as_ref(), config: &self.config };
        let target = Target::of(&wanted, |config| config.http.listen, surroundings)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::Runtime(Arc::new(error)))?;
        let mut progress = Progress::new(items.len() as u64, &mut *surroundings.err, surroundings.is_terminal);
        let sent = runtime.block_on(self.send(&items, &target, &mut summary, &mut progress));
        progress.finish();
        summary.print(&self.file, sent.is_ok(), surroundings)?;
        sent.map_err(|error| target.explained(error))?;
        if summary.bad == 0 { Ok(()) } else { Err(CliError::Rows(summary.bad, summary.rows)) }
    }

    fn read(&self, summary: &mut Summary) -> Result<Vec<(u64, Item)>, CliError> {
        let path = self.file.display().to_string();
        let file =
            File::open(&self.file).map_err(|error| CliError::File { path: path.clone(), source: Arc::new(error) })?;
        let rows = read_rows(BufReader::new(file), self.mapping.as_ref());
        let mut items = Vec::new();
        for row in rows.map_err(|source| CliError::Table { path, source })? {
            summary.rows += 1;
            match row.item {
                Ok(item) => items.push((row.line, item)),
                Err(error) => summary.bad_row(row.line, &error.to_string()),
            }
        }
        Ok(items)
    }

    async fn send(
        &self,
        items: &[(u64, Item)],
        target: &Target,
        summary: &mut Summary,
        progress: &mut Progress<'_>,
    ) -> Result<(), CliError> {
        let mut client = BatchClient::new(&target.url, target.token.clone())?;
        for batch in items.chunks(self.batch as usize) {
            let payload: Vec<Item> = batch.iter().map(|(_, item)| item.clone()).collect();
            let answer = client.send(&payload, |text| progress.say(text)).await?;
            summary.add(batch, &answer);
            progress.advance(batch.len() as u64);
        }
        Ok(())
    }
}

impl Summary {
    fn bad_row(&mut self, line: u64, message: &str) {
        self.bad += 1;
        if self.bad_rows.len() < SHOWN_ROWS_MAX {
            self.bad_rows.push(format!("line {line}: {message}"));
        }
    }

    fn add(&mut self, batch: &[(u64, Item)], answer: &BatchAnswer) {
        self.answered = true;
        self.created += answer.created;
        self.updated += answer.updated;
        self.unchanged += answer.unchanged;
        for result in answer.results.iter().filter(|result| result.status == ItemStatus::Invalid) {
            let line = batch.get(result.index).map_or(0, |(line, _)| *line);
            let reasons: Vec<String> = result.details.iter().map(|d| format!("{}: {}", d.field, d.message)).collect();
            self.bad_row(line, &reasons.join("; "));
        }
    }

    /// Counts are told only if they say something: not when the very first batch failed.
    fn print(&self, file: &Path, sent: bool, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let Self { created, updated, unchanged, bad, bad_rows, .. } = self;
        for row in bad_rows {
            writeln!(surroundings.err, "{}: {row}", file.display())?;
        }
        let hidden = bad.saturating_sub(bad_rows.len() as u64);
        if hidden > 0 {
            writeln!(surroundings.err, "{}: and {hidden} more", file.display())?;
        }
        if !sent && !self.answered {
            return Ok(());
        }
        let text = format!("{created} created, {updated} updated, {unchanged} unchanged, {bad} not accepted");
        Ok(writeln!(surroundings.out, "{text}")?)
    }
}
