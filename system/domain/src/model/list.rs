//! The parameters of a list.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use coherence::{Tag, Timestamp};

use super::input::{ERRORS_PER_ITEM_MAX, FieldError, InputError};
use super::{CompanyId, ForecastId, Scope, Status, UnitId, all_forecasts_tag, company_tag, rules, unit_tag};
use crate::ports::{ListCursor, ListQuery, PageStart};

/// The most items of one page.
pub const TAKE_MAX: u32 = 100;
/// The items of one page if the request does not say.
pub const TAKE_DEFAULT: u32 = 20;
/// The most items that can be skipped; further pages are reached by `cursor`, which costs the same on any page.
pub const SKIP_MAX: u32 = 1_000_000;
/// The most companies of a caller whose lists carry a tag for each; with more they carry `forecast:*`.
pub const SCOPE_TAGS_MAX: usize = 16;

/// `?companyId&productionUnitId&from&to&status&skip&take&cursor`, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListParams {
    /// Only this company.
    pub company_id: Option<CompanyId>,
    /// Only this unit.
    pub production_unit_id: Option<UnitId>,
    /// Only dates from here on.
    pub from: Option<Timestamp>,
    /// Only dates before.
    pub to: Option<Timestamp>,
    /// Only this status.
    pub status: Option<Status>,
    /// Where the page starts.
    pub start: PageStart,
    /// At most this many items.
    pub take: u32,
}

impl ListParams {
    /// Reads the pairs of a query string, decoded. Parameters that lists do not have are ignored.
    ///
    /// # Errors
    /// [`InputError::Fields`] with every parameter that is wrong.
    pub fn from_query<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InputError> {
        let mut query = Query::of(pairs, &NAMES);
        let company_id = query.read("companyId", rules::id_text);
        let production_unit_id = query.read("productionUnitId", rules::id_text);
        let from = query.read("from", date_bound);
        let to = query.read("to", date_bound);
        let status = query.read("status", rules::status_text);
        let take = query.read("take", |text| whole(text, 1, TAKE_MAX)).unwrap_or(TAKE_DEFAULT);
        let skip = query.read("skip", |text| whole(text, 0, SKIP_MAX));
        let cursor = query.read("cursor", |text| ListCursor::from_text(text).ok_or_else(|| NOT_A_CURSOR.to_owned()));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            query.fail("to", "must not be before `from`");
        }
        if query.has("skip") && query.has("cursor") {
            query.fail("skip", "cannot be combined with `cursor`");
        }
        query.finish(Self {
            company_id,
            production_unit_id,
            from,
            to,
            status,
            start: cursor.map_or(PageStart::Skip(skip.unwrap_or(0)), PageStart::After),
            take,
        })
    }

    /// The one text of this query: equal for all spellings that ask the same. Part of the output cache's key.
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let separator = if text.is_empty() { "" } else { "&" };
                // Writing into a String cannot fail.
                let _ = write!(text, "{separator}{name}={value}");
            }
        };
        add("companyId", self.company_id.map(|id| id.to_string()));
        match &self.start {
            PageStart::After(cursor) => add("cursor", Some(cursor.to_text())),
            PageStart::Skip(skip) => add("skip", Some(skip.to_string())),
        }
        add("from", self.from.map(|time| time.to_string()));
        add("productionUnitId", self.production_unit_id.map(|id| id.to_string()));
        add("status", self.status.map(|status| status.name().to_owned()));
        add("take", Some(self.take.to_string()));
        add("to", self.to.map(|time| time.to_string()));
        text
    }

    /// The question to the store.
    pub fn query(&self, scope: &Scope) -> ListQuery {
        ListQuery {
            scope: scope.clone(),
            company_id: self.company_id,
            production_unit_id: self.production_unit_id,
            from: self.from,
            to: self.to,
            status: self.status,
            start: self.start,
            take: self.take,
        }
    }

    /// The narrowest tags that cover whatever this list could show to a caller of `scope` (ruling 5).
    pub fn tags(&self, scope: &Scope) -> Vec<Tag> {
        match (self.production_unit_id, self.company_id, scope) {
            (Some(unit), _, _) => vec![unit_tag(unit)],
            (None, Some(company), _) => vec![company_tag(company)],
            (None, None, Scope::Companies(companies)) if companies.len() <= SCOPE_TAGS_MAX => {
                companies.iter().copied().map(company_tag).collect()
            }
            (None, None, _) => vec![all_forecasts_tag()],
        }
    }
}

