//! The model: the document round trip and the status rules.

use coherence::{Timestamp, VersionId};
use domain::model::{
    AMOUNT_MAX, CompanyId, CreateForecast, FORECAST_DATE_END, FORECAST_DATE_MIN, Forecast, ForecastId, InputError,
    LABELS_MAX, PatchForecast, ProviderId, Status, UnitId,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::{example, provider, time};

fn instants() -> impl Strategy<Value = Timestamp> {
    (FORECAST_DATE_MIN.as_microsecond()..FORECAST_DATE_END.as_microsecond())
        .prop_map(|at| Timestamp::from_microsecond(at).unwrap())
}

prop_compose! {
    fn forecasts()(
        ids in any::<[u128; 3]>(),
        provider in any::<Option<u128>>(),
        forecast_date in instants(),
        demand in 0.0..=AMOUNT_MAX,
        supply in proptest::option::of(0.0..=AMOUNT_MAX),
        confidence_level in 0.0..=1.0f64,
        status in proptest::sample::select(Status::ALL.to_vec()),
        tags in proptest::collection::vec("\\PC{1,64}", 0..=LABELS_MAX),
        created_at in instants(),
        updated_at in instants(),
        version in any::<u64>(),
    ) -> Forecast {
        Forecast {
            id: ForecastId(Uuid::from_u128(ids[0])),
            company_id: CompanyId(Uuid::from_u128(ids[1])),
            production_unit_id: UnitId(Uuid::from_u128(ids[2])),
            provider_id: provider.map(|id| ProviderId(Uuid::from_u128(id))),
            forecast_date,
            demand,
            supply,
            confidence_level,
            status,
            tags,
            created_at,
            updated_at,
            version_id: VersionId(version),
        }
    }
}

proptest! {
    /// The caches hold documents as JSON: what is read back must be the same to the last bit.
    #[test]
    fn a_document_round_trips(forecast in forecasts()) {
        let text = serde_json::to_string(&forecast).unwrap();
        let read: Forecast = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &forecast);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    /// Giving a document's values back changes nothing.
    #[test]
    fn a_patch_of_what_is_there_is_no_change(forecast in forecasts()) {
        let consistent = forecast.status != Status::Completed || forecast.supply.is_some();
        prop_assume!(consistent);
        let document = serde_json::to_value(&forecast).unwrap();
        let mut patch = serde_json::json!({
            "confidence": document["confidenceLevel"], "supply": document["supply"], "demand": document["demand"],
            "forecastDate": document["forecastDate"], "status": document["status"],
        });
        if let Some(id) = forecast.provider_id {
            patch["providerId"] = id.to_string().into();
        }
        let patch = PatchForecast::from_json(patch.to_string().as_bytes()).unwrap();
        prop_assert_eq!(patch.apply(&forecast).unwrap(), forecast);
    }
}

fn patched(row: &Forecast, patch: &str) -> Result<Forecast, InputError> {
    PatchForecast::from_json(patch.as_bytes())?.apply(row)
}

fn row(supply: Option<f64>, status: Status) -> Forecast {
    Forecast { supply, status, ..example() }
}

#[test]
fn supply_moves_the_status_along_unless_it_is_given() {
    use Status::{Completed, Failed, Pending};
    let cases = [
        (row(None, Pending), r#"{"supply": 1}"#, Completed),
        (row(None, Pending), r#"{"supply": 1, "status": "Pending"}"#, Pending),
        (row(None, Pending), r#"{"demand": 1}"#, Pending),
        (row(None, Pending), r#"{"status": "Failed"}"#, Failed),
        (row(Some(1.0), Pending), r#"{"supply": 2}"#, Pending),
        (row(Some(1.0), Completed), r#"{"supply": null}"#, Pending),
        (row(Some(1.0), Completed), r#"{"supply": 2}"#, Completed),
        (row(Some(1.0), Completed), r#"{"supply": null, "status": "Failed"}"#, Failed),
        (row(None, Failed), r#"{"supply": 1}"#, Failed),
        (row(Some(1.0), Failed), r#"{"supply": null}"#, Failed),
        (row(Some(1.0), Failed), r#"{"status": "Completed"}"#, Completed),
    ];
    for (row, patch, expected) in cases {
        let after = patched(&row, patch).unwrap();
        assert_eq!(after.status, expected, "{:?} {:?} {patch}", row.status, row.supply);
    }
    for (row, patch) in [
        (row(None, Pending), r#"{"status": "Completed"}"#),
        (row(Some(1.0), Completed), r#"{"status": "Completed", "supply": null}"#),
    ] {
        let Err(InputError::Fields(errors)) = patched(&row, patch) else { panic!("{patch} was accepted") };
        assert_eq!(errors[0].field, "status");
    }
}

#[test]
fn null_removes_and_absence_keeps() {
    let mut row = example();
    row.provider_id = Some(provider());
    row.tags = vec!["critical".to_owned()];
    assert_eq!(patched(&row, "{}").unwrap(), row);
    let after = patched(&row, r#"{"providerId": null, "tags": null}"#).unwrap();
    assert_eq!((after.provider_id, after.tags.len()), (None, 0));
}

#[test]
fn a_new_forecast_has_the_status_of_its_supply_unless_it_is_given() {
    let status = |fields: &str| {
        let body = format!(
            r#"{{"companyId": "{0}", "productionUnitId": "{0}", "forecastDate": "2025-11-13T00:00:00Z", "demand": 1,
                "confidence": 1{fields}}}"#,
            example().id
        );
        let now = time("2025-11-12T00:00:00Z");
        CreateForecast::from_json(body.as_bytes()).map(|new| new.into_forecast(example().id, VersionId(1), now).status)
    };
    assert_eq!(status(""), Ok(Status::Pending));
    assert_eq!(status(r#", "supply": null"#), Ok(Status::Pending));
    assert_eq!(status(r#", "supply": 1"#), Ok(Status::Completed));
    assert_eq!(status(r#", "supply": 1, "status": "Pending""#), Ok(Status::Pending));
    assert_eq!(status(r#", "status": "Failed""#), Ok(Status::Failed));
    assert!(status(r#", "status": "Completed""#).is_err());
}

#[test]
fn a_revision_counts_on_and_never_gets_younger() {
    let row = example();
    let after = row.clone().revised(&row, time("2025-11-12T11:00:00.1234567Z"));
    assert_eq!((after.version_id, after.updated_at), (VersionId(12_346), time("2025-11-12T11:00:00.123456Z")));
    let set_back = row.clone().revised(&row, time("2020-01-01T00:00:00Z"));
    assert_eq!(set_back.updated_at, row.updated_at);
}

#[test]
fn variance_reads_as_people_subtract() {
    assert_eq!(Forecast { demand: 450.2, supply: Some(480.1), ..example() }.variance(), Some(29.9));
    assert_eq!(Forecast { supply: None, ..example() }.variance(), None);
}
