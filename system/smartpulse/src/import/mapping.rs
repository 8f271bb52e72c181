//! Which column of a table becomes which field of a forecast.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::sample::{OPSD_COMPANY_ID, OPSD_UNIT_ID};

/// Below this similarity a suggestion would only confuse.
const SUGGESTION_SIMILARITY_MIN: f64 = 0.75;

/// A field of a forecast that a table can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `companyId`, needed.
    CompanyId,
    /// `productionUnitId`, needed.
    ProductionUnitId,
    /// `providerId`.
    ProviderId,
    /// `forecastDate`, needed: a date or a time with its zone.
    ForecastDate,
    /// `demand`, needed.
    Demand,
    /// `supply`.
    Supply,
    /// `confidence`, needed.
    Confidence,
}

impl Field {
    /// All fields.
    pub const ALL: [Field; 7] = [
        Field::CompanyId,
        Field::ProductionUnitId,
        Field::ProviderId,
        Field::ForecastDate,
        Field::Demand,
        Field::Supply,
        Field::Confidence,
    ];

    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Field::CompanyId => "companyId",
            Field::ProductionUnitId => "productionUnitId",
            Field::ProviderId => "providerId",
            Field::ForecastDate => "forecastDate",
            Field::Demand => "demand",
            Field::Supply => "supply",
            Field::Confidence => "confidence",
        }
    }

    const fn is_needed(self) -> bool {
        !matches!(self, Field::ProviderId | Field::Supply)
    }
}

/// Where a field's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The column of this name.
    Column(String),
    /// This value, for all rows.
    Constant(String),
}

/// A mapping: `forecastDate=Date,demand=Consumption,companyId='6a0f...'`. Names of columns may be in double quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping(pub(super) BTreeMap<Field, Origin>);

/// A mapping that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A part is not `field=Column` or `field='constant'`.
    #[error("{0:?} is not of the form field=Column or field='constant'")]
    Syntax(String),
    /// A field that no forecast has.
    #[error("there is no field {name:?}{}", suggestion(.nearest))]
    UnknownField {
        /// As given.
        name: String,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// A field twice.
    #[error("the field {0} is mapped twice")]
    Twice(&'static str),
    /// A needed field is not mapped.
    #[error("the field {0} is not mapped; add {0}=Column or {0}='constant'")]
    Unmapped(&'static str),
    /// A column that the table does not have.
    #[error("the table has no column {name:?}{}; it has {columns}", suggestion(.nearest))]
    UnknownColumn {
        /// As given.
        name: String,
        /// The most similar one.
        nearest: Option<String>,
        /// All of them.
        columns: String,
    },
    /// No preset knows the header.
    #[error("the columns {0} are not known; say what they mean with --mapping")]
    Undetected(String),
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"))
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let scored = known.map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase()), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= SUGGESTION_SIMILARITY_MIN);
    best.map(|(_, known)| known.to_owned())
}

impl Mapping {
    /// The preset for Open Power System Data's daily table of Germany.
    pub fn opsd() -> Self {
        let column = |name: &str| Origin::Column(name.to_owned());
        let constant = |value: &str| Origin::Constant(value.to_owned());
        Self(BTreeMap::from([
            (Field::CompanyId, constant(OPSD_COMPANY_ID)),
            (Field::ProductionUnitId, constant(OPSD_UNIT_ID)),
            (Field::ForecastDate, column("Date")),
            (Field::Demand, column("Consumption")),
            (Field::Supply, column("Wind+Solar")),
            (Field::Confidence, constant("1.0")),
        ]))
    }

    /// The mapping that fits a header: that of the preset whose columns are all there, or each field its own column.
    ///
    /// # Errors
    /// None fits.
    pub fn detect(header: &[&str]) -> Result<Self, MappingError> {
        let own = Field::ALL.into_iter().filter(|field| header.contains(&field.as_str()));
        let own = Self(own.map(|field| (field, Origin::Column(field.as_str().to_owned()))).collect());
        let fits = |mapping: &Mapping| mapping.check().is_ok() && mapping.places(header).is_ok();
        [Self::opsd(), own].into_iter().find(fits).ok_or_else(|| MappingError::Undetected(header.join(", ")))
    }

