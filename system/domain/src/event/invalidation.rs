//! `forecast:invalidation` (specification 2.1, 3.2 and 4.1): a copy of this forecast is old, whoever holds it.

use std::borrow::Cow;

use coherence::{Incarnation, Key, Tag, Timestamp, Version, VersionId};
use serde::{Deserialize, Serialize};

use super::Event;
use crate::model::{EventId, ForecastId, forecast_key};
use crate::ports::Topic;

/// The member `entityType`.
pub const ENTITY_TYPE: &str = "Forecast";

/// What made the copies old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The forecast is new.
    DataCreated,
    /// It was changed.
    DataUpdated,
    /// It was deleted.
    DataDeleted,
    /// Something that this release does not know.
    #[serde(other)]
    Other,
}

/// What an operator's eviction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Eviction {
    /// The forecast.
    Key,
    /// Everything that carries one of the tags; `entityId` is the nil UUID.
    Tag,
    /// All that instances hold; `entityId` is the nil UUID.
    All,
    /// Something that this release does not know.
    #[serde(other)]
    Other,
}

/// Copies of a forecast, and of lists that could show it, are old.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[doc(alias = "CacheInvalidationEvent")]
pub struct CacheInvalidation {
    /// The forecast.
    pub entity_id: ForecastId,
    /// `Forecast`; section 2.1 of the specification leaves it out.
    #[serde(default = "entity_type")]
    pub entity_type: Cow<'static, str>,
    /// `unit:`, `company:` and `provider:` of where the forecast was and is filed, each once.
    pub tags: Vec<String>,
    /// When the change was made.
    pub timestamp: Timestamp,
    /// What happened; section 2.1 of the specification leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Added: names the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// Added: the version that the forecast, or its tombstone, has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// Added: the database's life in which the version counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// Added: an operator evicts, nothing changed. Absent: a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evict: Option<Eviction>,
}

fn entity_type() -> Cow<'static, str> {
    Cow::Borrowed(ENTITY_TYPE)
}

impl CacheInvalidation {
    /// The event of a change that left the forecast at `version`.
    pub fn new(
        event_id: EventId,
        entity_id: ForecastId,
        version: Version,
        tags: &[Tag],
        reason: Reason,
        timestamp: Timestamp,
    ) -> Self {
        Self {
            entity_id,
            entity_type: entity_type(),
            tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            timestamp,
            reason: Some(reason),
            event_id: Some(event_id),
            version_id: Some(version.id),
            incarnation: Some(version.incarnation),
            evict: None,
        }
    }

    /// Every instance drops the forecast and reads it again: without a version, a barrier.
    pub fn evict_key(event_id: EventId, entity_id: ForecastId, tags: &[Tag], timestamp: Timestamp) -> Self {
        Self::evict(event_id, entity_id, tags, timestamp, Eviction::Key)
    }

    /// Every instance drops what carries one of these tags.
    pub fn evict_tags(event_id: EventId, tags: &[Tag], timestamp: Timestamp) -> Self {
        Self::evict(event_id, ForecastId(uuid::Uuid::nil()), tags, timestamp, Eviction::Tag)
    }

    /// Every instance drops all that it holds.
    pub fn evict_all(event_id: EventId, timestamp: Timestamp) -> Self {
        Self::evict(event_id, ForecastId(uuid::Uuid::nil()), &[], timestamp, Eviction::All)
    }

    fn evict(id: EventId, entity_id: ForecastId, tags: &[Tag], timestamp: Timestamp, what: Eviction) -> Self {
        Self {
            entity_id,
            entity_type: entity_type(),
            tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            timestamp,
            reason: None,
            event_id: Some(id),
            version_id: None,
            incarnation: None,
            evict: Some(what),
        }
    }

    /// The version that copies must reach; `None` (another program's payload) makes the event a barrier: every copy goes.
    pub fn version(&self) -> Option<Version> {
        self.incarnation.zip(self.version_id).map(|(incarnation, id)| Version { incarnation, id })
    }

    /// The key of the forecast in the tiers.
    pub fn cache_key(&self) -> Key {
        forecast_key(self.entity_id)
    }

    /// The tags as the caches know them. A text that cannot be a tag is on no entry, so it is left out.
    pub fn cache_tags(&self) -> Vec<Tag> {
        self.tags.iter().filter_map(|tag| Tag::new(tag.as_str()).ok()).collect()
    }
}

impl Event for CacheInvalidation {
    const TOPIC: Topic = Topic::ForecastInvalidation;

    fn key(&self) -> String {
        self.entity_id.to_string()
    }
}
