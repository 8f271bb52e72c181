//! Where summaries go.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// Writes `report` as JSON; its folder is made where it is missing.
pub(super) fn write(path: &Path, report: &impl Serialize) -> Result<(), String> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let text = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    fs::write(path, text + "\n").map_err(|error| error.to_string())
}
