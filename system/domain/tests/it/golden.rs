//! Every JSON example of the specification's sections 2.1, 3.1, 3.2 and 7.1: the files hold the specification's text. What
//! we write has its members, in its order, with its values; and the text itself, with real ids, is what we read.

use coherence::{Incarnation, Version, VersionId};
use domain::event::{CacheInvalidation, Event, ForecastCompleted, ForecastUpdated, Reason};
use domain::model::{CreateForecast, EventId, Forecast, Status, UserId, forecast_key};
use domain::ports::Topic;
use serde_json::Value;

use crate::support::{example, provider, time, uuid};

const DOCUMENT: &str = include_str!("../golden/2_1_document.json");
const CREATE: &str = include_str!("../golden/2_1_create.json");
const CREATED_INVALIDATION: &str = include_str!("../golden/2_1_invalidation.json");
const UPDATED: &str = include_str!("../golden/3_1_forecast_updated.json");
const INVALIDATION: &str = include_str!("../golden/3_2_cache_invalidation.json");
const COMPLETED: &str = include_str!("../golden/7_1_forecast_completed.json");

/// The example with ids in place of its placeholders, as another program would send it.
pub(crate) fn with_ids(example: &str) -> String {
    let names = ["forecast_uuid", "company_uuid", "unit_uuid", "provider_uuid", "user_uuid", "uuid"];
    let mut text = example.to_owned();
    for (name, id) in names.iter().zip([1, 2, 3, 4, 5, 6].map(uuid)) {
        text = text.replace(&format!("\"{name}\""), &format!("\"{id}\""));
        text = text.replace(&format!(":{name}\""), &format!(":{id}\""));
    }
    assert!(!text.contains("uuid"), "a placeholder is left: {text}");
    text
}

/// Asserts that `ours` has all that the example has, value for value; a placeholder stands for any UUID.
fn assert_covers(path: &str, example: &Value, ours: &Value) {
    match (example, ours) {
        (Value::Object(members), Value::Object(found)) => {
            for (name, value) in members {
                let ours = found.get(name).unwrap_or_else(|| panic!("{path}/{name} is missing in {found:?}"));
                assert_covers(&format!("{path}/{name}"), value, ours);
            }
        }
        (Value::Array(items), Value::Array(found)) => {
            assert_eq!(items.len(), found.len(), "{path}");
            for (at, (item, ours)) in items.iter().zip(found).enumerate() {
                assert_covers(&format!("{path}/{at}"), item, ours);
            }
        }
        (Value::String(text), Value::String(ours)) if text.ends_with("uuid") => {
            let prefix = text.rsplit_once(':').map_or("", |(prefix, _)| prefix);
            let (found, id) = ours.rsplit_once(':').unwrap_or(("", ours));
            assert_eq!(found, prefix, "{path}");
            assert!(uuid::Uuid::parse_str(id).is_ok(), "{path}: {ours} ends with no UUID");
        }
        (example, ours) => assert_eq!(example, ours, "{path}"),
    }
}

/// The names of a JSON text's members in their order, whatever the depth.
fn member_names(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('"').collect();
    parts
        .windows(2)
        .enumerate()
        .filter(|(at, pair)| at % 2 == 1 && pair[1].trim_start().starts_with(':'))
        .map(|(_, pair)| pair[0].to_owned())
        .collect()
}

pub(crate) fn assert_golden(example: &str, ours: &[u8]) {
    let text = std::str::from_utf8(ours).unwrap();
    let (specified, found) = (serde_json::from_str(example).unwrap(), serde_json::from_str(text).unwrap());
    assert_covers("", &specified, &found);
    let specified = member_names(example);
    let mut names = member_names(text);
    names.retain(|name| specified.contains(name));
    assert_eq!(names, specified, "the members' order");
}