    fn check(&self) -> Result<(), MappingError> {
        let absent = Field::ALL.into_iter().find(|field| field.is_needed() && !self.0.contains_key(field));
        absent.map_or(Ok(()), |field| Err(MappingError::Unmapped(field.as_str())))
    }

    /// For each field the index of its column, or its constant.
    pub(super) fn places(&self, header: &[&str]) -> Result<BTreeMap<Field, Place>, MappingError> {
        let place = |origin: &Origin| match origin {
            Origin::Constant(value) => Ok(Place::Constant(value.clone())),
            Origin::Column(name) => {
                header.iter().position(|column| column == name).map(Place::Column).ok_or_else(|| {
                    let nearest = nearest(name, header.iter().copied());
                    MappingError::UnknownColumn { name: name.clone(), nearest, columns: header.join(", ") }
                })
            }
        };
        self.0.iter().map(|(field, origin)| Ok((*field, place(origin)?))).collect()
    }
}

/// Where in a row a field's value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Column(usize),
    Constant(String),
}

impl FromStr for Mapping {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let mut fields = BTreeMap::new();
        for part in split(text) {
            let syntax = || MappingError::Syntax(part.to_owned());
            let (name, origin) = part.split_once('=').ok_or_else(syntax)?;
            let (name, origin) = (name.trim(), origin.trim());
            let field = Field::ALL.into_iter().find(|field| field.as_str() == name).ok_or_else(|| {
                let nearest = nearest(name, Field::ALL.into_iter().map(Field::as_str));
                MappingError::UnknownField { name: name.to_owned(), nearest }
            })?;
            let origin = match (unquoted(origin, '\''), unquoted(origin, '"')) {
                (Some(constant), _) => Origin::Constant(constant.to_owned()),
                (None, Some(column)) => Origin::Column(column.to_owned()),
                (None, None) if origin.is_empty() || origin.starts_with(['\'', '"']) => return Err(syntax()),
                (None, None) => Origin::Column(origin.to_owned()),
            };
            if fields.insert(field, origin).is_some() {
                return Err(MappingError::Twice(field.as_str()));
            }
        }
        let mapping = Self(fields);
        mapping.check()?;
        Ok(mapping)
    }
}

/// At the commas that stand outside quotes.
fn split(text: &str) -> Vec<&str> {
    let mut quote = None;
    let parts = text.split(move |c| {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ',') => return true,
            _ => {}
        }
        false
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn unquoted(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPSD_HEADER: [&str; 5] = ["Date", "Consumption", "Wind", "Solar", "Wind+Solar"];

    #[test]
    fn a_mapping_is_written_as_pairs() {
        let text = "forecastDate=Date, demand=\"Load, total\",companyId='a,b',productionUnitId=Unit,confidence='1'";
        let mapping: Mapping = text.parse().unwrap();
        assert_eq!(mapping.0[&Field::Demand], Origin::Column("Load, total".to_owned()));
        assert_eq!(mapping.0[&Field::CompanyId], Origin::Constant("a,b".to_owned()));
        assert!(!mapping.0.contains_key(&Field::Supply));
    }

    #[test]
    fn mistakes_are_explained() {
        let error = |text: &str| text.parse::<Mapping>().unwrap_err().to_string();
        assert_eq!(error("demnd=X"), "there is no field \"demnd\" (did you mean \"demand\"?)");
        assert_eq!(error("demand=A,demand=B"), "the field demand is mapped twice");
        assert_eq!(error("demand"), "\"demand\" is not of the form field=Column or field='constant'");
        assert_eq!(error("demand='1"), "\"demand='1\" is not of the form field=Column or field='constant'");
        assert!(error("demand=A").starts_with("the field companyId is not mapped"));
        let unknown = Mapping::opsd().places(&["Date", "Consumtion", "Wind+Solar"]).unwrap_err().to_string();
        assert!(unknown.contains("no column \"Consumption\" (did you mean \"Consumtion\"?)"), "{unknown}");
    }

    #[test]
    fn the_mapping_is_detected_by_the_header() {
        assert_eq!(Mapping::detect(&OPSD_HEADER).unwrap(), Mapping::opsd());
        let own = ["companyId", "productionUnitId", "forecastDate", "demand", "confidence", "note"];
        assert_eq!(Mapping::detect(&own).unwrap().0.len(), 5);
        assert!(matches!(Mapping::detect(&["a", "b"]), Err(MappingError::Undetected(_))));
    }
}
