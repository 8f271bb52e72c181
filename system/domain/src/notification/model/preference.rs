//! Who wants to be told of what, and how.

use serde::Serialize;
use serde_json::Value;

use super::ChannelSet;
use crate::model::input::{Fields, json};
use crate::model::rules;
use crate::model::{CompanyId, FieldError, InputError, UnitId};

/// The most preferences of one user.
pub const PREFERENCES_PER_USER_MAX: usize = 200;

/// One wish of one user. That for a unit goes before that for its whole company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preference {
    /// The company.
    pub company_id: CompanyId,
    /// One of its units; `None`: all of them.
    pub unit_id: Option<UnitId>,
    /// How; no channel: not at all.
    pub channels: ChannelSet,
}

/// The body of `PUT /notification-preferences`: `{items: [{companyId, unitId?, channels}]}`, all of a user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPreferences(pub Vec<Preference>);

impl SetPreferences {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong, of the first item that has one.
    pub fn from_json(body: &[u8]) -> Result<Self, InputError> {
        let value = json(body)?;
        let mut fields = Fields::of(&value)?;
        let items = fields.required("items", |value| match value.as_array() {
            Some(items) if items.len() <= PREFERENCES_PER_USER_MAX => Ok(items),
            Some(_) => Err(format!("must have at most {PREFERENCES_PER_USER_MAX} entries")),
            None => Err("must be a list".to_owned()),
        });
        let items = fields.finish(items)?;
        let mut read: Vec<Preference> = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let preference = one(item).map_err(|error| within(at, error))?;
            if read.iter().any(|other| other.company_id == preference.company_id && other.unit_id == preference.unit_id)
            {
                return Err(InputError::field(format!("items[{at}]"), "must not come twice"));
            }
            read.push(preference);
        }
        Ok(Self(read))
    }
}

fn one(value: &Value) -> Result<Preference, InputError> {
    let mut fields = Fields::of(value)?;
    let company_id: Option<CompanyId> = fields.required("companyId", rules::id);
    let unit_id: Option<UnitId> = fields.optional("unitId", rules::id);
    let channels = fields.required("channels", ChannelSet::read);
    let read = company_id.zip(channels).map(|(company_id, channels)| Preference { company_id, unit_id, channels });
    fields.finish(read)
}

fn within(at: usize, error: InputError) -> InputError {
    match error {
        InputError::Fields(errors) => InputError::Fields(
            errors
                .into_iter()
                .map(|error| FieldError::new(format!("items[{at}].{}", error.field), error.message))
                .collect(),
        ),
        InputError::Malformed(message) => InputError::field(format!("items[{at}]"), message),
    }
}
