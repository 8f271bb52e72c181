//! A request for many forecasts at once.

use serde_json::Value;

use super::input::{ERRORS_PER_BODY_MAX, FieldError, Fields, InputError, json};
use super::{CreateForecast, rules};

/// The most items of one batch.
pub const BATCH_ITEMS_MAX: usize = 1_000;

/// The body of `POST /forecasts/batch`: `{items: [..], notify?: bool}`. Items are checked one by one: a wrong one does
/// not stop the others.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRequest {
    /// The items, in their order; what is wrong with those that are wrong.
    pub items: Vec<Result<CreateForecast, Vec<FieldError>>>,
    /// Whether forecasts that become `Completed` are announced; an import must alert nobody.
    pub notify: bool,
}

impl BatchRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] if the request as a whole cannot be understood.
    pub fn from_json(body: &[u8]) -> Result<Self, InputError> {
        let value = json(body)?;
        let mut fields = Fields::of(&value)?;
        let items = fields.required("items", |value| match value.as_array() {
            Some(items) if items.len() <= BATCH_ITEMS_MAX => Ok(items),
            Some(_) => Err(format!("must have at most {BATCH_ITEMS_MAX} entries")),
            None => Err("must be a list".to_owned()),
        });
        let notify = fields.optional("notify", rules::flag).unwrap_or(false);
        let items = fields.finish(items)?;
        let mut told = 0;
        let item = |value: &Value| {
            item(value).map_err(|mut errors| {
                errors.truncate(ERRORS_PER_BODY_MAX.saturating_sub(told).max(1));
                told += errors.len();
                errors
            })
        };
        Ok(Self { items: items.iter().map(item).collect(), notify })
    }
}

fn item(value: &Value) -> Result<CreateForecast, Vec<FieldError>> {
    CreateForecast::from_value(value).map_err(|error| match error {
        InputError::Fields(errors) => errors,
        InputError::Malformed(message) => vec![FieldError::new("", message)],
    })
}
