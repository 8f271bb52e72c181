//! One change on the wire (specification 3.3, PascalCase), with what this system adds beside the specified members.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::patch::PatchItem;
use super::section::Section;
use crate::key::{Key, Tag};
use crate::version::{Incarnation, Sequence, StreamEpoch, Version, VersionId};

/// The longest message in bytes. A longer one is sent as a pull: every instance fetches the document instead.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1_024;

/// When a change passed each station on its way, by the clock of that station's machine. They measure; they order nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Stations {
    /// The source committed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
    /// The tracker read it from the feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_at: Option<Timestamp>,
    /// The bus confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// The sync took it from the bus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_at: Option<Timestamp>,
    /// The sync published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

/// One change of one thing, as every instance receives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[doc(alias = "DistributedDataChangedInfo")]
pub struct ChangeMessage {
    /// Who published it: one process.
    pub data_manager_id: String,
    /// The partition.
    pub partition_key: String,
    /// The section.
    pub section: String,
    /// The thing.
    pub data_key: String,
    /// Its version afterwards.
    pub version_id: VersionId,
    /// When it changed.
    pub change_time: Timestamp,
    /// What changed; `add` at the empty path is the whole document, `remove` at the empty path its end.
    pub patch_items: Vec<PatchItem>,
    /// Added: the version that the patch applies to; absent where it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_version_id: Option<VersionId>,
    /// Added: its place in the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// Added: the stream's life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_epoch: Option<StreamEpoch>,
    /// Added: the database's life in which the versions count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// Added: the tags before and after the change, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Added: whether `Tags` are all; if not, every query of the section is outdated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tags_complete: bool,
    /// Added: hash of the document afterwards, against patches that apply cleanly to the wrong base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_hash: Option<String>,
    /// Added: there is no patch; whoever holds the thing fetches it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pull: bool,
    /// Added: the trace that made the change (W3C Trace Context).
    #[serde(default, rename = "TraceParent", skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Added: when it passed each station.
    #[serde(flatten)]
    pub stations: Stations,
}

/// A text that is not the message it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be read: {0}")]
pub struct MessageError(pub(crate) String);

impl ChangeMessage {
    /// Reads a message; members that are not known are ignored.
    ///
    /// # Errors
    /// [`MessageError`] if it is not one, or longer than [`MESSAGE_BYTES_MAX`].
    pub fn read(payload: &[u8]) -> Result<Self, MessageError> {
        if payload.len() > MESSAGE_BYTES_MAX {
            return Err(MessageError(format!("{} bytes", payload.len())));
        }
        serde_json::from_slice(payload).map_err(|error| MessageError(error.to_string()))
    }

    /// The JSON text.
    ///
    /// # Errors
    /// [`MessageError`], which no message of this module can bring about.
    pub fn write(&self) -> Result<Bytes, MessageError> {
        serde_json::to_vec(self).map(Bytes::from).map_err(|error| MessageError(error.to_string()))
    }

    /// The key in the tiers.
    ///
    /// # Errors
    /// [`MessageError`] if it names another section, or nothing that can be a key.
    pub fn key(&self, section: &Section) -> Result<Key, MessageError> {
        if self.partition_key != section.partition() || self.section != section.name() {
            return Err(MessageError(format!("of {}:{}", self.partition_key, self.section)));
        }
        section.key(&self.data_key).map_err(|error| MessageError(error.to_string()))
    }

    /// The version afterwards; a foreign message without an incarnation counts in `known`.
    pub fn version(&self, known: Incarnation) -> Version {
        Version { incarnation: self.incarnation.unwrap_or(known), id: self.version_id }
    }

    /// The tags as the caches know them. A text that cannot be a tag is on no entry.
    pub fn cache_tags(&self) -> Arc<[Tag]> {
        self.tags.iter().filter_map(|tag| Tag::new(tag.as_str()).ok()).collect()
    }
}

/// The hash of a document's text that [`ChangeMessage::document_hash`] carries.
pub fn document_hash(body: &[u8]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(body))
}
