//! Reading what Redis answers. Whatever it is, nothing here panics.

use bytes::Bytes;
use redis::Value;

use crate::error::Failure;

fn unexpected(what: &str) -> Failure {
    Failure::Corrupt(format!("{what} expected in an answer of Redis"))
}

/// The elements of a list.
pub(crate) fn array(value: Value) -> Result<Vec<Value>, Failure> {
    match value {
        Value::Array(elements) => Ok(elements),
        _ => Err(unexpected("a list")),
    }
}

/// Bytes.
pub(crate) fn bytes(value: Option<Value>) -> Result<Bytes, Failure> {
    match value {
        Some(Value::BulkString(bytes)) => Ok(Bytes::from(bytes)),
        Some(Value::SimpleString(text)) => Ok(Bytes::from(text)),
        Some(Value::VerbatimString { text, .. }) => Ok(Bytes::from(text)),
        _ => Err(unexpected("text")),
    }
}

/// Text.
pub(crate) fn text(value: Option<Value>) -> Result<String, Failure> {
    String::from_utf8(bytes(value)?.into()).map_err(|_| unexpected("UTF-8"))
}

/// Text, if there is any.
pub(crate) fn text_or_nil(value: Option<Value>) -> Result<Option<String>, Failure> {
    match value {
        None | Some(Value::Nil) => Ok(None),
        found => text(found).map(Some),
    }
}

/// A whole number, also as text.
pub(crate) fn whole(value: Option<Value>) -> Result<u64, Failure> {
    match value {
        Some(Value::Int(number)) => u64::try_from(number).map_err(|_| unexpected("a number above zero")),
        other => text(other)?.parse().map_err(|_| unexpected("a whole number")),
    }
}

/// A list whose first element says what it is.
pub(crate) fn verdict(value: Value) -> Result<(String, std::vec::IntoIter<Value>), Failure> {
    let mut elements = array(value)?.into_iter();
    Ok((text(elements.next())?, elements))
}

/// A verdict that no script of ours gives.
pub(crate) fn unknown(verdict: &str) -> Failure {
    Failure::Corrupt(format!("a script answered {verdict:?}"))
}
