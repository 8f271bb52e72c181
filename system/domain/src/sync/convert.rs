//! From a message of the bus to a change of the stream, or to a parked event.

use coherence::stream::Stations;
use coherence::{Incarnation, SourceChange, Tag, Timestamp};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::event::{CdcOperation, ForecastChanged, TRACEPARENT};
use crate::model::{ForecastId, all_forecasts_tag, forecast_key};
use crate::ports::{BusMessage, ParkedEvent, ParkedId, Topic};

/// The change that a message tells. `known` is the life in which versions without one count.
pub(super) fn change(
    event: &ForecastChanged,
    message: &BusMessage,
    known: Incarnation,
    consumed_at: Timestamp,
) -> SourceChange {
    let body = event.document();
    let tags = event.tags.iter().filter_map(|tag| Tag::new(tag.as_str()).ok());
    SourceChange {
        key: forecast_key(event.entity_id),
        version: event.version(known),
        // A document that is only a part of one (another program's) is fetched instead.
        pull: body.is_none() && event.operation != CdcOperation::Delete,
        body: body.filter(|_| event.operation != CdcOperation::Delete),
        // Any change is a change of the lists that show all.
        tags: tags.chain([all_forecasts_tag()]).collect(),
        tags_complete: event.tags_complete,
        changed_at: event.committed_at.unwrap_or(event.timestamp),
        traceparent: message.message.properties.get(TRACEPARENT).cloned(),
        stations: Stations {
            committed_at: event.committed_at,
            detected_at: event.detected_at,
            confirmed_at: Some(message.published_at),
            consumed_at: Some(consumed_at),
            published_at: None,
        },
    }
}

/// The same change without its document: the floor rises, the value goes, whoever holds the thing fetches it.
pub(super) fn pull(change: SourceChange) -> SourceChange {
    SourceChange { body: None, pull: true, tags: vec![all_forecasts_tag()], tags_complete: false, ..change }
}

pub(super) fn parked(message: &BusMessage, reason: String, attempts: u32, now: Timestamp) -> ParkedEvent {
    ParkedEvent {
        // The same message, delivered again, is the same event.
        id: ParkedId(Uuid::from_u128(xxh3_128(&message.message.payload))),
        topic: Topic::CdcForecasts,
        message: message.message.clone(),
        // Also where the body cannot be read.
        entity: message.message.key.parse::<ForecastId>().ok(),
        reason,
        attempts,
        parked_at: now,
    }
}

/// An error with all that it came from, on one line.
pub(super) fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
