//! The edge: what is wrong with a request is named, all of it, by the request's own names.

use domain::model::{
    BATCH_ITEMS_MAX, BatchRequest, CreateForecast, ERRORS_PER_BODY_MAX, ERRORS_PER_ITEM_MAX, FieldError, InputError,
    LABEL_CHARS_MAX, LABELS_MAX, PatchForecast,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{example, time};

fn create() -> Value {
    json!({
        "companyId": example().company_id.to_string(), "productionUnitId": example().production_unit_id.to_string(),
        "forecastDate": "2025-11-13T00:00:00Z", "demand": 500.0, "confidence": 0.92,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut body = create();
    body[name] = value;
    body
}

fn errors<T: std::fmt::Debug>(result: Result<T, InputError>) -> Vec<FieldError> {
    match result {
        Err(InputError::Fields(errors)) => errors,
        other => panic!("expected field errors, got {other:?}"),
    }
}

fn names<T: std::fmt::Debug>(result: Result<T, InputError>) -> Vec<String> {
    errors(result).into_iter().map(|error| error.field).collect()
}

fn read(body: &Value) -> Result<CreateForecast, InputError> {
    CreateForecast::from_json(body.to_string().as_bytes())
}

#[test]
fn all_wrong_fields_are_named_at_once() {
    let body =
        json!({"companyId": 5, "demand": -1, "confidence": 1.5, "forecastDate": "soon", "suply": 1, "tags": "x"});
    let expected = ["companyId", "productionUnitId", "forecastDate", "demand", "confidence", "tags", "suply"];
    assert_eq!(names(read(&body)), expected);
}

#[test]
fn each_field_has_its_bounds() {
    let long = "x".repeat(LABEL_CHARS_MAX + 1);
    let many: Vec<String> = (0..=LABELS_MAX).map(|label| label.to_string()).collect();
    let id = example().id.to_string();
    let wrong = [
        ("companyId", json!("nonsense")),
        ("companyId", json!(null)),
        ("companyId", json!(id.replace('-', ""))),
        ("companyId", json!(format!("{{{id}}}"))),
        ("productionUnitId", json!(["x"])),
        ("providerId", json!("")),
        ("demand", json!("5")),
        ("demand", json!(-0.1)),
        ("demand", json!(1.1e12)),
        ("demand", json!(null)),
        ("supply", json!(true)),
        ("supply", json!(-1)),
        ("confidence", json!(1.000_001)),
        ("confidence", json!(-0.1)),
        ("status", json!("completed")),
        ("status", json!(1)),
        ("status", json!("Completed")),
        ("tags", json!(many)),
        ("tags", json!([long])),
        ("tags", json!([""])),
        ("tags", json!(["a", "a"])),
        ("tags", json!(["a\nb"])),
        ("tags", json!([1])),
        ("tags", json!({})),
        ("versionId", json!(1)),
        ("id", json!(id)),
        ("variance", json!(1)),
    ];
    for (field, value) in wrong {
        assert_eq!(names(read(&with(field, value.clone()))), [field], "{field}: {value}");
    }
    let fine = [
        ("demand", json!(0)),
        ("demand", json!(1e12)),
        ("supply", json!(0.0)),
        ("confidence", json!(1)),
        ("tags", json!(["ä".repeat(LABEL_CHARS_MAX)])),
        ("providerId", json!(null)),
        ("providerId", json!(id)),
        ("companyId", json!(id.to_uppercase())),
    ];
    for (field, value) in fine {
        assert!(read(&with(field, value.clone())).is_ok(), "{field}: {value}");
    }
}

#[test]
fn zero_has_one_form() {
    let new = CreateForecast::from_json(with("demand", json!(-0.0)).to_string().as_bytes()).unwrap();
    assert!(new.demand.is_sign_positive());
}

#[test]
fn dates_are_rfc_3339_in_bounds_and_cut_to_the_microsecond() {
    for (text, expected) in [
        ("2025-11-13T00:00:00Z", "2025-11-13T00:00:00Z"),
        ("2025-11-13t01:30:00.5+01:30", "2025-11-13T00:00:00.5Z"),
        ("2025-11-13T00:00:00.123456789Z", "2025-11-13T00:00:00.123456Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"),
        ("2200-12-31T23:59:59.999999Z", "2200-12-31T23:59:59.999999Z"),
    ] {
        let new = read(&with("forecastDate", json!(text))).unwrap();
        assert_eq!(new.natural_key.forecast_date, time(expected), "{text}");
    }
    for text in [
        "2025-11-13",
        "2025-11-13T00:00:00",
        "2025-11-13 00:00:00Z",
        "2025-11-13T00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-02-30T00:00:00Z",
        "2025-11-13T24:00:00Z",
        "2025-11-13T00:00:00.Z",
        "2025-11-13T00:00:00.1234567890Z",
        "2025-11-13T00:00:00Z[UTC]",
        "+002025-11-13T00:00:00Z",
        "1899-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "2025-11-13T00:00:00+1",
        "\u{ff12}025-11-13T00:00:00Z",
        "",
    ] {
        assert_eq!(names(read(&with("forecastDate", json!(text)))), ["forecastDate"], "{text}");
    }
}

#[test]
fn a_patch_names_what_cannot_be_changed() {
    let body = json!({
        "id": "x", "companyId": "x", "variance": 1, "createdAt": 1, "updatedAt": 1, "versionId": 1, "demand": null,
        "confidence": null, "status": null, "forecastDate": null, "productionUnitId": null, "confidenceLevel": 1, "x": 1,
    });
    let mut found = errors(PatchForecast::from_json(body.to_string().as_bytes()));
    found.sort_by(|a, b| a.field.cmp(&b.field));
    let found: Vec<String> = found.iter().map(FieldError::to_string).collect();
    let expected = [
        "companyId: cannot be changed",
        "confidence: cannot be removed",
        "confidenceLevel: is called `confidence` in requests",
        "createdAt: cannot be changed",
        "demand: cannot be removed",
        "forecastDate: cannot be removed",
        "id: cannot be changed",
        "productionUnitId: cannot be removed",
        "status: cannot be removed",
        "updatedAt: cannot be changed",
        "variance: cannot be changed",
        "versionId: cannot be changed",
        "x: is unknown",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_wrong_item_does_not_stop_a_batch() {
    let body = json!({"items": [create(), with("demand", json!(-1)), 7], "notify": true});
    let batch = BatchRequest::from_json(body.to_string().as_bytes()).unwrap();
    assert!(batch.notify);
    assert!(batch.items[0].is_ok());
    assert_eq!(batch.items[1].as_ref().unwrap_err()[0].field, "demand");
    assert_eq!(batch.items[2].as_ref().unwrap_err()[0].message, "a JSON object is expected");
}

#[test]
fn a_batch_has_bounds() {
    let of = |items: usize| json!({"items": vec![json!({}); items]}).to_string();
    assert_eq!(BatchRequest::from_json(of(BATCH_ITEMS_MAX).as_bytes()).unwrap().items.len(), BATCH_ITEMS_MAX);
    assert!(!BatchRequest::from_json(of(0).as_bytes()).unwrap().notify, "an import alerts nobody");
    assert_eq!(names(BatchRequest::from_json(of(BATCH_ITEMS_MAX + 1).as_bytes())), ["items"]);
    for body in ["{}", r#"{"items": null}"#, r#"{"items": {}}"#] {
        assert_eq!(names(BatchRequest::from_json(body.as_bytes())), ["items"], "{body}");
    }
    assert_eq!(names(BatchRequest::from_json(br#"{"items": [], "notify": "yes", "x": 1}"#)), ["notify", "x"]);
    assert!(matches!(BatchRequest::from_json(b"[]"), Err(InputError::Malformed(_))));
}

#[test]
fn an_error_is_not_as_long_as_the_body() {
    let malformed = |body: String| CreateForecast::from_json(body.as_bytes()).unwrap_err().to_string();
    let name = "a".repeat(60_000);
    let deep = format!("\"{}\":", "b".repeat(1_000));
    for body in [
        format!("{{\"{name}\": x}}"),
        format!("{{\"{name}\": 1, \"{name}\": 1}}"),
        format!("{}x", format!("{{{deep}").repeat(100)),
    ] {
        let error = malformed(body);
        assert!(error.len() < 1_000, "{} bytes", error.len());
    }
    assert!(malformed(format!("{{\"{name}\": x}}")).contains(&"a".repeat(64)), "the name's beginning is told");
}

#[test]
fn errors_are_counted_up_to_a_bound() {
    let unknown =
        |n: usize| -> Value { (0..n).map(|n| (format!("x{n}"), json!(1))).collect::<serde_json::Map<_, _>>().into() };
    assert_eq!(names(read(&unknown(100))).len(), ERRORS_PER_ITEM_MAX);
    let body = json!({"items": vec![unknown(100); 50]}).to_string();
    let batch = BatchRequest::from_json(body.as_bytes()).unwrap();
    let told: Vec<usize> = batch.items.iter().map(|item| item.as_ref().unwrap_err().len()).collect();
    // Beyond the bound of the body an item still says the first thing that is wrong with it.
    assert_eq!((told[0], told[4], told[49]), (ERRORS_PER_ITEM_MAX, 1, 1));
    assert_eq!(told.iter().sum::<usize>(), ERRORS_PER_BODY_MAX + 46);
}

#[test]
fn what_is_no_time_and_what_is_too_far_away_are_told_apart() {
    let message = |text: &str| errors(read(&with("forecastDate", json!(text)))).remove(0).message;
    for text in
        ["2025-11-13T00:00:00+24:00", "2025-11-13T00:00:00-25:59", "2025-11-13T00:00:00+23:60", "2025-02-30T00:00:00Z"]
    {
        assert!(message(text).contains("RFC 3339"), "{text}: {}", message(text));
    }
    for text in ["9999-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1899-12-31T23:59:59Z"] {
        assert_eq!(message(text), "must be in the years 1900 to 2200", "{text}");
    }
    assert!(read(&with("forecastDate", json!("2025-11-13T00:00:00+23:59"))).is_ok());
}

/// JSON of any shape that uses the names of our fields now and then.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let names = ["companyId", "demand", "supply", "confidence", "items", "tags", "forecastDate", "status", "notify"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        let name = prop_oneof![proptest::sample::select(names.to_vec()).prop_map(str::to_owned), ".*"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever comes in, the answer is a value within bounds or an error, never a panic.
    #[test]
    fn arbitrary_bodies_are_answered(body in arbitrary_json(), bytes in any::<Vec<u8>>()) {
        for body in [body.to_string().into_bytes(), bytes] {
            let _ = CreateForecast::from_json(&body);
            let _ = PatchForecast::from_json(&body).map(|patch| patch.apply(&example()));
            let _ = BatchRequest::from_json(&body);
        }
    }
}
