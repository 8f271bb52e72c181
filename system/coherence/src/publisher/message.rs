//! From a change to its message: as a patch where there is a base, whole where there is none, as a pull where it is long.

use bytes::Bytes;
use serde_json::Value;

use super::error::PublishError;
use super::publish::SourceChange;
use crate::stream::{ChangeMessage, Head, MESSAGE_BYTES_MAX, Section, Stations, diff, document_hash};
use crate::version::Version;

/// Who publishes, and where.
pub(super) struct Sender<'a> {
    pub(super) id: &'a str,
    pub(super) section: &'a Section,
}

/// The document of a change, parsed.
pub(super) fn parse(change: &SourceChange) -> Result<Option<Value>, PublishError> {
    let Some(body) = change.body.as_ref().filter(|_| !change.pull) else { return Ok(None) };
    serde_json::from_slice(body).map(Some).map_err(|error| PublishError::Document(error.to_string()))
}

/// The message that tells `change` at the place of `head`.
pub(super) fn message(
    sender: &Sender<'_>,
    change: &SourceChange,
    document: Option<&Value>,
    base: Option<(Version, &Value)>,
    head: &Head,
    stations: Stations,
) -> Result<Bytes, PublishError> {
    let data_key = sender.section.data_key(&change.key).ok_or_else(|| other_section(change))?;
    // The end of a document needs no base.
    let base = base.filter(|_| document.is_some());
    let patch_items = match (change.pull, document) {
        (true, _) => Vec::new(),
        (false, Some(document)) => diff(base.map(|(_, base)| base), Some(document)),
        (false, None) => vec![crate::stream::PatchItem::Remove { path: String::new() }],
    };
    let mut message = ChangeMessage {
        data_manager_id: sender.id.to_owned(),
        partition_key: sender.section.partition().to_owned(),
        section: sender.section.name().to_owned(),
        data_key: data_key.to_owned(),
        version_id: change.version.id,
        change_time: change.changed_at,
        patch_items,
        base_version_id: base.map(|(version, _)| version.id),
        sequence: Some(head.sequence),
        stream_epoch: Some(head.stream_epoch),
        incarnation: Some(change.version.incarnation),
        tags: change.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        tags_complete: change.tags_complete,
        document_hash: change.body.as_ref().filter(|_| !change.pull).map(|body| document_hash(body)),
        pull: change.pull,
        traceparent: change.traceparent.clone(),
        stations,
    };
    let written = message.write().map_err(|error| PublishError::Document(error.to_string()))?;
    if written.len() <= MESSAGE_BYTES_MAX {
        return Ok(written);
    }
    // Too long for a channel that cuts off slow readers: whoever holds the thing fetches it.
    message.patch_items = Vec::new();
    message.base_version_id = None;
    message.document_hash = None;
    message.pull = true;
    let short = message.write().map_err(|error| PublishError::Document(error.to_string()))?;
    match short.len() <= MESSAGE_BYTES_MAX {
        true => Ok(short),
        false => Err(PublishError::Document(format!("its tags alone take {} bytes", short.len()))),
    }
}

pub(super) fn other_section(change: &SourceChange) -> PublishError {
    PublishError::Document(format!("{} is of another section", change.key))
}
