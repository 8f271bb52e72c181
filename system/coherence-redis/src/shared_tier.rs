//! L3 on Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coherence::shared::SHARED_VERSIONS_MAX;
use coherence::{
    Fence, FencingToken, FillOutcome, FillToken, Incarnation, Key, SharedError, SharedLookup, SharedTier, SharedValue,
    SharedWrite, StreamEpoch, Tag, Version, VersionId, WriteOutcome,
};
use futures_util::future::try_join_all;
use redis::Value;

use crate::error::Failure;
use crate::names;
use crate::reply;
use crate::script;
use crate::servers::Servers;

/// The shared tier of one server or one cluster. A value is a string under the key's own name; what is known of its
/// versions is a hash beside it, which outlives it.
pub struct RedisSharedTier {
    servers: Arc<Servers>,
}

impl RedisSharedTier {
    pub(crate) fn new(servers: Arc<Servers>) -> Self {
        Self { servers }
    }

    async fn run(&self, step: &script::Step, key: &Key, arguments: &[&[u8]]) -> Result<Value, Failure> {
        let [value, versions] = names::of_key(key);
        self.servers.run(step, &[&value, &versions], arguments).await
    }

    /// How long versions live, in ms: longer than any value of `ttl`.
    fn life(&self, ttl: Duration) -> String {
        millis(self.servers.config.versions_life.max(ttl.saturating_mul(2)))
    }
}

/// At least one: Redis refuses to let a key live for no time.
pub(crate) fn millis(duration: Duration) -> String {
    // What is longer than a century lives for a century.
    const MAX: u64 = 100 * 365 * 24 * 3_600 * 1_000;
    u64::try_from(duration.as_millis()).unwrap_or(MAX).clamp(1, MAX).to_string()
}

fn hex(token: FillToken) -> String {
    format!("{:016x}", token.0)
}

fn tags_text(tags: &[Tag]) -> Result<String, Failure> {
    let texts: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    serde_json::to_string(&texts).map_err(|error| Failure::Corrupt(error.to_string()))
}

fn read_tags(text: &str) -> Result<Arc<[Tag]>, Failure> {
    let texts: Vec<String> = serde_json::from_str(text).map_err(|error| Failure::Corrupt(error.to_string()))?;
    texts.into_iter().map(|text| Tag::new(text).map_err(|error| Failure::Corrupt(error.to_string()))).collect()
}

fn read_version(elements: &mut impl Iterator<Item = Value>) -> Result<Option<Version>, Failure> {
    match (elements.next(), elements.next()) {
        (None | Some(Value::Nil), _) | (_, None | Some(Value::Nil)) => Ok(None),
        (incarnation, id) => {
            let (incarnation, id) = (reply::whole(incarnation)?, reply::whole(id)?);
            Ok(Some(Version { incarnation: Incarnation(incarnation), id: VersionId(id) }))
        }
    }
}

fn no_version() -> Failure {
    Failure::Corrupt("a script answered without a version".to_owned())
}

fn read_lookup(answer: Value, epoch: StreamEpoch) -> Result<SharedLookup, Failure> {
    let (verdict, mut elements) = reply::verdict(answer)?;
    match verdict.as_str() {
        "miss" => Ok(SharedLookup::Miss { latest: read_version(&mut elements)? }),
        "hit" => {
            let body: Bytes = reply::bytes(elements.next())?;
            let version = read_version(&mut elements)?.ok_or_else(no_version)?;
            let (stored, since) = (reply::whole(elements.next())?, reply::whole(elements.next())?);
            let tags = read_tags(&reply::text(elements.next())?)?;
            let age = Duration::from_millis(stored.saturating_add(since));
            Ok(SharedLookup::Hit(SharedValue { version, body, tags, age, epoch }))
        }
        other => Err(reply::unknown(other)),
    }
}

