//! Reading JSON from outside: strict, and complete in what it reports. All wrong fields are named at once, up to a bound.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most errors told of one object.
pub const ERRORS_PER_ITEM_MAX: usize = 16;
/// The most errors told of one body; beyond them each item of a batch tells its first.
pub const ERRORS_PER_BODY_MAX: usize = 64;
/// How much of a name from outside an error repeats.
const NAME_SHOWN_CHARS: usize = 64;
/// From this length on an error is not prefixed with the names around it.
const PATH_SHOWN_BYTES: usize = 256;

/// One field that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name in the request.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

impl FieldError {
    /// Names a field and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// Why a request cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The body is no JSON, or names a member twice.
    #[error("the body cannot be read as JSON: {0}")]
    Malformed(String),
    /// Fields are missing, unknown or wrong: all of them.
    #[error("{} field(s) are not acceptable", .0.len())]
    Fields(Vec<FieldError>),
}

impl InputError {
    /// One wrong field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldError::new(field, message)])
    }
}

/// Reads a JSON text; a member named twice is refused, since readers would disagree on which one counts.
pub(crate) fn json(body: &[u8]) -> Result<Value, InputError> {
    match serde_json::from_slice::<Strict>(body) {
        Ok(Strict(value)) => Ok(value),
        Err(error) => Err(InputError::Malformed(error.to_string())),
    }
}

/// The beginning of a name from outside.
fn shown(name: &str) -> &str {
    name.char_indices().nth(NAME_SHOWN_CHARS).map_or(name, |(end, _)| name.get(..end).unwrap_or_default())
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let Strict(value) = access.next_value().map_err(|error: A::Error| {
                let inner = error.to_string();
                match inner.len() < PATH_SHOWN_BYTES {
                    true => A::Error::custom(format!("{}: {inner}", shown(&name))),
                    false => error,
                }
            })?;
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("`{}` is named twice", shown(&name))));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// The members of one JSON object, read one after the other; what is wrong is collected.
pub(crate) struct Fields<'a> {
    members: &'a Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// # Errors
    /// [`InputError::Malformed`] if `value` is no object.
    pub(crate) fn of(value: &'a Value) -> Result<Self, InputError> {
        match value {
            Value::Object(members) => Ok(Self { members, known: Vec::new(), errors: Vec::new() }),
            _ => Err(InputError::Malformed("a JSON object is expected".to_owned())),
        }
    }

    /// A member as it stands: absent, null or a value.
    fn member(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.members.get(name)
    }

    /// A member that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        match self.member(name) {
            None | Some(Value::Null) => self.fail(name, "is required"),
            Some(value) => self.keep(name, read(value)),
        }
    }

    /// A member that may be absent or null; the outer `None` says absent, the inner one null.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match self.member(name)? {
            Value::Null => Some(None),
            value => self.keep(name, read(value)).map(Some),
        }
    }

    /// A member that may be absent; null counts as absent.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        self.nullable(name, read).flatten()
    }

    /// A member that may be absent but not null.
    pub(crate) fn present<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Option<T> {
        match self.member(name)? {
            Value::Null => self.fail(name, "cannot be removed"),
            value => self.keep(name, read(value)),
        }
    }

    /// A member that must not be there.
    pub(crate) fn refuse(&mut self, name: &'static str, why: &str) {
        if self.member(name).is_some() {
            self.errors.push(FieldError::new(name, why));
        }
    }

    /// Notes what is wrong with a member; answers `None` for it.
    pub(crate) fn fail<T>(&mut self, name: &'static str, message: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError::new(name, message));
        None
    }

    fn keep<T>(&mut self, name: &'static str, read: Result<T, String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(message) => self.fail(name, message),
        }
    }

    /// Ends the reading: members that nobody asked for are errors too, up to [`ERRORS_PER_ITEM_MAX`]. `value` is complete if there are none.
    ///
    /// # Errors
    /// [`InputError::Fields`] with what is wrong.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, InputError> {
        for name in self.members.keys() {
            if !self.known.contains(&name.as_str()) {
                self.errors.push(FieldError::new(shown(name), "is unknown"));
            }
            if self.errors.len() >= ERRORS_PER_ITEM_MAX {
                break;
            }
        }
        self.errors.truncate(ERRORS_PER_ITEM_MAX);
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(InputError::Fields(self.errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readers_would_disagree_on_is_refused() {
        let malformed = |body: &str| match json(body.as_bytes()) {
            Err(InputError::Malformed(message)) => message,
            other => panic!("{body} gave {other:?}"),
        };
        assert!(malformed(r#"{"demand": 1, "demand": 2}"#).contains("`demand` is named twice"));
        assert!(malformed(r#"{"items": [{"a": 1, "a": 1}]}"#).contains("items: `a` is named twice"));
        assert!(malformed(r#"{"demand": 1e999}"#).contains("demand: number out of range"));
        for body in ["", "{", "{} {}", "NaN", r#"{"demand": NaN}"#, r#"{"demand": Infinity}"#, "{'a': 1}", "\u{feff}{}"]
        {
            malformed(body);
        }
        assert_eq!(json(b"[1, -2, 2.5, \"x\", null, true]").unwrap().to_string(), r#"[1,-2,2.5,"x",null,true]"#);
    }
}
