//! Where summaries go.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// A summary, and what it is a summary of.
#[derive(Serialize)]
struct Signed<'a, T> {
    #[serde(flatten)]
    report: &'a T,
    /// The code; nothing outside a repository.
    git_ref: Option<String>,
    command: String,
    /// When it ended (RFC 3339).
    at: String,
}

/// Writes `report` as JSON, with the code and the command that made it; its folder is made where it is missing.
pub(super) fn write(path: &Path, report: &impl Serialize) -> Result<(), String> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let signed = Signed {
        report,
        git_ref: origin::git_ref(Path::new(".")),
        command: format!("cargo sim {}", arguments.join(" ")),
        at: coherence::Timestamp::now().to_string(),
    };
    let text = serde_json::to_string_pretty(&signed).map_err(|error| error.to_string())?;
    fs::write(path, text + "\n").map_err(|error| error.to_string())
}