fn sent<E: Event>(event: &E) -> Vec<u8> {
    let outbox = event.outbox(&[("traceparent".to_owned(), "00-x".to_owned())].into()).unwrap();
    assert_eq!(outbox.topic, E::TOPIC);
    assert_eq!(outbox.message.key, example().id.to_string(), "messages of one forecast keep their order");
    assert_eq!(outbox.message.properties["traceparent"], "00-x");
    outbox.message.payload.to_vec()
}

#[test]
fn section_2_1_document() {
    let ours = serde_json::to_vec(&example()).unwrap();
    assert_golden(DOCUMENT, &ours);
    assert_eq!(
        member_names(std::str::from_utf8(&ours).unwrap()).len(),
        12,
        "and nothing else, where nothing is optional"
    );
    let read: Forecast = serde_json::from_str(&with_ids(DOCUMENT)).unwrap();
    assert_eq!((read.demand, read.supply, read.version_id), (450.5, Some(480.0), VersionId(12_345)));
}

#[test]
fn optional_members_stand_in_their_places() {
    let mut forecast = example();
    forecast.provider_id = Some(provider());
    forecast.tags = vec!["critical".to_owned()];
    forecast.supply = None;
    forecast.status = Status::Pending;
    let text = serde_json::to_string(&forecast).unwrap();
    let expected = concat!(
        r#"{"id":"f0000000-0000-4000-8000-000000000001","companyId":"f0000000-0000-4000-8000-000000000002","#,
        r#""productionUnitId":"f0000000-0000-4000-8000-000000000003","providerId":"f0000000-0000-4000-8000-000000000004","#,
        r#""forecastDate":"2025-11-12T10:30:00Z","demand":450.5,"supply":null,"variance":null,"confidenceLevel":0.95,"#,
        r#""status":"Pending","tags":["critical"],"createdAt":"2025-11-12T10:00:00Z","#,
        r#""updatedAt":"2025-11-12T10:30:00Z","versionId":12345}"#,
    );
    assert_eq!(text, expected);
}

#[test]
fn section_2_1_create() {
    let request = CreateForecast::from_json(with_ids(CREATE).as_bytes()).unwrap();
    let forecast = request.into_forecast(example().id, VersionId(1), time("2025-11-12T10:00:00.123456789Z"));
    assert_eq!((forecast.demand, forecast.confidence_level), (500.0, 0.92));
    assert_eq!((forecast.supply, forecast.status), (None, Status::Pending), "ruling 8");
    assert_eq!(forecast.created_at, time("2025-11-12T10:00:00.123456Z"));
}

#[test]
fn section_2_1_invalidation_and_3_2() {
    let (version, at) = (Version::new(3, 101), time("2025-11-12T10:30:00Z"));
    let event = |forecast: &Forecast, reason| {
        let tags = forecast.placement().tags();
        CacheInvalidation::new(EventId(uuid(9)), forecast.id, version, &tags, reason, at)
    };
    let mut forecast = example();
    let created = sent(&event(&forecast, Reason::DataCreated));
    assert_golden(CREATED_INVALIDATION, &created);
    forecast.provider_id = Some(provider());
    let updated = sent(&event(&forecast, Reason::DataUpdated));
    assert_golden(INVALIDATION, &updated);

    let ours = CacheInvalidation::read(&updated).unwrap();
    assert_eq!(ours.version(), Some(version));
    assert_eq!(ours.cache_key(), forecast_key(forecast.id));
    assert_eq!(ours.cache_tags(), forecast.placement().tags());
}

#[test]
fn another_programs_invalidation_is_understood_and_names_no_version() {
    for (text, reason) in [(CREATED_INVALIDATION, None), (INVALIDATION, Some(Reason::DataUpdated))] {
        let event = CacheInvalidation::read(with_ids(text).as_bytes()).unwrap();
        assert_eq!((event.entity_id, event.entity_type.as_ref(), event.reason), (example().id, "Forecast", reason));
        assert_eq!(event.version(), None, "so it is a barrier");
        assert!(event.cache_tags().len() >= 2);
    }
    let later_release = with_ids(INVALIDATION).replace("\"DataUpdated\"", "\"DataMoved\", \"added\": {\"x\": 1}");
    assert_eq!(CacheInvalidation::read(later_release.as_bytes()).unwrap().reason, Some(Reason::Other));
    // A version without its incarnation cannot be compared.
    let half = with_ids(INVALIDATION).replace("\"DataUpdated\"", "\"DataUpdated\", \"versionId\": 7");
    assert_eq!(CacheInvalidation::read(half.as_bytes()).unwrap().version(), None);
}

