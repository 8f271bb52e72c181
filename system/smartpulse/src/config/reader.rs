//! Typed reading of the layers. A value that does not fit is noted, and reading goes on, so that everything that is
//! wrong is reported at once; a configuration with notes is never handed out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::ConfigError;
use super::layers::{Layers, Leaf, Source, Value};
use super::secret::Secret;

/// The most waits between the tries of one thing.
const WAITS_MAX: usize = 32;

/// Reads leaves, remembers errors.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    layers: &'a Layers,
    pub(super) errors: Vec<ConfigError>,
    pub(super) seen: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers) -> Self {
        Self { layers, errors: Vec::new(), seen: BTreeSet::new() }
    }

    fn leaf(&mut self, key: &str) -> Option<&'a Leaf> {
        self.seen.insert(key.to_owned());
        self.layers.get(key)
    }

    pub(super) fn source(&self, key: &str) -> Source {
        self.layers.get(key).map_or(Source::Default, |leaf| leaf.source.clone())
    }

    pub(super) fn bad(&mut self, key: &str, expected: impl Into<String>) {
        let leaf = self.layers.get(key);
        let found = match leaf {
            Some(_) if super::SECRETS.contains(&key) => "what was given".to_owned(),
            Some(leaf) => super::load::shown_value(key, &leaf.value),
            None => "absent".to_owned(),
        };
        let (key, source_) = (key.to_owned(), self.source(key));
        self.errors.push(ConfigError::BadValue { key, source_, expected: expected.into(), found });
    }

    pub(super) fn combination(&mut self, message: impl Into<String>) {
        self.errors.push(ConfigError::Combination(message.into()));
    }

    pub(super) fn text(&mut self, key: &str) -> String {
        match self.leaf(key).map(|leaf| &leaf.value) {
            Some(Value::Text(text)) => text.clone(),
            _ => {
                self.bad(key, "a string");
                String::new()
            }
        }
    }

    /// A string that is absent when empty.
    pub(super) fn optional(&mut self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        match self.leaf(key).map(|leaf| &leaf.value) {
            Some(Value::Bool(value)) => *value,
            _ => {
                self.bad(key, "true or false");
                false
            }
        }
    }

    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        match self.leaf(key).map(|leaf| &leaf.value) {
            Some(Value::List(items)) => items.clone(),
            _ => {
                self.bad(key, "a list of strings");
                Vec::new()
            }
        }
    }

    pub(super) fn int(&mut self, key: &str, range: RangeInclusive<u64>) -> u64 {
        if let Some(Value::Int(n)) = self.leaf(key).map(|leaf| &leaf.value)
            && let Ok(n) = u64::try_from(*n)
            && range.contains(&n)
        {
            return n;
        }
        self.bad(key, format!("an integer from {} to {}", range.start(), range.end()));
        *range.start()
    }

    pub(super) fn size(&mut self, key: &str, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.int(key, range)).unwrap_or(usize::MAX)
    }

    pub(super) fn int32(&mut self, key: &str, range: RangeInclusive<u64>) -> u32 {
        u32::try_from(self.int(key, range)).unwrap_or(u32::MAX)
    }

    pub(super) fn seconds(&mut self, key: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.int(key, range))
    }

    pub(super) fn millis(&mut self, key: &str, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.int(key, range))
    }

    pub(super) fn fraction(&mut self, key: &str, range: RangeInclusive<f64>) -> f64 {
        if let Some(Value::Float(x)) = self.leaf(key).map(|leaf| &leaf.value)
            && range.contains(x)
        {
            return *x;
        }
        self.bad(key, format!("a number from {:?} to {:?}", range.start(), range.end()));
        *range.start()
    }

    /// Whole numbers, written as a list of strings.
    pub(super) fn numbers<T: TryFrom<u64>>(&mut self, key: &str, range: RangeInclusive<u64>) -> Vec<T> {
        let items = self.list(key);
        let number = |item: &String| {
            let number = item.trim().parse().ok().filter(|number| range.contains(number))?;
            T::try_from(number).ok()
        };
        items.iter().map(number).collect::<Option<Vec<T>>>().unwrap_or_else(|| {
            self.bad(key, format!("a list of integers from {} to {}, as strings", range.start(), range.end()));
            Vec::new()
        })
    }

    /// The waits between tries, in milliseconds, at most [`WAITS_MAX`] of them.
    pub(super) fn waits(&mut self, key: &str) -> Vec<Duration> {
        let waits: Vec<u64> = self.numbers(key, 0..=600_000);
        if waits.len() > WAITS_MAX {
            self.bad(key, format!("at most {WAITS_MAX} waits"));
        }
        waits.into_iter().map(Duration::from_millis).collect()
    }

    pub(super) fn address(&mut self, key: &str) -> SocketAddr {
        self.text(key).parse().unwrap_or_else(|_| {
            self.bad(key, "an address with a port, such as 127.0.0.1:8080");
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let given = self.text(key);
        let found = choices.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.bad(key, format!("one of {}", words.join(", ")));
        }
        found
    }

    /// A secret, given itself or by its `_file`.
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret<String>> {
        let file_key = format!("{key}_file");
        let (value, file) = (self.optional(key), self.optional(&file_key));
        match (value, file) {
            (None, None) => None,
            (Some(value), None) => Some(Secret::new(value)),
            (Some(_), Some(_)) => {
                let (a, b) = (self.source(key), self.source(&file_key));
                self.combination(format!("`{key}` ({a}) and `{file_key}` ({b}) are both set; keep one"));
                None
            }
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())),
                Err(error) => {
                    let message = error.to_string();
                    self.errors.push(ConfigError::Unreadable { named_by: format!("`{file_key}`"), path, message });
                    None
                }
            },
        }
    }
}