#[async_trait]
impl SharedTier for RedisSharedTier {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        let (token, epoch_text) = (hex(token), epoch.to_string());
        let (life, kept) = (self.life(Duration::ZERO), self.servers.config.fill_tokens_max.max(1).to_string());
        let arguments = [token.as_bytes(), epoch_text.as_bytes(), life.as_bytes(), kept.as_bytes()];
        let answer = self.run(&script::GET, key, &arguments).await?;
        Ok(read_lookup(answer, epoch)?)
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        let token = hex(token);
        let stored = Stored::of(&value, ttl)?;
        let [incarnation, id, epoch, age, lives, tags] = stored.arguments();
        let life = self.life(ttl);
        let arguments = [token.as_bytes(), incarnation, id, epoch, age, lives, tags, &value.body[..], life.as_bytes()];
        match reply::text(Some(self.run(&script::FILL, key, &arguments).await?))?.as_str() {
            "stored" => Ok(FillOutcome::Stored),
            "refused" => Ok(FillOutcome::Refused),
            other => Err(reply::unknown(other).into()),
        }
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        let (incarnation, id) = (version.incarnation.to_string(), version.id.to_string());
        let life = self.life(Duration::ZERO);
        self.run(&script::RAISE, key, &[incarnation.as_bytes(), id.as_bytes(), life.as_bytes()]).await?;
        Ok(())
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        let of_step = [
            write.fence.incarnation.to_string(),
            write.fence.token.to_string(),
            write.version.incarnation.to_string(),
            write.version.id.to_string(),
            write.epoch.to_string(),
            self.life(write.ttl),
            u8::from(write.value.is_some()).to_string(),
        ];
        let stored = write.value.as_ref().map(|value| Stored::of(value, write.ttl)).transpose()?;
        let mut arguments: Vec<&[u8]> = of_step.iter().map(String::as_bytes).collect();
        if let (Some(value), Some(stored)) = (&write.value, &stored) {
            arguments.extend(stored.arguments());
            arguments.push(&value.body);
        }
        let (verdict, mut elements) = reply::verdict(self.run(&script::WRITE, key, &arguments).await?)?;
        match verdict.as_str() {
            "written" => Ok(WriteOutcome::Written),
            "older" => Ok(WriteOutcome::Older { latest: read_version(&mut elements)?.ok_or_else(no_version)? }),
            "fenced" => {
                let (incarnation, token) = (reply::whole(elements.next())?, reply::whole(elements.next())?);
                let by = Fence { incarnation: Incarnation(incarnation), token: FencingToken(token) };
                Ok(WriteOutcome::Fenced { by })
            }
            other => Err(reply::unknown(other).into()),
        }
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        if epoch == StreamEpoch(0) {
            return Ok(vec![None; keys.len()]);
        }
        if keys.len() > SHARED_VERSIONS_MAX {
            return Err(SharedError::Corrupt(format!("{} keys in one question", keys.len())));
        }
        let epoch = epoch.to_string();
        // One command for each, since they are on many servers; on each connection they travel together.
        let ask = async |key: &Key| {
            let [_, versions] = names::of_key(key);
            let mut command = redis::cmd("HMGET");
            command.arg(&versions).arg("Incarnation:latest").arg("VersionId:latest").arg("StreamEpoch");
            let mut fields = reply::array(self.servers.call(&versions, &command).await?)?.into_iter();
            let version = read_version(&mut fields)?;
            let exact = reply::text_or_nil(fields.next())?.is_some_and(|exact| exact == epoch);
            Ok::<_, Failure>(version.filter(|_| exact))
        };
        Ok(self.servers.timely(try_join_all(keys.iter().map(ask))).await?)
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.run(&script::DROP, key, &[]).await?;
        Ok(())
    }
}

/// What goes with a value.
struct Stored([String; 6]);

impl Stored {
    fn of(value: &SharedValue, ttl: Duration) -> Result<Self, Failure> {
        Ok(Self([
            value.version.incarnation.to_string(),
            value.version.id.to_string(),
            value.epoch.to_string(),
            u64::try_from(value.age.as_millis()).unwrap_or(u64::MAX).to_string(),
            millis(ttl),
            tags_text(&value.tags)?,
        ]))
    }

    fn arguments(&self) -> [&[u8]; 6] {
        self.0.each_ref().map(String::as_bytes)
    }
}
