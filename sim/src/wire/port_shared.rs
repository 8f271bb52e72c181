//! The shared tier from afar.

use std::time::Duration;

use async_trait::async_trait;
use coherence::shared::{
    FillOutcome, FillToken, SharedError, SharedLookup, SharedTier, SharedValue, SharedWrite, WriteOutcome,
};
use coherence::{Key, StreamEpoch, Version};

use super::conn::WireError;
use super::link::Link;
use super::net::Net;
use crate::world::{SHARED, SHARED_PORT, SharedHost};

/// The shared tier behind the wire.
pub struct RemoteShared {
    link: Link<SharedHost>,
}

impl RemoteShared {
    /// The tier as the host of `net` reaches it.
    pub fn new(net: Net) -> Self {
        Self { link: Link::new(net, SHARED, SHARED_PORT) }
    }
}

fn shared_error(error: WireError) -> SharedError {
    match error {
        WireError::Broken => SharedError::Unavailable(None),
        WireError::Timeout => SharedError::Timeout,
    }
}

#[async_trait]
impl SharedTier for RemoteShared {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        let key = key.clone();
        let about = key.to_string();
        let get = move |host: SharedHost| async move { host.tier.get(&key, token, epoch).await };
        let looked = self.link.call_about(get, || Some(about));
        looked.await.map_err(shared_error)?
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        let (key, about) = (key.clone(), key.to_string());
        let fill = move |host: SharedHost| async move { host.fill(key, token, value, ttl).await };
        self.link.call_about(fill, || Some(about)).await.map_err(shared_error)?
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        let (key, about) = (key.clone(), key.to_string());
        let work = move |host: SharedHost| async move { host.raise(key, version).await };
        self.link.call_about(work, || Some(about)).await.map_err(shared_error)?
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        let (key, about) = (key.clone(), key.to_string());
        let work = move |host: SharedHost| async move { host.write(key, write).await };
        self.link.call_about(work, || Some(about)).await.map_err(shared_error)?
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        let keys = keys.to_vec();
        let known = self.link.call(move |host| async move { host.versions(&keys, epoch).await }).await;
        self.link.dawdle().await;
        known.map_err(shared_error)?
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        let (key, about) = (key.clone(), key.to_string());
        let work = move |host: SharedHost| async move { host.tier.drop_key(&key).await };
        self.link.call_about(work, || Some(about)).await.map_err(shared_error)?
    }
}
