//! The parameters of lists: bounds, the one text of a query, cursors, tags.

use std::collections::BTreeSet;

use coherence::Timestamp;
use domain::model::{
    CompanyId, FORECAST_DATE_END, FORECAST_DATE_MIN, ForecastId, InputError, ListParams, SCOPE_TAGS_MAX, Scope, UnitId,
    all_forecasts_tag, company_tag, unit_tag,
};
use domain::ports::{ListCursor, PageStart};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::{time, uuid};

fn read(query: &[(&str, &str)]) -> Result<ListParams, InputError> {
    ListParams::from_query(query.iter().copied())
}

fn wrong(query: &[(&str, &str)]) -> Vec<String> {
    match read(query) {
        Err(InputError::Fields(errors)) => errors.into_iter().map(|error| error.field).collect(),
        other => panic!("{query:?} gave {other:?}"),
    }
}

#[test]
fn without_parameters_it_is_the_first_page_of_all() {
    let params = read(&[]).unwrap();
    assert_eq!((params.start, params.take), (PageStart::Skip(0), 20));
    assert_eq!(params.canonical(), "skip=0&take=20");
    assert_eq!(read(&[("utm_source", "x"), ("_", "1")]).unwrap(), params, "what lists do not have is ignored");
}

#[test]
fn each_parameter_has_its_bounds() {
    for (name, value) in [
        ("take", "0"),
        ("take", "101"),
        ("take", "+5"),
        ("take", "x"),
        ("take", ""),
        ("skip", "-1"),
        ("skip", "1000001"),
        ("skip", "99999999999"),
        ("companyId", "x"),
        ("productionUnitId", ""),
        ("from", "2025-11-13"),
        ("to", "x"),
        ("status", "pending"),
        ("cursor", "x"),
        ("cursor", ""),
    ] {
        assert_eq!(wrong(&[(name, value)]), [name], "{name}={value}");
    }
    assert_eq!(wrong(&[("take", "0"), ("skip", "x"), ("status", "")]), ["status", "take", "skip"], "all at once");
    assert_eq!(wrong(&[("take", "5"), ("take", "5")]), ["take"]);
    assert_eq!(wrong(&[("from", "2025-11-14T00:00:00Z"), ("to", "2025-11-13T00:00:00Z")]), ["to"]);
    let cursor = ListCursor { forecast_date: time("2025-11-13T00:00:00Z"), id: ForecastId(uuid(1)) }.to_text();
    assert_eq!(wrong(&[("cursor", &cursor), ("skip", "0")]), ["skip"]);
}

#[test]
fn spellings_of_one_question_have_one_text() {
    let company = uuid(2).to_string();
    let one = read(&[("take", "20"), ("companyId", &company.to_uppercase()), ("from", "2025-11-13T01:00:00+01:00")]);
    let two = read(&[("from", "2025-11-13T00:00:00.000Z"), ("companyId", &company), ("skip", "00")]);
    assert_eq!(one.unwrap().canonical(), two.unwrap().canonical());
    let texts = [
        vec![("companyId", company.as_str())],
        vec![("productionUnitId", company.as_str())],
        vec![("skip", "1")],
        vec![("take", "1")],
        vec![("status", "Pending")],
        vec![("from", "2025-11-13T00:00:00Z")],
        vec![("to", "2025-11-13T00:00:00Z")],
        vec![],
    ];
    let distinct: BTreeSet<String> = texts.iter().map(|query| read(query).unwrap().canonical()).collect();
    assert_eq!(distinct.len(), texts.len(), "different questions have different texts");
}

#[test]
fn bounds_of_dates_say_the_same_of_microseconds() {
    let params = read(&[("from", "2025-11-13T00:00:00.0000001Z"), ("to", "2025-11-13T00:00:00.0000011Z")]).unwrap();
    assert_eq!(params.from, Some(time("2025-11-13T00:00:00.000001Z")));
    assert_eq!(params.to, Some(time("2025-11-13T00:00:00.000002Z")));
    let all = read(&[("from", "0001-01-01T00:00:00Z"), ("to", "9999-12-31T23:59:59.9999999Z")]).unwrap();
    assert_eq!((all.from, all.to), (Some(FORECAST_DATE_MIN), Some(FORECAST_DATE_END)));
}

/// Ruling 5: the narrowest of unit, company, `forecast:*` that covers the filter and the scope.
#[test]
fn tags_are_the_narrowest_that_cover() {
    let companies = |count: usize| Scope::Companies((0..count).map(|id| CompanyId(uuid(id as u128))).collect());
    let (company, unit) = (uuid(2).to_string(), uuid(3).to_string());
    let tags = |query: &[(&str, &str)], scope: &Scope| read(query).unwrap().tags(scope);
    let by_unit = vec![unit_tag(UnitId(uuid(3)))];
    assert_eq!(tags(&[("productionUnitId", &unit)], &Scope::All), by_unit);
    assert_eq!(tags(&[("productionUnitId", &unit), ("companyId", &company)], &companies(2)), by_unit);
    assert_eq!(tags(&[("companyId", &company)], &Scope::All), [company_tag(CompanyId(uuid(2)))]);
    assert_eq!(tags(&[("status", "Pending")], &companies(1)), [company_tag(CompanyId(uuid(0)))]);
    assert_eq!(tags(&[], &companies(SCOPE_TAGS_MAX)).len(), SCOPE_TAGS_MAX);
    assert_eq!(tags(&[], &companies(SCOPE_TAGS_MAX + 1)), [all_forecasts_tag()]);
    assert_eq!(tags(&[], &Scope::All), [all_forecasts_tag()]);
}

proptest! {
    #[test]
    fn a_cursor_round_trips_and_a_damaged_one_is_refused(
        at in FORECAST_DATE_MIN.as_microsecond()..FORECAST_DATE_END.as_microsecond(),
        id: u128,
        place in 0usize..58,
        digit in "[0-9a-f]",
    ) {
        let cursor =
            ListCursor { forecast_date: Timestamp::from_microsecond(at).unwrap(), id: ForecastId(Uuid::from_u128(id)) };
        let text = cursor.to_text();
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "URL-safe: {}", text);
        prop_assert_eq!(ListCursor::from_text(&text), Some(cursor));
        prop_assert_eq!(ListCursor::from_text(&text[1..]), None);
        prop_assert_eq!(ListCursor::from_text(&text.to_uppercase()).is_some(), text.to_uppercase() == text);
        let mut damaged = text.clone();
        damaged.replace_range(place..=place, &digit);
        prop_assert_eq!(ListCursor::from_text(&damaged).is_some(), damaged == text);
    }

    #[test]
    fn arbitrary_queries_are_answered(pairs in proptest::collection::vec((".*", ".*"), 0..5), value in ".*") {
        let _ = ListParams::from_query(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        for name in ["companyId", "from", "to", "status", "skip", "take", "cursor"] {
            let _ = read(&[(name, &value)]);
        }
    }
}
