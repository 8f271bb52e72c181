//! The events of changes on the wire.

use bytes::Bytes;
use coherence::stream::PatchItem;
use coherence::{ChangeMessage, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::place::Place;
use super::wire::event;

/// The data of `event: change`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ForecastChange)]
pub struct ChangeData {
    /// The forecast.
    id: String,
    /// Its version afterwards.
    version_id: u64,
    /// The database's life in which the version counts: with it, `versionId` makes an `X-Version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    incarnation: Option<u64>,
    /// `patch`: `patchItems` apply to the version before; `replace`: they hold the whole document; `delete`: it is gone;
    /// `pull`: read it.
    #[schema(value_type = String)]
    operation: &'static str,
    /// JSON Patch (RFC 6902): `add`, `replace`, `remove`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    patch_items: Vec<ChangeItem>,
    /// The version that the patch applies to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    base_version_id: Option<u64>,
    /// Unit, company and provider, before and after the change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    /// When it changed.
    #[schema(value_type = String, format = DateTime)]
    change_time: Timestamp,
    /// The store committed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    committed_at: Option<Timestamp>,
    /// The tracker read it from the change feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    detected_at: Option<Timestamp>,
    /// The bus confirmed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    confirmed_at: Option<Timestamp>,
    /// The sync took it from the bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    consumed_at: Option<Timestamp>,
    /// The sync published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    published_at: Option<Timestamp>,
    /// This instance received it; absent in a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    received_at: Option<Timestamp>,
    /// This instance applied it; absent in a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    applied_at: Option<Timestamp>,
    /// The trace that made the change (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    traceparent: Option<String>,
}

/// One step of a patch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeItem {
    /// `add`, `replace` or `remove`.
    #[schema(value_type = String)]
    op: &'static str,
    /// Where (RFC 6901).
    path: String,
    /// What; absent where something is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

/// When this instance met a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    pub(super) received_at: Timestamp,
    pub(super) applied_at: Timestamp,
}

impl ChangeData {
    pub(super) fn of(message: &ChangeMessage, met: Option<Met>) -> Self {
        let stations = &message.stations;
        Self {
            id: message.data_key.clone(),
            version_id: message.version_id.0,
            incarnation: message.incarnation.map(|incarnation| incarnation.0),
            operation: operation(message),
            patch_items: if message.pull { Vec::new() } else { message.patch_items.iter().map(item).collect() },
            base_version_id: message.base_version_id.map(|version| version.0),
            tags: message.tags.clone(),
            change_time: message.change_time,
            committed_at: stations.committed_at,
            detected_at: stations.detected_at,
            confirmed_at: stations.confirmed_at,
            consumed_at: stations.consumed_at,
            published_at: stations.published_at,
            received_at: met.map(|met| met.received_at),
            applied_at: met.map(|met| met.applied_at),
            traceparent: message.traceparent.clone(),
        }
    }
}

fn operation(message: &ChangeMessage) -> &'static str {
    match message.patch_items.as_slice() {
        _ if message.pull => "pull",
        [PatchItem::Remove { path }] if path.is_empty() => "delete",
        [PatchItem::Add { path, .. }] if path.is_empty() => "replace",
        _ => "patch",
    }
}

fn item(item: &PatchItem) -> ChangeItem {
    let (op, path, value) = match item {
        PatchItem::Add { path, value } => ("add", path, Some(value.clone())),
        PatchItem::Replace { path, value } => ("replace", path, Some(value.clone())),
        PatchItem::Remove { path } => ("remove", path, None),
    };
    ChangeItem { op, path: path.clone(), value }
}

/// `event: change`.
pub(super) fn change(place: Place, data: &ChangeData) -> Bytes {
    event(place, "change", data)
}
