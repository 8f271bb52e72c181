//! The files of a request: `attachments: [{name, type, bytes}]`, the bytes in base64.

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::mail::{ATTACHMENTS_MAX, check_attachments};
use crate::model::input::Fields;
use crate::model::rules;
use crate::model::{FieldError, InputError};
use crate::ports::Attachment;

pub(super) const FIELD: &str = "attachments";

/// Reads the files, and checks that they can travel with a mail.
///
/// # Errors
/// [`InputError`] with every field that is wrong, of the first file that has one.
pub(super) fn read(value: &Value) -> Result<Vec<Attachment>, InputError> {
    let wrong = |why: String| InputError::field(FIELD, why);
    let Some(items) = value.as_array() else { return Err(wrong("must be a list".to_owned())) };
    if items.len() > ATTACHMENTS_MAX {
        return Err(wrong(format!("must have at most {ATTACHMENTS_MAX} entries")));
    }
    let files = items.iter().enumerate().map(|(at, item)| one(item).map_err(|error| within(at, error)));
    let files: Vec<Attachment> = files.collect::<Result<_, _>>()?;
    check_attachments(&files).map_err(wrong)?;
    Ok(files)
}

fn one(value: &Value) -> Result<Attachment, InputError> {
    let mut fields = Fields::of(value)?;
    let text = |value| rules::text(value).map(str::to_owned);
    let name = fields.required("name", text);
    let content_type = fields.required("type", text);
    let bytes = fields.required("bytes", |value| {
        STANDARD.decode(rules::text(value)?).map_err(|_| "must be bytes in base64, with its padding".to_owned())
    });
    let read = (|| Some(Attachment { name: name?, content_type: content_type?, bytes: bytes?.into() }))();
    fields.finish(read)
}

fn within(at: usize, error: InputError) -> InputError {
    let place = format!("{FIELD}[{at}]");
    match error {
        InputError::Fields(errors) => {
            let inside = |error: FieldError| FieldError::new(format!("{place}.{}", error.field), error.message);
            InputError::Fields(errors.into_iter().map(inside).collect())
        }
        InputError::Malformed(message) => InputError::field(place, message),
    }
}
