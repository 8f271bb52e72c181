//! A look at the broker for an operator: what it says about itself, and how long a message takes through it.

use std::time::Duration;

use coherence::{Timestamp, WallClock};
use domain::ports::BusError;
use futures_util::StreamExt as _;
use pulsar::{ConsumerOptions, SubType, producer};
use reqwest::Method;
use tokio::time::Instant;

use super::PulsarConfig;
use super::admin::PulsarAdmin;
use super::client::{Use, connect};
use super::errors::bus_error;
use super::names::segment;

/// How many messages are sent and received, one after the other.
const ROUND_TRIPS: usize = 11;
/// The setting that holds up every message to a subscription that has caught up.
const DELAY: &str = "managedLedgerNewEntriesCheckDelayInMillis";

/// What a broker says about itself.
#[derive(Debug, Clone)]
pub struct PulsarExamination {
    /// Its version.
    pub version: String,
    /// Whether it can send itself a message; else what it said.
    pub health: Result<(), BusError>,
    /// How long it waits until it looks for new entries; an error where we may not ask, absent where it does not say.
    pub new_entries_delay: Result<Option<Duration>, BusError>,
    /// For how long the namespace keeps what was acknowledged, by itself or by the broker's default; absent: for ever.
    pub retention: Result<Option<Duration>, BusError>,
    /// The broker's clock minus ours, in whole seconds; absent where it does not tell the time.
    pub clock_ahead_s: Option<i64>,
}

impl PulsarAdmin {
    /// Asks the broker about itself; changes nothing. Each question has the deadline of a call.
    ///
    /// # Errors
    /// The admin API is away, or refuses us altogether.
    pub async fn examine(&self, clock: &dyn WallClock) -> Result<PulsarExamination, BusError> {
        let (version, date) = self.dated(self.request(Method::GET, "brokers/version")).await?;
        let now = clock.now();
        let health = self.send(self.request(Method::GET, "brokers/health")).await.map(drop);
        let settings = self.send(self.request(Method::GET, "brokers/configuration/runtime")).await;
        Ok(PulsarExamination {
            version: version.trim().trim_matches('"').to_owned(),
            health,
            retention: self.retention(settings.as_deref().unwrap_or_default()).await,
            new_entries_delay: settings.map(|settings| delay(&settings)),
            clock_ahead_s: date.and_then(|date| ahead_s(&date, now)),
        })
    }

    /// Deletes a topic, whoever is at it.
    async fn delete_topic(&self, name: &str) -> Result<(), BusError> {
        let path = format!("persistent/{}/{}?force=true", self.namespace(), segment(name));
        self.send(self.request(Method::DELETE, &path)).await.map(drop)
    }
}

fn delay(settings: &str) -> Option<Duration> {
    Some(Duration::from_millis(u64::try_from(setting(settings, DELAY)?).ok()?))
}

/// A whole number among the broker's settings, which it shows as text.
pub(super) fn setting(settings: &str, name: &str) -> Option<i64> {
    let settings: serde_json::Value = serde_json::from_str(settings).ok()?;
    let value = &settings[name];
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn ahead_s(date: &str, now: Timestamp) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(theirs.as_second() - now.as_second())
}

/// How long messages take from the send to the receipt by a subscriber, the quickest first: over a topic of its own in the
/// namespace, which is deleted afterwards.
///
/// # Errors
/// The broker is away, too slow, or refuses us the topic.
pub async fn measure_round_trips(config: &PulsarConfig, admin: &PulsarAdmin) -> Result<Vec<Duration>, BusError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| BusError::Refused(error.to_string()))?;
    let name = format!("smartpulse-doctor-{:016x}", u64::from_be_bytes(random));
    // Two connections, two joins, and the messages.
    let patience = 4 * config.operation_timeout;
    let measured = tokio::time::timeout(patience, measure(config, &name)).await.unwrap_or(Err(BusError::Timeout));
    if let Err(error) = admin.delete_topic(&name).await {
        tracing::debug!(%error, topic = name, "the topic of a measurement is left");
    }
    measured
}

async fn measure(config: &PulsarConfig, name: &str) -> Result<Vec<Duration>, BusError> {
    let topic = format!("persistent://{}/{name}", config.namespace);
    // On one connection an acknowledgement would hold up the next send.
    let (receiving, _first) = connect(config, Use::Stay).await?;
    let (sending, _second) = connect(config, Use::Stay).await?;
    let consumer = receiving.consumer().with_topic(&topic).with_subscription_type(SubType::Exclusive);
    let consumer =
        consumer.with_subscription("smartpulse-doctor").with_options(ConsumerOptions::default().durable(false));
    let mut consumer: pulsar::Consumer<Vec<u8>, _> = consumer.build().await.map_err(bus_error)?;
    let mut producer = sending.producer().with_topic(&topic).build().await.map_err(bus_error)?;
    let mut taken = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let message = producer::Message { payload: b"doctor".to_vec(), ..producer::Message::default() };
        let begun = Instant::now();
        producer.send_non_blocking(message).await.map_err(bus_error)?.await.map_err(bus_error)?;
        match consumer.next().await {
            Some(Ok(message)) => {
                taken.push(begun.elapsed());
                consumer.ack(&message).await.map_err(|error| bus_error(error.into()))?;
            }
            Some(Err(error)) => return Err(bus_error(error)),
            None => return Err(BusError::Unavailable(None)),
        }
    }
    taken.sort();
    let _closed = (producer.close().await, consumer.close().await);
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_is_read_as_the_broker_shows_it() {
        for (shown, expected) in [
            (r#"{"managedLedgerNewEntriesCheckDelayInMillis":"10"}"#, Some(10)),
            (r#"{"managedLedgerNewEntriesCheckDelayInMillis":0}"#, Some(0)),
            (r#"{"other":"1"}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(delay(shown), expected.map(Duration::from_millis), "{shown}");
        }
    }

    #[test]
    fn the_clock_is_that_of_the_answers_head() {
        let now: Timestamp = "2026-11-26T00:00:10Z".parse().unwrap();
        assert_eq!(ahead_s("Thu, 26 Nov 2026 00:00:12 GMT", now), Some(2));
        assert_eq!(ahead_s("soon", now), None);
    }
}
