//! The report's files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::types::{Report, SCHEMA_VERSION};
use super::{csv, junit, page};
use crate::failure::Failure;

/// The longest report that is read.
const REPORT_BYTES_MAX: u64 = 256 << 20;

/// Writes all forms into a folder, the JSON last: where it is, the others are whole. What a run before this one left there is
/// removed first, so that a half written report never stands beside an old one.
///
/// # Errors
/// A file cannot be written.
pub fn write(report: &Report, folder: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: io::Error| Failure::Usage(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    clear(folder).map_err(failed)?;
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::Usage(format!("the report cannot be written: {error}")))?;
    let main = folder.join("report.json");
    for (name, text) in [
        ("seconds.csv", csv(report)),
        ("junit.xml", junit(report)),
        ("index.html", page(report)),
        ("report.json", json),
    ] {
        let half = folder.join(format!(".{name}.part"));
        fs::write(&half, text).map_err(failed)?;
        fs::rename(&half, folder.join(name)).map_err(failed)?;
    }
    Ok(main)
}

/// Removes the report of an earlier run, so that none stands there while this run goes on, nor after it failed.
///
/// # Errors
/// A file cannot be removed.
pub fn clear(folder: &Path) -> io::Result<()> {
    for name in ["report.json", "index.html", "junit.xml", "seconds.csv"] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a report: the file, or `report.json` in the folder.
///
/// # Errors
/// It is none, or of a later version.
pub fn read(path: &Path) -> Result<Report, Failure> {
    let file = if path.is_dir() { path.join("report.json") } else { path.to_owned() };
    let bad = |reason: String| Failure::Usage(format!("{}: {reason}", file.display()));
    let length = fs::metadata(&file).map_err(|error| bad(error.to_string()))?.len();
    if length > REPORT_BYTES_MAX {
        return Err(bad("longer than a report is".to_owned()));
    }
    let text = fs::read_to_string(&file).map_err(|error| bad(error.to_string()))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| bad(format!("not a report: {error}")))?;
    if report.schema_version != SCHEMA_VERSION {
        return Err(bad(format!("a report of version {}, this reads {SCHEMA_VERSION}", report.schema_version)));
    }
    Ok(report)
}
