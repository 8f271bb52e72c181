//! Who may see a change.

use coherence::ChangeMessage;
use domain::model::{CompanyId, Scope};

/// The prefix of a company's tag.
const COMPANY: &str = "company:";

/// What a caller may see of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// All of it.
    Shown,
    /// Nothing: it is of other companies.
    Hidden,
    /// Something of the caller's may have changed, but what the message holds may be another's.
    Unclear,
}

/// A change names the companies before and after it. Only one that is the caller's at both ends is shown; where that is not
/// known, or a forecast moved between companies, nobody but who sees everything learns more than that something changed.
pub(super) fn sight(scope: &Scope, message: &ChangeMessage) -> Sight {
    if *scope == Scope::All {
        return Sight::Shown;
    }
    if !message.tags_complete {
        return Sight::Unclear;
    }
    let ids = message.tags.iter().filter_map(|tag| tag.strip_prefix(COMPANY));
    let mut seen = ids.map(|id| id.parse::<CompanyId>().is_ok_and(|company| scope.contains(company)));
    let Some(first) = seen.next() else { return Sight::Unclear };
    match (first, seen.all(|other| other == first)) {
        (true, true) => Sight::Shown,
        (false, true) => Sight::Hidden,
        (_, false) => Sight::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn message(tags: &[String], complete: bool) -> ChangeMessage {
        serde_json::from_value(serde_json::json!({
            "DataManagerId": "m", "PartitionKey": "production", "Section": "forecast", "DataKey": "k", "VersionId": 1,
            "ChangeTime": "2025-01-01T00:00:00Z", "PatchItems": [], "Tags": tags, "TagsComplete": complete,
        }))
        .unwrap()
    }

    #[test]
    fn a_change_is_shown_to_its_companies_alone() {
        let company = |n: u128| CompanyId(Uuid::from_u128(n));
        let tag = |n: u128| domain::model::company_tag(company(n)).as_str().to_owned();
        let unit = || format!("unit:{}", Uuid::from_u128(9));
        let of_one = Scope::Companies(BTreeSet::from([company(1)]));
        let nobody = Scope::Companies(BTreeSet::new());
        for (tags, complete, expected) in [
            (vec![unit(), tag(1)], true, Sight::Shown),
            (vec![unit(), tag(2)], true, Sight::Hidden),
            (vec![tag(1), tag(2)], true, Sight::Unclear),
            (vec![tag(2), tag(1)], true, Sight::Unclear),
            (vec![tag(2), tag(3)], true, Sight::Hidden),
            (vec![tag(1)], false, Sight::Unclear),
            (vec![unit()], true, Sight::Unclear),
            (vec!["company:nonsense".to_owned()], true, Sight::Hidden),
        ] {
            let message = message(&tags, complete);
            assert_eq!(sight(&of_one, &message), expected, "{tags:?} {complete}");
            assert_eq!(sight(&Scope::All, &message), Sight::Shown);
            assert_ne!(sight(&nobody, &message), Sight::Shown);
        }
    }
}