const NAMES: [&str; 8] = ["companyId", "productionUnitId", "from", "to", "status", "skip", "take", "cursor"];
const NOT_A_CURSOR: &str = "is not a cursor that this service gave";

/// The parameters of a query string; what is wrong is collected.
pub(crate) struct Query {
    values: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl Query {
    /// The pairs of a query string. Each of `names` may be given once.
    pub(crate) fn of<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>, names: &[&str]) -> Self {
        let mut query = Self { values: BTreeMap::new(), errors: Vec::new() };
        for (name, value) in pairs {
            let value = value.as_ref().to_owned();
            if query.values.insert(name.as_ref().to_owned(), value).is_some() && names.contains(&name.as_ref()) {
                query.fail(name.as_ref(), "must be given once");
            }
        }
        query
    }

    /// Whether a parameter is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Reads a parameter, if it is given.
    pub(crate) fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match read(self.values.get(name)?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.fail(name, message);
                None
            }
        }
    }

    /// Notes what is wrong with a parameter.
    pub(crate) fn fail(&mut self, name: &str, message: impl Into<String>) {
        if self.errors.len() < ERRORS_PER_ITEM_MAX {
            self.errors.push(FieldError::new(name, message));
        }
    }

    /// Ends the reading: `value` is good if nothing was wrong.
    ///
    /// # Errors
    /// [`InputError::Fields`] with what is wrong.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, InputError> {
        match self.errors.is_empty() {
            true => Ok(value),
            false => Err(InputError::Fields(self.errors)),
        }
    }
}

/// A bound of dates, moved to where dates can be: whoever asks from year 1 to year 9999 asks for all.
fn date_bound(text: &str) -> Result<Timestamp, String> {
    let bound = rules::microseconds_up(rules::instant(text)?);
    Ok(bound.clamp(rules::FORECAST_DATE_MIN, rules::FORECAST_DATE_END))
}

/// A number without sign.
pub(crate) fn whole(text: &str, min: u32, max: u32) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if (min..=max).contains(&number) && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(format!("must be a whole number from {min} to {max}")),
    }
}

/// The text form of a cursor: hexadecimal of a format number, the date in microseconds, the id, and a check sum that
/// tells a mistyped or cut cursor. It grants nothing: the caller's scope holds on every page.
impl ListCursor {
    const FORMAT: u8 = 1;
    const BODY_BYTES: usize = 1 + 8 + 16;
    const BYTES: usize = Self::BODY_BYTES + 4;

    /// The cursor for a client.
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.push(Self::FORMAT);
        bytes.extend(self.forecast_date.as_microsecond().to_be_bytes());
        bytes.extend(self.id.0.as_bytes());
        bytes.extend(check(&bytes));
        bytes.iter().fold(String::with_capacity(2 * Self::BYTES), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads what [`ListCursor::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let canonical = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 2 * Self::BYTES || !text.bytes().all(canonical) {
            return None;
        }
        let bytes: Option<Vec<u8>> =
            (0..Self::BYTES).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect();
        let bytes = bytes?;
        let (body, sum) = bytes.split_at_checked(Self::BODY_BYTES)?;
        let (format, rest) = body.split_first()?;
        let (date, id) = rest.split_at_checked(8)?;
        if *format != Self::FORMAT || check(body) != sum {
            return None;
        }
        Some(Self {
            forecast_date: Timestamp::from_microsecond(i64::from_be_bytes(date.try_into().ok()?)).ok()?,
            id: ForecastId(uuid::Uuid::from_slice(id).ok()?),
        })
    }
}

fn check(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = xxhash_rust::xxh3::xxh3_64(bytes).to_be_bytes();
    [a, b, c, d]
}