#[test]
fn section_3_1() {
    let mut before = example();
    before.version_id = VersionId(100);
    (before.demand, before.confidence_level) = (450.0, 0.90);
    let mut after = before.clone();
    (after.demand, after.confidence_level) = (500.0, 0.95);
    let after = after.revised(&before, time("2025-11-12T10:30:00Z"));
    let event = ForecastUpdated::new(EventId(uuid(9)), UserId(uuid(5)), Incarnation(3), &before, &after);
    let ours = sent(&event);
    assert_golden(UPDATED, &ours);
    assert_eq!(ForecastUpdated::read(&ours).unwrap(), event);
    assert_eq!(event.version(), Some(Version::new(3, 101)));

    let theirs = ForecastUpdated::read(with_ids(UPDATED).as_bytes()).unwrap();
    assert_eq!((theirs.aggregate_id, theirs.data.current_version_id), (example().id, VersionId(101)));
    assert_eq!(theirs.version(), None);
}

#[test]
fn changes_name_what_differs_and_nothing_else() {
    let before = example();
    let mut after = before.clone();
    after.supply = None;
    after.status = Status::Pending;
    after.provider_id = Some(provider());
    after.tags = vec!["critical".to_owned()];
    after.forecast_date = time("2025-11-13T00:00:00Z");
    let event = ForecastUpdated::new(EventId(uuid(9)), UserId(uuid(5)), Incarnation(1), &before, &after);
    let changes = serde_json::to_string(&event.data.changes).unwrap();
    let expected = concat!(
        r#"[{"field":"providerId","oldValue":null,"newValue":"f0000000-0000-4000-8000-000000000004"},"#,
        r#"{"field":"forecastDate","oldValue":"2025-11-12T10:30:00Z","newValue":"2025-11-13T00:00:00Z"},"#,
        r#"{"field":"supply","oldValue":480.0,"newValue":null},"#,
        r#"{"field":"status","oldValue":"Completed","newValue":"Pending"},"#,
        r#"{"field":"tags","oldValue":[],"newValue":["critical"]}]"#,
    );
    assert_eq!(changes, expected);
}

#[test]
fn section_7_1() {
    let event = ForecastCompleted::new(EventId(uuid(9)), UserId(uuid(5)), &example());
    let ours = sent(&event);
    assert_golden(COMPLETED, &ours);
    assert_eq!(ForecastCompleted::read(&ours).unwrap(), event);
    let theirs = ForecastCompleted::read(with_ids(COMPLETED).as_bytes()).unwrap();
    assert_eq!((theirs.forecast_id, theirs.status, theirs.user_id), (example().id, Status::Completed, None));
}

/// The last one is ours.
#[test]
fn topics_have_the_specified_names() {
    let names: Vec<&str> = Topic::ALL.iter().map(|topic| topic.name()).collect();
    assert_eq!(
        names,
        ["forecast:updated", "forecast:invalidation", "forecast:completed", "cdc:forecasts", "notification:changed"]
    );
}

#[test]
fn what_is_no_event_is_an_error() {
    for body in ["", "{}", "[]", "nonsense", r#"{"entityId": "forecast_uuid", "tags": [], "timestamp": "now"}"#] {
        assert!(CacheInvalidation::read(body.as_bytes()).is_err(), "{body}");
        assert!(ForecastUpdated::read(body.as_bytes()).is_err(), "{body}");
        assert!(ForecastCompleted::read(body.as_bytes()).is_err(), "{body}");
    }
}
