//! What can be wrong with a configuration. All of it is reported at once.

use std::fmt;

use super::layers::Source;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("{source_}: there is no setting `{key}`{}", suggestion(.nearest))]
    UnknownKey {
        /// As given.
        key: String,
        /// Where it was given.
        source_: Source,
        /// The most similar key.
        nearest: Option<String>,
    },
    /// A value of another type than its key's, or out of its range.
    #[error("{source_}: `{key}` must be {expected}, not {found}")]
    BadValue {
        /// The key.
        key: String,
        /// Where the value was given.
        source_: Source,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Combination(String),
    /// The file is not TOML.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: String,
        /// The parser's words, with the line.
        message: String,
    },
    /// A file that is named cannot be read.
    #[error("{named_by}: cannot read {path}: {message}")]
    Unreadable {
        /// The key or flag that names the file.
        named_by: String,
        /// The file.
        path: String,
        /// The reason.
        message: String,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |key| format!("; did you mean `{key}`?"))
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

impl std::error::Error for ConfigErrors {}
