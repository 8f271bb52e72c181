//! The backplane on Redis: Pub/Sub is the fast path, a stream the repair path.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::backplane::{BackplaneSubscription, Claimed, Publication, Published, Replay};
use coherence::{Backplane, BackplaneError, Fence, FencingToken, Head, Incarnation, Section, Sequence, StreamEpoch};
use redis::Value;

use crate::error::Failure;
use crate::identity;
use crate::names;
use crate::reply;
use crate::script;
use crate::servers::Servers;
use crate::subscriber;

/// The most messages of one look into the stream.
const REPLAY_MAX: usize = 10_000;

/// The backplane of one server or one cluster. A section's state, head and stream are on one slot; its messages go out
/// over plain Pub/Sub, which in a cluster every server hears.
pub struct RedisBackplane {
    servers: Arc<Servers>,
}

impl RedisBackplane {
    pub(crate) fn new(servers: Arc<Servers>) -> Self {
        Self { servers }
    }
}

fn read_fence(elements: &mut impl Iterator<Item = Value>) -> Result<Fence, Failure> {
    let (incarnation, token) = (reply::whole(elements.next())?, reply::whole(elements.next())?);
    Ok(Fence { incarnation: Incarnation(incarnation), token: FencingToken(token) })
}

fn read_head(value: Option<Value>) -> Result<Option<Head>, Failure> {
    match value {
        None | Some(Value::Nil) => Ok(None),
        found => Head::read(&reply::bytes(found)?).map(Some).map_err(|error| Failure::Corrupt(error.to_string())),
    }
}

fn read_published(answer: Value) -> Result<Published, Failure> {
    let (verdict, mut elements) = reply::verdict(answer)?;
    match verdict.as_str() {
        "done" => Ok(Published::Done),
        "fenced" => Ok(Published::Fenced { by: read_fence(&mut elements)? }),
        "out of step" => Ok(Published::OutOfStep { head: read_head(elements.next())? }),
        other => Err(reply::unknown(other)),
    }
}

fn write_head(head: &Head) -> Result<bytes::Bytes, Failure> {
    head.write().map_err(|error| Failure::Corrupt(error.to_string()))
}

#[async_trait]
impl Backplane for RedisBackplane {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        let (state, head) = (names::state(section), section.head_name());
        let (incarnation, token) = (fence.incarnation.to_string(), fence.token.to_string());
        let arguments = [incarnation.as_bytes(), token.as_bytes()];
        let answer = self.servers.run(&script::CLAIM, &[&state, &head], &arguments).await?;
        let (verdict, mut elements) = reply::verdict(answer)?;
        match verdict.as_str() {
            "held" => Ok(Claimed::Held { head: read_head(elements.next())? }),
            "fenced" => Ok(Claimed::Fenced { by: read_fence(&mut elements)? }),
            other => Err(reply::unknown(other).into()),
        }
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        let head = &publication.head;
        // Nothing precedes the beginning: no stream is there.
        let before = head.sequence.0.checked_sub(1).map_or_else(|| "-".to_owned(), |before| before.to_string());
        let [incarnation, token] = [publication.fence.incarnation.0, publication.fence.token.0].map(|n| n.to_string());
        let [epoch, sequence] = [head.stream_epoch.0, head.sequence.0].map(|n| n.to_string());
        let config = &self.servers.config;
        let [messages, bytes] = [config.stream_messages_max, config.stream_bytes_max].map(|n| n.to_string());
        let (text, channel) = (write_head(head)?, section.channel(&publication.data_key));
        let arguments: [&[u8]; 10] = [
            incarnation.as_bytes(),
            token.as_bytes(),
            epoch.as_bytes(),
            before.as_bytes(),
            sequence.as_bytes(),
            &text,
            channel.as_bytes(),
            &publication.payload,
            messages.as_bytes(),
            bytes.as_bytes(),
        ];
        let keys = [names::state(section), section.head_name(), section.stream_name()];
        let answer = self.servers.run(&script::PUBLISH, &keys.each_ref().map(String::as_str), &arguments).await?;
        Ok(read_published(answer)?)
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        let [incarnation, token] = [fence.incarnation.0, fence.token.0].map(|n| n.to_string());
        let [epoch, sequence] = [head.stream_epoch.0, head.sequence.0].map(|n| n.to_string());
        let (text, channel) = (write_head(&head)?, section.head_name());
        let arguments: [&[u8]; 6] = [
            incarnation.as_bytes(),
            token.as_bytes(),
            epoch.as_bytes(),
            sequence.as_bytes(),
            &text,
            channel.as_bytes(),
        ];
        let keys = [names::state(section), channel.clone(), section.stream_name()];
        let answer = self.servers.run(&script::ANNOUNCE, &keys.each_ref().map(String::as_str), &arguments).await?;
        Ok(read_published(answer)?)
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        let name = section.head_name();
        let mut command = redis::cmd("GET");
        command.arg(&name);
        Ok(read_head(Some(self.servers.call(&name, &command).await?))?)
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        let [epoch, from, next] = [epoch.0, after.0, after.next().0].map(|n| n.to_string());
        let limit = limit.clamp(1, REPLAY_MAX).to_string();
        let arguments = [epoch.as_bytes(), from.as_bytes(), next.as_bytes(), limit.as_bytes()];
        let (state, stream) = (names::state(section), section.stream_name());
        let answer = self.servers.run(&script::REPLAY, &[&state, &stream], &arguments).await?;
        let (verdict, elements) = reply::verdict(answer)?;
        match verdict.as_str() {
            "messages" => {
                let messages: Result<_, Failure> = elements.map(|message| reply::bytes(Some(message))).collect();
                Ok(Replay::Messages(messages?))
            }
            "out of reach" => Ok(Replay::OutOfReach),
            other => Err(reply::unknown(other).into()),
        }
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        let subscription = self.servers.timely(subscriber::subscribe(Arc::clone(&self.servers), section)).await?;
        Ok(Box::new(subscription))
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        Ok(identity::identity(&self.servers).await?)
    }
}
