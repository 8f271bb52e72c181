//! Where the templates come from: the built-in ones, and a folder's over them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::error::TemplatesError;
use super::limits::{FILE_BYTES_MAX, FILES_MAX};

/// The endings of the files of the two parts.
pub(super) const TEXT: &str = "txt";
/// See [`TEXT`].
pub(super) const HTML: &str = "html";

/// The templates that this program sends: name, text part, HTML part.
const BUILT_IN: [(&str, &str, &str); 3] = [
    ("alert", include_str!("../../templates/alert.txt"), include_str!("../../templates/alert.html")),
    (
        "forecast_completed",
        include_str!("../../templates/forecast_completed.txt"),
        include_str!("../../templates/forecast_completed.html"),
    ),
    ("ops_alert", include_str!("../../templates/ops_alert.txt"), include_str!("../../templates/ops_alert.html")),
];

/// The two parts of a template, as their files hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
}

/// Templates by their names.
pub(super) type Catalogue = BTreeMap<String, Parts>;

/// The built-in templates.
pub(super) fn built_in() -> Catalogue {
    let parts = |text: &str, html: &str| Parts { text: Some(text.to_owned()), html: Some(html.to_owned()) };
    BUILT_IN.iter().map(|(name, text, html)| ((*name).to_owned(), parts(text, html))).collect()
}

/// The templates of `folder`. Hidden files are none; any other file must be one, so that a misspelt name is noticed.
pub(super) fn folder(folder: &Path) -> Result<Catalogue, TemplatesError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| TemplatesError::Io { path, source: Arc::new(error) }
    };
    let mut found = Catalogue::new();
    for (count, entry) in std::fs::read_dir(folder).map_err(io(folder))?.enumerate() {
        let path = entry.map_err(io(folder))?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let refused = |reason: String| TemplatesError::File { file: file.clone(), reason };
        if count >= FILES_MAX {
            return Err(refused(format!("there are more than {FILES_MAX} files")));
        }
        if file.starts_with('.') {
            continue;
        }
        let (name, ending) = file.rsplit_once('.').unwrap_or((&file, ""));
        if !is_name(name) || !matches!(ending, TEXT | HTML) {
            return Err(refused(format!("its name is not <a-z, 0-9, _>.{TEXT} or .{HTML}")));
        }
        if std::fs::metadata(&path).map_err(io(&path))?.len() > FILE_BYTES_MAX {
            return Err(refused(format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(&path).map_err(io(&path))?;
        let parts = found.entry(name.to_owned()).or_default();
        let part = if ending == TEXT { &mut parts.text } else { &mut parts.html };
        *part = Some(text);
    }
    Ok(found)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
