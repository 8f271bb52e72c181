//! The wire: the specification's example (3.3), the files of this release, and what readers must bear.

use coherence::stream::{ChangeMessage, Head, PatchItem, Section, SourceMark, apply};
use coherence::*;
use serde_json::{Value, json};

const SPECIFIED: &str = include_str!("../golden/3_3_data_change.json");
/// What release 0.1.0 writes. Later releases must read it; a new release adds a folder and leaves this one as it is.
const CHANGE: &str = include_str!("../golden/0.1.0/change.json");
const PULL: &str = include_str!("../golden/0.1.0/pull.json");
const HEAD: &str = include_str!("../golden/0.1.0/head.json");

/// Read, and written again without a member more or less.
#[test]
fn the_specifications_example_is_read_and_written() {
    let message = ChangeMessage::read(SPECIFIED.as_bytes()).unwrap();
    assert_eq!(message.version_id, VersionId(101));
    assert_eq!(message.patch_items.len(), 3);
    let written: Value = serde_json::from_slice(&message.write().unwrap()).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(SPECIFIED).unwrap());
    let section = Section::new("production", "forecast").unwrap();
    assert_eq!(message.key(&section).unwrap().as_str(), "forecast:forecast_001");
    assert_eq!(section.channel(&message.data_key), "__dataChanged:production:forecast:forecast_001");
    let base = json!({ "demand": 450.0, "tags": ["old"], "deprecated_field": 1 });
    let patched = apply(Some(&base), &message.patch_items).unwrap();
    assert_eq!(patched, Some(json!({ "demand": 500.0, "tags": ["critical", "old"] })));
}

#[test]
fn this_releases_files_are_written_byte_by_byte() {
    for golden in [CHANGE, PULL] {
        let message = ChangeMessage::read(golden.as_bytes()).unwrap();
        assert_eq!(message.write().unwrap(), golden.trim_end());
    }
    let head = Head::read(HEAD.as_bytes()).unwrap();
    assert_eq!(head.write().unwrap(), HEAD.trim_end());
    assert_eq!(head.source.feed_position, u128::MAX);
    assert_eq!(head.tracker(), Fence { incarnation: Incarnation(2), token: FencingToken(3) });
    let change = ChangeMessage::read(CHANGE.as_bytes()).unwrap();
    assert_eq!((change.base_version_id, change.sequence), (Some(VersionId(100)), Some(Sequence(7))));
    assert!(matches!(&change.patch_items[1], PatchItem::Replace { value: Value::Null, .. }));
}

/// Releases N and N+1 run side by side.
#[test]
fn unknown_members_are_ignored() {
    for golden in [SPECIFIED, CHANGE, PULL, HEAD] {
        let mut later: Value = serde_json::from_str(golden).unwrap();
        later["ALaterMember"] = json!({ "of": ["any", "kind"] });
        if let Some(items) = later.get_mut("PatchItems").and_then(Value::as_array_mut) {
            items.iter_mut().for_each(|item| item["Later"] = json!(1));
        }
        let text = later.to_string();
        if golden == HEAD {
            assert_eq!(Head::read(text.as_bytes()).unwrap(), Head::read(HEAD.as_bytes()).unwrap());
        } else {
            assert_eq!(ChangeMessage::read(text.as_bytes()).unwrap(), ChangeMessage::read(golden.as_bytes()).unwrap());
        }
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for bad in ["", "[]", "{}", "nonsense", r#"{"Sequence":-1}"#] {
        assert!(ChangeMessage::read(bad.as_bytes()).is_err() && Head::read(bad.as_bytes()).is_err(), "{bad}");
    }
    let foreign = ChangeMessage::read(SPECIFIED.as_bytes()).unwrap();
    for (partition, name) in [("test", "forecast"), ("production", "forecasts")] {
        assert!(foreign.key(&Section::new(partition, name).unwrap()).is_err());
    }
    let nameless = ChangeMessage { data_key: String::new(), ..foreign.clone() };
    assert!(nameless.key(&Section::new("production", "forecast").unwrap()).is_err());
    let endless = ChangeMessage { tags: vec!["x".repeat(1_000); 300], ..foreign };
    assert!(ChangeMessage::read(&endless.write().unwrap()).is_err(), "longer than any channel carries");
}

/// A head without the added members says nothing about the feed, and is a head all the same.
#[test]
fn a_bare_head_is_read() {
    let text = r#"{"Incarnation":1,"StreamEpoch":5,"Sequence":0,"ReadAt":"2025-11-12T10:30:00Z"}"#;
    assert_eq!(Head::read(text.as_bytes()).unwrap().source, SourceMark::default());
}
