//! What things are called in the caches: keys and tags (DESIGN section 4, ruling 5).

use coherence::{Key, Tag};

use super::{CompanyId, ForecastId, Placement, ProviderId, UnitId};

const FORECAST: &str = "forecast:";
const UNIT: &str = "unit:";
const COMPANY: &str = "company:";
const PROVIDER: &str = "provider:";

/// The key of a forecast in every tier: `forecast:<id>`. Its text is also the tag that every response showing it carries.
pub fn forecast_key(id: ForecastId) -> Key {
    Key::prefixed(FORECAST, id)
}

/// The tag of lists that no narrower tag covers: `forecast:*`.
pub fn all_forecasts_tag() -> Tag {
    Tag::prefixed(FORECAST, "*")
}

/// The tag of a unit: `unit:<id>`.
pub fn unit_tag(id: UnitId) -> Tag {
    Tag::prefixed(UNIT, id)
}

/// The tag of a company: `company:<id>`.
pub fn company_tag(id: CompanyId) -> Tag {
    Tag::prefixed(COMPANY, id)
}

/// The tag of a provider: `provider:<id>`.
pub fn provider_tag(id: ProviderId) -> Tag {
    Tag::prefixed(PROVIDER, id)
}

/// The forecast that a key names, if it names one.
pub fn forecast_of_key(key: &Key) -> Option<ForecastId> {
    key.as_str().strip_prefix(FORECAST)?.parse().ok()
}

impl Placement {
    /// The tags of a forecast that is filed here: unit, company and, where it has one, provider.
    pub fn tags(&self) -> Vec<Tag> {
        let mut tags = vec![unit_tag(self.production_unit_id), company_tag(self.company_id)];
        tags.extend(self.provider_id.map(provider_tag));
        tags
    }

    /// The tags of a change that moved a forecast from here to `after`: those of both places, each once.
    pub fn tags_with(&self, after: &Self) -> Vec<Tag> {
        let mut tags = self.tags();
        for tag in after.tags() {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_key_names_its_forecast_and_nothing_else_does() {
        let id = ForecastId(Uuid::from_u128(7));
        assert_eq!(forecast_of_key(&forecast_key(id)), Some(id));
        assert_eq!(forecast_of_key(&all_forecasts_tag().key()), None);
        assert_eq!(forecast_of_key(&unit_tag(UnitId(Uuid::from_u128(7))).key()), None);
    }

    #[test]
    fn a_move_carries_the_tags_of_both_places_once() {
        let place = |unit, provider: Option<u128>| Placement {
            company_id: CompanyId(Uuid::from_u128(1)),
            production_unit_id: UnitId(Uuid::from_u128(unit)),
            provider_id: provider.map(|id| ProviderId(Uuid::from_u128(id))),
        };
        let tags = place(2, Some(4)).tags_with(&place(3, None));
        let expected = [
            unit_tag(UnitId(Uuid::from_u128(2))),
            company_tag(CompanyId(Uuid::from_u128(1))),
            provider_tag(ProviderId(Uuid::from_u128(4))),
            unit_tag(UnitId(Uuid::from_u128(3))),
        ];
        assert_eq!(tags, expected);
    }
}
