//! A forecast as it is served and as it travels.

use coherence::Version;
use domain::event::{ForecastChanged, TrackerMark};
use domain::model::{EventId, Forecast};
use domain::ports::{Change, FeedPosition, Operation};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// A document of the usual size: 405 bytes.
pub fn document(n: u64) -> Value {
    json!({
        "id": Uuid::from_u128(0x0b5d_0000_0000_4000_8000_0000_0000_0000 + u128::from(n)),
        "companyId": Uuid::from_u128(0x1111_0000_0000_4000_8000_0000_0000_0001),
        "productionUnitId": Uuid::from_u128(0x2222_0000_0000_4000_8000_0000_0000_0000 + u128::from(n % 50)),
        "forecastDate": "2025-11-12T10:30:00Z", "demand": 450.5 + n as f64, "supply": 480.0 + n as f64, "variance": 29.5,
        "confidenceLevel": 0.95, "status": "Completed",
        "createdAt": "2025-11-12T10:00:00Z", "updatedAt": "2025-11-12T10:30:00.123456Z", "versionId": 12_345 + n,
    })
}

/// The same after three of its members changed.
pub fn changed(before: &Value) -> Value {
    let mut after = before.clone();
    after["demand"] = json!(500.0);
    after["variance"] = json!(-20.0);
    after["versionId"] = json!(before["versionId"].as_u64().unwrap() + 1);
    after
}

/// The message of `cdc:forecasts` about an update of such a row, as the tracker sends it.
pub fn cdc_message(n: u64) -> Vec<u8> {
    let after: Forecast = serde_json::from_value(document(n)).unwrap();
    let at = |ms: i64| Timestamp::from_millisecond(1_762_943_400_000 + ms).unwrap();
    let change = Change {
        position: FeedPosition(u128::from(n) + 1),
        operation: Operation::Update,
        id: after.id,
        version: Version::new(1, 12_345 + n),
        before: Some(after.placement()),
        after: Some(after),
        committed_at: Some(at(0)),
        traceparent: None,
    };
    let mark = TrackerMark {
        counter: n + 1,
        follows: FeedPosition(u128::from(n)),
        position: FeedPosition(u128::from(n) + 1),
        ..TrackerMark::default()
    };
    let event = EventId(Uuid::from_u128(0x7777_0000_0000_7000_8000_0000_0000_0000 + u128::from(n)));
    let message = ForecastChanged::new(event, at(2), at(1), &change, mark).unwrap();
    message.outgoing(None).unwrap().payload.to_vec()
}
