//! The layers of the configuration, flattened to `section.key`, each leaf with its source.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;

const ENV_PREFIX: &str = "SMARTPULSE__";
/// What looks like ours.
const ENV_NAME: &str = "SMARTPULSE_";
/// Below this similarity a suggestion would only confuse.
const SUGGESTION_SIMILARITY_MIN: f64 = 0.75;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The compiled-in defaults.
    Default,
    /// The profile's default.
    Profile(String),
    /// A line of a file.
    File {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Profile(profile) => write!(f, "profile {profile}"),
            Source::File { path, line } => write!(f, "{path}:{line}"),
            Source::Env(name) => write!(f, "env {name}"),
            Source::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value of one leaf.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A list of strings.
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Int(n) => write!(f, "{n}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::List(items) => write!(f, "{items:?}"),
        }
    }
}

impl Value {
    fn type_name(&self) -> &'static str {
        match self {
            Value::Text(_) => "a string",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::List(_) => "a list of strings",
        }
    }

    /// A string from a variable or a flag, read as the type of `self`; lists are separated by commas.
    fn parse_like(&self, text: &str) -> Option<Value> {
        Some(match self {
            Value::Text(_) => Value::Text(text.to_owned()),
            Value::Int(_) => Value::Int(text.trim().parse().ok()?),
            Value::Float(_) => Value::Float(text.trim().parse().ok()?),
            Value::Bool(_) => Value::Bool(text.trim().parse().ok()?),
            Value::List(_) => Value::List(
                text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect(),
            ),
        })
    }
}

/// A value with its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub source: Source,
}

/// The leaves of all layers so far. The first layer, the defaults, says which keys exist and of which type they are.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    leaves: BTreeMap<String, Leaf>,
}

impl Layers {
    /// The defaults alone.
    pub(super) fn defaults(text: &str) -> Result<Self, ConfigError> {
        let flat = flatten("default.toml", text)?;
        let leaf = |value| Leaf { value, source: Source::Default };
        let known = flat.into_iter().filter_map(|(key, (value, _))| Some((key, leaf(value?))));
        Ok(Self { leaves: known.collect() })
    }

    /// A file over it.
    pub(super) fn add_file(&mut self, path: &str, text: &str, errors: &mut Vec<ConfigError>) {
        match flatten(path, text) {
            Err(error) => errors.push(error),
            Ok(flat) => {
                for (key, (value, line)) in flat {
                    let source = Source::File { path: path.to_owned(), line };
                    self.set_typed(key, value, source, errors);
                }
            }
        }
    }

    /// The environment over it; variables without our prefix are not ours.
    pub(super) fn add_env(&mut self, env: &BTreeMap<String, String>, errors: &mut Vec<ConfigError>) {
        for (name, text) in env {
            if let Some(rest) = name.strip_prefix(ENV_PREFIX) {
                let key = rest.to_ascii_lowercase().replace("__", ".");
                self.set_text(key, text, Source::Env(name.clone()), errors);
            }
        }
    }

    /// The variables that nobody reads, because an underscore is missing, each with the name that would be read.
    pub(super) fn misnamed(&self, env: &BTreeMap<String, String>) -> Vec<(String, String)> {
        // Which underscore separates and which belongs to a word does not matter here.
        let plain = |text: &str| text.to_ascii_lowercase().replace("__", "_").replace('.', "_");
        let meant = |name: &String| {
            let rest = name.strip_prefix(ENV_NAME).filter(|_| !name.starts_with(ENV_PREFIX))?;
            let key = self.leaves.keys().find(|key| plain(key) == plain(rest))?;
            Some((name.clone(), format!("{ENV_PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))))
        };
        env.keys().filter_map(meant).collect()
    }

    /// One string over it, from a variable or a flag.
    pub(super) fn set_text(&mut self, key: String, text: &str, source: Source, errors: &mut Vec<ConfigError>) {
        let Some(leaf) = self.leaves.get_mut(&key) else {
            errors.push(self.unknown(key, source));
            return;
        };
        match leaf.value.parse_like(text) {
            Some(value) => *leaf = Leaf { value, source },
            None => {
                let expected = leaf.value.type_name().to_owned();
                errors.push(ConfigError::BadValue { key, source_: source, expected, found: format!("{text:?}") });
            }
        }
    }

    fn set_typed(&mut self, key: String, value: Option<Value>, source: Source, errors: &mut Vec<ConfigError>) {
        let Some(leaf) = self.leaves.get_mut(&key) else {
            errors.push(self.unknown(key, source));
            return;
        };
        let value = match (&leaf.value, value) {
            (Value::Float(_), Some(Value::Int(n))) => Some(Value::Float(n as f64)),
            // `drain.delay_ms = 100` reads well, though its default is a word.
            (Value::Text(_), Some(Value::Int(n))) if key == "drain.delay_ms" => Some(Value::Text(n.to_string())),
            (_, value) => value,
        };
        match value {
            Some(value) if std::mem::discriminant(&value) == std::mem::discriminant(&leaf.value) => {
                *leaf = Leaf { value, source };
            }
            other => {
                let found = other.map_or("something else", |value| value.type_name()).to_owned();
                let expected = leaf.value.type_name().to_owned();
                errors.push(ConfigError::BadValue { key, source_: source, expected, found });
            }
        }
    }

    /// A default that follows from other settings.
    pub(super) fn set_derived(&mut self, key: &str, value: Value, source: Source) {
        self.leaves.insert(key.to_owned(), Leaf { value, source });
    }

    /// One leaf.
    pub fn get(&self, key: &str) -> Option<&Leaf> {
        self.leaves.get(key)
    }

    /// All leaves, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Leaf)> {
        self.leaves.iter().map(|(key, leaf)| (key.as_str(), leaf))
    }

    fn unknown(&self, key: String, source_: Source) -> ConfigError {
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let similarity = |known: &str| {
            let whole = strsim::jaro_winkler(known, &key);
            // A right name under a wrong section comes before any wrong name.
            if last(known) == last(&key) { 1.0 + whole } else { whole }
        };
        let scored = self.leaves.keys().map(|known| (similarity(known), known));
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= SUGGESTION_SIMILARITY_MIN);
        ConfigError::UnknownKey { nearest: best.map(|(_, known)| known.clone()), key, source_ }
    }
}

type Flat = BTreeMap<String, (Option<Value>, usize)>;

/// Leaf paths with their value (`None`: of no type that a setting has) and line.
fn flatten(path: &str, text: &str) -> Result<Flat, ConfigError> {
    let table = DeTable::parse(text)
        .map_err(|error| ConfigError::Syntax { path: path.to_owned(), message: error.to_string().trim().to_owned() })?;
    let mut flat = Flat::new();
    flatten_into(table.get_ref(), "", text, &mut flat);
    Ok(flat)
}

fn flatten_into(table: &DeTable<'_>, prefix: &str, text: &str, flat: &mut Flat) {
    for (name, value) in table.iter() {
        let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) => flatten_into(inner, &key, text, flat),
            _ => {
                let line = text.as_bytes().iter().take(name.span().start).filter(|byte| **byte == b'\n').count() + 1;
                flat.insert(key, (value_of(value), line));
            }
        }
    }
}

fn value_of(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    match value.get_ref() {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Boolean(b) => Some(Value::Bool(*b)),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok().map(Value::Int),
        DeValue::Float(x) => x.as_str().parse().ok().map(Value::Float),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            items.collect::<Option<Vec<_>>>().map(Value::List)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
