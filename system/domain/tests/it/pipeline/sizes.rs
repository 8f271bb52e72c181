//! How much a patch saves on the wire.

use coherence::VersionId;
use coherence::stream::{PatchItem, apply, diff};
use domain::model::{Forecast, ProviderId};
use serde_json::Value;

use crate::support::{example, time, uuid};

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// The bytes of a patch that changes one field, and of the document that it makes.
fn sizes(before: &Forecast) -> (usize, usize) {
    let after = Forecast {
        confidence_level: 0.5,
        version_id: VersionId(before.version_id.0 + 1),
        updated_at: time("2025-11-12T11:30:00.123456Z"),
        ..before.clone()
    };
    let value = |row: &Forecast| serde_json::from_str::<Value>(&text(row)).unwrap();
    let items = diff(Some(&value(before)), Some(&value(&after)));
    assert_eq!(items.len(), 3, "the field, updatedAt and versionId: {items:?}");
    assert!(items.iter().all(|item| matches!(item, PatchItem::Replace { .. })));
    assert_eq!(apply(Some(&value(before)), &items).unwrap(), Some(value(&after)));
    (text(&items).len(), text(&after).len())
}

/// The full document has every optional member, and as many labels as it may have.
#[test]
fn a_one_field_change_of_the_full_document_is_5_times_smaller_than_it() {
    let labels = (0..16).map(|n| format!("{n:02}-{}", "x".repeat(57))).collect();
    let full = Forecast { provider_id: Some(ProviderId(uuid(9))), tags: labels, ..example() };
    let (patch, document) = sizes(&full);
    println!("a patch of {patch} bytes for a document of {document}");
    assert!(5 * patch <= document, "a patch of {patch} bytes for a document of {document}");
    let (patch, document) = sizes(&example());
    println!("the specification's own document: a patch of {patch} bytes for {document}");
    assert!(2 * patch <= document);
}
