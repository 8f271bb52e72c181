//! The messages of `cdc:forecasts`: the specification's example (section 6.1, step 4), and what each release wrote.

use coherence::{FencingToken, Incarnation, Timestamp, Version, VersionId};
use domain::event::{BEACON_KEY, CdcMessage, CdcOperation, FeedBeacon, ForecastChanged, TRACEPARENT, TrackerMark};
use domain::model::{EventId, Forecast, UnitId};
use domain::ports::{COMPACTED, Change, FeedPosition, Operation};

use crate::golden::{assert_golden, with_ids};
use crate::support::{example, time, uuid};

const CHANGED: &str = include_str!("../../golden/6_1_forecast_changed.json");

fn mark() -> TrackerMark {
    TrackerMark { token: FencingToken(7), counter: 42, follows: FeedPosition(1_000), position: FeedPosition(u128::MAX) }
}

fn row() -> Forecast {
    Forecast { demand: 500.0, version_id: VersionId(101), ..example() }
}

fn change(operation: Operation, after: Option<Forecast>) -> Change {
    let mut before = example().placement();
    before.production_unit_id = UnitId(uuid(33));
    Change {
        position: mark().position,
        operation,
        id: example().id,
        version: Version::new(3, 101),
        after,
        before: Some(before).filter(|_| operation != Operation::Insert),
        committed_at: Some(time("2025-11-12T10:30:00.001Z")),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

fn now() -> Timestamp {
    time("2025-11-12T10:30:00Z")
}

fn event(change: &Change) -> ForecastChanged {
    ForecastChanged::new(EventId(uuid(9)), now(), time("2025-11-12T10:30:00.002Z"), change, mark()).unwrap()
}

fn beacon() -> FeedBeacon {
    let read_at = time("2025-11-12T10:29:59.999Z");
    FeedBeacon::new(EventId(uuid(9)), now(), read_at, Incarnation(3), mark())
}

fn read_change(payload: &[u8]) -> ForecastChanged {
    match CdcMessage::read(payload).unwrap() {
        CdcMessage::Change(change) => *change,
        CdcMessage::Beacon(beacon) => panic!("{beacon:?}"),
    }
}

#[test]
fn section_6_1() {
    let change = change(Operation::Update, Some(row()));
    let ours = event(&change).outgoing(change.traceparent.as_deref()).unwrap();
    assert_golden(CHANGED, &ours.payload);
    assert_eq!(ours.properties[TRACEPARENT], change.traceparent.clone().unwrap());
    assert!(!ours.is_compacted());
    let read = read_change(&ours.payload);
    assert_eq!(read.document().unwrap(), serde_json::to_vec(&row()).unwrap(), "the loader's bytes");
    assert_eq!((read.mark(), read.version(Incarnation(0))), (Some(mark()), Version::new(3, 101)));
    assert!(read.tags_complete && read.tags.len() == 3, "{:?}", read.tags);
}

#[test]
fn another_programs_message_is_read_and_has_no_mark() {
    let text = with_ids(CHANGED);
    let read = read_change(text.as_bytes());
    assert_eq!((read.entity_id, read.operation, read.mark()), (example().id, CdcOperation::Update, None));
    assert_eq!(read.version(Incarnation(5)), Version::new(5, 101));
    assert!(!read.tags_complete);
    assert_eq!(read.document().unwrap(), serde_json::to_vec(&row()).unwrap(), "in the loader's form");
    let part = text.replace("\"companyId\"", "\"formerCompanyId\"");
    assert_eq!(read_change(part.as_bytes()).document(), None, "a part of a document is none");
    let other = text.replace("\"versionId\": 101", "\"versionId\": 100");
    assert_eq!(read_change(other.as_bytes()).document(), None, "nor is that of another version");
}

#[test]
fn a_delete_has_no_data_and_an_insert_needs_no_former_place() {
    let deleted = event(&change(Operation::Delete, None)).outgoing(None).unwrap();
    assert!(std::str::from_utf8(&deleted.payload).unwrap().contains(r#""Data":null"#));
    let read = read_change(&deleted.payload);
    assert_eq!((read.document(), read.tags_complete, read.tags.len()), (None, true, 2));
    assert!(event(&change(Operation::Insert, Some(row()))).tags_complete);
    let unknown = Change { before: None, ..change(Operation::Update, Some(row())) };
    assert!(!event(&unknown).tags_complete);
}

#[test]
fn a_beacon_replaces_the_one_before() {
    let sent = beacon().outgoing().unwrap();
    assert_eq!((sent.key.as_str(), sent.properties[COMPACTED].as_str()), (BEACON_KEY, "true"));
    assert!(sent.is_compacted());
    match CdcMessage::read(&sent.payload).unwrap() {
        CdcMessage::Beacon(read) => assert_eq!((read.mark(), &read), (mark(), &beacon())),
        CdcMessage::Change(change) => panic!("{change:?}"),
    }
}

#[test]
fn what_is_no_message_is_an_error() {
    let beacon_without_mark = r#"{"Operation": "BEACON", "EventId": "f0000000-0000-4000-8000-000000000009",
        "Timestamp": "2025-11-12T10:30:00Z", "ReadAt": "2025-11-12T10:30:00Z", "Incarnation": 1}"#;
    for body in ["", "{}", "[]", r#"{"Operation": "TRUNCATE"}"#, r#"{"Operation": "UPDATE"}"#, beacon_without_mark] {
        assert!(CdcMessage::read(body.as_bytes()).is_err(), "{body}");
    }
    let bad_position = event(&change(Operation::Update, Some(row()))).outgoing(None).unwrap();
    let bad_position = String::from_utf8(bad_position.payload.to_vec()).unwrap().replace("\"1000\"", "\"-1\"");
    assert!(CdcMessage::read(bad_position.as_bytes()).is_err());
}

/// Releases N and N+1 run side by side: these files are what release 0.1.0 wrote, and never change. What is read from them
/// must not change either; a later release adds a folder.
#[test]
fn what_release_0_1_0_wrote_is_read_and_still_written() {
    let wrote = [
        (include_str!("../../golden/wire/0.1.0/cdc_insert.json"), change(Operation::Insert, Some(row()))),
        (include_str!("../../golden/wire/0.1.0/cdc_update.json"), change(Operation::Update, Some(row()))),
        (include_str!("../../golden/wire/0.1.0/cdc_delete.json"), change(Operation::Delete, None)),
    ];
    for (file, change) in wrote {
        let expected = event(&change);
        let read = read_change(file.as_bytes());
        assert_eq!(format!("{read:?}"), format!("{expected:?}"));
        let written = expected.outgoing(None).unwrap().payload;
        assert_eq!(std::str::from_utf8(&written).unwrap(), file.trim_end());
    }
    let file = include_str!("../../golden/wire/0.1.0/cdc_beacon.json");
    let written = beacon().outgoing().unwrap().payload;
    assert_eq!(std::str::from_utf8(&written).unwrap(), file.trim_end());
    assert!(matches!(CdcMessage::read(file.as_bytes()), Ok(CdcMessage::Beacon(read)) if read == beacon()));
}
