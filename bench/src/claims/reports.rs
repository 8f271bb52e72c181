//! What was written by whoever measured, in one form.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use origin::Machine;
use serde::Deserialize;
use serde_json::Value;

use super::claim::Source;
use crate::figures::{FORMAT, Record};

/// The longest report that is read.
const REPORT_BYTES_MAX: u64 = 64 << 20;
/// The version of the load generator's report that is understood.
const LOADGEN_SCHEMA: u64 = 1;

/// A report, in one form.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The commit that it was made of.
    pub git_ref: Option<String>,
    /// The command that made it.
    pub command: String,
    /// When.
    pub at: String,
    /// Where; nothing where the report does not say.
    pub machine: Option<Machine>,
    /// Figures by name.
    pub figures: BTreeMap<String, f64>,
    /// Tests that passed.
    pub passed: BTreeSet<String>,
    /// Tests that failed.
    pub failed: BTreeSet<String>,
    /// Why it was not run to its end, if so.
    pub aborted: Option<String>,
}

/// Why there is nothing to judge by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is no file.
    #[error("no report: {0}")]
    Missing(String),
    /// The file is no report.
    #[error("unreadable report: {file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
}

/// A folder of reports.
#[derive(Debug, Clone)]
pub struct Reports {
    folder: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadgenReport {
    schema_version: u64,
    git_ref: Option<String>,
    command: String,
    started_at: String,
    machine: Machine,
    aborted: Option<String>,
    figures: BTreeMap<String, f64>,
}

impl Reports {
    /// The reports in a folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// What a source wrote.
    ///
    /// # Errors
    /// [`Trouble`]: nothing, or nothing that can be read.
    pub fn find(&self, source: Source) -> Result<Found, Trouble> {
        let file = source.file();
        let text = self.read(&file)?;
        let unreadable = |reason: String| Trouble::Unreadable { file: file.clone(), reason };
        match source {
            Source::Bench(_) | Source::Suite(_) => of_record(&text).map_err(unreadable),
            Source::Load(_) => of_loadgen(&text).map_err(unreadable),
            Source::Swarm => of_simulation(&text, swarm_figures).map_err(unreadable),
            Source::Mutants => of_simulation(&text, mutant_figures).map_err(unreadable),
        }
    }

    fn read(&self, file: &str) -> Result<String, Trouble> {
        let path = self.folder.join(file);
        let unreadable = |reason: String| Trouble::Unreadable { file: file.to_owned(), reason };
        match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Trouble::Missing(file.to_owned())),
            Err(error) => Err(unreadable(error.to_string())),
            Ok(metadata) if metadata.len() > REPORT_BYTES_MAX => Err(unreadable("longer than a report is".to_owned())),
            Ok(_) => fs::read_to_string(&path).map_err(|error| unreadable(error.to_string())),
        }
    }
}

fn of_record(text: &str) -> Result<Found, String> {
    let record: Record = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if record.format != FORMAT {
        return Err(format!("of format {}, this reads {FORMAT}", record.format));
    }
    Ok(Found {
        git_ref: record.origin.git_ref,
        command: record.origin.command,
        at: record.origin.at,
        machine: Some(record.origin.machine),
        figures: record.figures.into_iter().map(|figure| (figure.name, figure.value)).collect(),
        passed: record.passed.into_iter().collect(),
        failed: record.failed.into_iter().collect(),
        aborted: None,
    })
}

fn of_loadgen(text: &str) -> Result<Found, String> {
    let report: LoadgenReport = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if report.schema_version != LOADGEN_SCHEMA {
        return Err(format!("of version {}, this reads {LOADGEN_SCHEMA}", report.schema_version));
    }
    Ok(Found {
        git_ref: report.git_ref,
        command: report.command,
        at: report.started_at,
        machine: Some(report.machine),
        figures: report.figures,
        aborted: report.aborted,
        ..Found::default()
    })
}

/// `C3` of `C3 bounded`.
fn short(invariant: &str) -> &str {
    invariant.split(' ').next().unwrap_or_default()
}

fn of_simulation(text: &str, figures: fn(&Value) -> Result<BTreeMap<String, f64>, String>) -> Result<Found, String> {
    let report: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let word = |name: &str| report[name].as_str().map(str::to_owned);
    Ok(Found {
        git_ref: word("git_ref"),
        command: word("command").unwrap_or_default(),
        at: word("at").unwrap_or_default(),
        machine: None,
        figures: figures(&report)?,
        ..Found::default()
    })
}

/// `seeds`, `passed`, `broken_C1` ..., `broken_otherwise`, `marks_missed`, and the speed.
fn swarm_figures(report: &Value) -> Result<BTreeMap<String, f64>, String> {
    let mut figures = BTreeMap::new();
    for name in ["seeds", "passed", "simulated_s_per_wall_s", "simulated_s"] {
        figures.insert(name.to_owned(), report[name].as_f64().ok_or_else(|| format!("says no {name}"))?);
    }
    if report["canary"].as_str().is_none_or(str::is_empty) {
        return Err("its canary was not noticed".to_owned());
    }
    let missed = report["marks_missed"].as_array().ok_or("says no marks_missed")?;
    figures.insert("marks_missed".to_owned(), missed.len() as f64);
    for failure in report["failures"].as_array().ok_or("says no failures")? {
        let name = match failure["verdict"]["Violated"]["invariant"].as_str() {
            Some(invariant) => format!("broken_{}", short(invariant)),
            None => "broken_otherwise".to_owned(),
        };
        *figures.entry(name).or_default() += 1.0;
    }
    Ok(figures)
}

/// `planted_C1` and `caught_C1` ..., `planted` and `caught` over all.
fn mutant_figures(report: &Value) -> Result<BTreeMap<String, f64>, String> {
    let mut figures = BTreeMap::new();
    for row in report["rows"].as_array().ok_or("says no rows")? {
        let breaks = short(row["breaks"].as_str().ok_or("a row says not what it breaks")?);
        let caught = f64::from(u8::from(row["caught"].is_string()));
        for (name, count) in [
            ("planted".to_owned(), 1.0),
            ("caught".to_owned(), caught),
            (format!("planted_{breaks}"), 1.0),
            (format!("caught_{breaks}"), caught),
        ] {
            *figures.entry(name).or_default() += count;
        }
    }
    if let Some(median) = report["median_seeds"].as_f64() {
        figures.insert("median_seeds".to_owned(), median);
    }
    Ok(figures)
}
