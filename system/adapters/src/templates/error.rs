//! Why the templates cannot be used. All of these stop the start.

use std::path::PathBuf;
use std::sync::Arc;

/// The templates cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TemplatesError {
    /// A file or the folder cannot be read.
    #[error("the templates cannot be read: {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A file that is no template, too long, or one too many.
    #[error("{file} is no template: {reason}")]
    File {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// A template has only one of its parts.
    #[error("template {template:?} has no {missing} part")]
    Part {
        /// Which.
        template: String,
        /// The part that is missing: `txt` or `html`.
        missing: &'static str,
    },
    /// Its first lines, between two lines `---`, are not understood.
    #[error("the settings at the top of {file}: {reason}")]
    Front {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
    /// It names values that nobody gives.
    #[error("{file} names unknown values: {}; there are: {}", names.join(", "), known.join(", "))]
    Values {
        /// Which.
        file: String,
        /// What it names.
        names: Vec<String>,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// It cannot be parsed, or rendering it with sample values failed.
    #[error("{file}: {reason}")]
    Broken {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
}
