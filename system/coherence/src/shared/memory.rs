//! The shared tier inside one process: for the embedded default, where all instances live in it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::port::{
    FillOutcome, FillToken, SharedError, SharedLookup, SharedTier, SharedValue, SharedWrite, WriteOutcome,
};
use crate::core::after;
use crate::key::Key;
use crate::mutant;
use crate::version::{Fence, StreamEpoch, Version};

/// Tokens that one key keeps; the oldest goes first (its fill is then refused).
const TOKENS_MAX: usize = 16;

/// Bounds of a [`MemorySharedTier`].
#[derive(Debug, Clone, Copy)]
pub struct MemorySharedTierLimits {
    /// Values held, in bytes; the oldest are evicted.
    pub values_bytes: usize,
    /// Keys whose versions are remembered; the oldest are forgotten, with their values.
    pub versions_max: usize,
    /// How long the versions of a key outlive their last use.
    pub versions_life: Duration,
}

impl Default for MemorySharedTierLimits {
    /// 64 MiB of values, 200,000 versions, an hour.
    fn default() -> Self {
        Self { values_bytes: 64 << 20, versions_max: 200_000, versions_life: Duration::from_secs(3_600) }
    }
}

#[derive(Debug, Clone)]
struct Stored {
    value: SharedValue,
    stored_at: Instant,
    expires: Instant,
    /// Tells this value's place in the eviction queue from that of one it replaced.
    serial: u64,
}

#[derive(Debug, Clone)]
struct Versions {
    latest: Option<Version>,
    /// In which epoch `latest` counts every change of the stream in; zero: in none.
    exact: StreamEpoch,
    /// The highest term that wrote.
    fence: Fence,
    tokens: VecDeque<FillToken>,
    until: Instant,
}

impl Versions {
    /// The key changed: what fills in the air have read may be old.
    fn void_tokens(&mut self) {
        if !mutant!(FillTokenSurvives) {
            self.tokens.clear();
        }
    }
}

/// A copy of what a tier held, for tests of servers that fall back to one.
#[derive(Debug, Clone, Default)]
pub struct SharedSnapshot(State);

#[derive(Debug, Clone, Default)]
struct State {
    values: BTreeMap<Key, Stored>,
    values_bytes: usize,
    values_queue: VecDeque<(u64, Key)>,
    serial: u64,
    versions: BTreeMap<Key, Versions>,
    versions_queue: VecDeque<(Instant, Key)>,
}

/// The in-process shared tier.
#[derive(Debug)]
pub struct MemorySharedTier {
    limits: MemorySharedTierLimits,
    state: Mutex<State>,
}

impl MemorySharedTier {
    /// An empty tier.
    pub fn new(limits: MemorySharedTierLimits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// The tier as its port.
    pub fn into_port(self) -> Arc<dyn SharedTier> {
        Arc::new(self)
    }

    /// Forgets the versions of `key`, as an eviction for want of room would.
    pub fn evict_versions(&self, key: &Key) {
        self.lock().versions.remove(key.as_str());
    }

    /// Drops every value; the versions stay.
    pub fn drop_values(&self) {
        let mut state = self.lock();
        state.values.clear();
        state.values_queue.clear();
        state.values_bytes = 0;
    }

    /// What it holds now.
    pub fn snapshot(&self) -> SharedSnapshot {
        SharedSnapshot(self.lock().clone())
    }

    /// Falls back to an older copy of itself, as a replica does that is promoted. The default copy is an empty one: it
    /// lost its data.
    pub fn fall_back(&self, to: SharedSnapshot) {
        *self.lock() = to.0;
    }

    /// Values and bytes held.
    pub fn sizes(&self) -> (usize, usize) {
        let state = self.lock();
        (state.values.len(), state.values_bytes)
    }

    /// How many keys' versions are remembered.
    pub fn remembered(&self) -> usize {
        self.lock().versions.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn versions(&mut self, key: &Key, limits: &MemorySharedTierLimits, now: Instant) -> &mut Versions {
        let until = after(now, limits.versions_life);
        if !self.versions.contains_key(key.as_str()) {
            self.sweep(limits, now);
            self.versions_queue.push_back((until, key.clone()));
        }
        let fresh = || Versions {
            latest: None,
            exact: StreamEpoch(0),
            fence: Fence::default(),
            tokens: VecDeque::new(),
            until,
        };
        let versions = self.versions.entry(key.clone()).or_insert_with(fresh);
        versions.until = until;
        versions
    }

    /// Forgets versions that nobody used for their life, and the oldest where there is no room for one more.
    fn sweep(&mut self, limits: &MemorySharedTierLimits, now: Instant) {
        for _ in 0..4 {
            let full = self.versions.len() >= limits.versions_max.max(1);
            let due = self.versions_queue.front().is_some_and(|(until, _)| *until <= now);
            if !(full || due) {
                return;
            }
            let Some((_, key)) = self.versions_queue.pop_front() else { return };
            match self.versions.get(key.as_str()).map(|versions| versions.until) {
                Some(until) if until > now && !full => self.versions_queue.push_back((until, key)),
                Some(_) => {
                    // The value goes with its versions: without them a later raise could not be compared with it.
                    self.versions.remove(key.as_str());
                    self.remove_value(&key);
                }
                None => {}
            }
        }
    }

    fn remove_value(&mut self, key: &Key) {
        if let Some(gone) = self.values.remove(key.as_str()) {
            self.values_bytes -= weight(key, &gone.value);
        }
    }

    fn put_value(&mut self, key: &Key, stored: Stored, limits: &MemorySharedTierLimits) {
        self.remove_value(key);
        self.values_bytes += weight(key, &stored.value);
        self.values_queue.push_back((stored.serial, key.clone()));
        self.values.insert(key.clone(), stored);
        while self.values_bytes > limits.values_bytes || self.values_queue.len() > 2 * self.values.len() + 16 {
            let Some((serial, oldest)) = self.values_queue.pop_front() else { return };
            match self.values.get(oldest.as_str()) {
                Some(held) if held.serial != serial => {}
                Some(_) if self.values_bytes > limits.values_bytes => self.remove_value(&oldest),
                Some(_) => self.values_queue.push_back((serial, oldest)),
                None => {}
            }
        }
    }
}

fn weight(key: &Key, value: &SharedValue) -> usize {
    const OVERHEAD_BYTES: usize = 256;
    let tags: usize = value.tags.iter().map(|tag| tag.as_str().len() + 16).sum();
    OVERHEAD_BYTES + key.as_str().len() + value.body.len() + tags
}

#[async_trait]
impl SharedTier for MemorySharedTier {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        let now = Instant::now();
        let mut state = self.lock();
        let latest = state.versions.get(key.as_str()).and_then(|versions| versions.latest);
        if let Some(stored) = state.values.get(key.as_str())
            && now < stored.expires
            && (stored.value.epoch == epoch || mutant!(SharedIgnoresEpoch))
            && latest.is_none_or(|latest| stored.value.version >= latest)
        {
            let mut value = stored.value.clone();
            value.age += now.saturating_duration_since(stored.stored_at);
            return Ok(SharedLookup::Hit(value));
        }
        // What cannot be served is not kept: neither what expired nor what another epoch left.
        state.remove_value(key);
        let versions = state.versions(key, &self.limits, now);
        if versions.tokens.len() >= TOKENS_MAX {
            versions.tokens.pop_front();
        }
        versions.tokens.push_back(token);
        Ok(SharedLookup::Miss { latest })
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        let now = Instant::now();
        let mut state = self.lock();
        let held = state.values.get(key.as_str()).filter(|held| now < held.expires).map(|held| held.value.version);
        let Some(versions) = state.versions.get_mut(key.as_str()) else { return Ok(FillOutcome::Refused) };
        let Some(place) = versions.tokens.iter().position(|held| *held == token) else {
            return Ok(FillOutcome::Refused);
        };
        versions.tokens.remove(place);
        let older = versions.latest.is_some_and(|latest| value.version < latest)
            || held.is_some_and(|held| value.version < held);
        if older && !mutant!(FillTokenSurvives) {
            return Ok(FillOutcome::Refused);
        }
        versions.latest = versions.latest.max(Some(value.version));
        // Its token lay here all the while, so no change of the stream passed between the read and this.
        versions.exact = value.epoch;
        state.serial += 1;
        let serial = state.serial;
        state.put_value(key, Stored { value, stored_at: now, expires: after(now, ttl), serial }, &self.limits);
        Ok(FillOutcome::Stored)
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        let now = Instant::now();
        let mut state = self.lock();
        let versions = state.versions(key, &self.limits, now);
        versions.latest = versions.latest.max(Some(version));
        versions.void_tokens();
        if state.values.get(key.as_str()).is_some_and(|held| held.value.version < version) {
            state.remove_value(key);
        }
        Ok(())
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        let now = Instant::now();
        let mut state = self.lock();
        let versions = state.versions(key, &self.limits, now);
        if write.fence < versions.fence && !mutant!(FencingIgnoredStep1) {
            return Ok(WriteOutcome::Fenced { by: versions.fence });
        }
        versions.fence = write.fence;
        versions.void_tokens();
        versions.exact = write.epoch;
        if let Some(latest) = versions.latest.filter(|latest| write.version < *latest)
            && !mutant!(OlderWriteOverwrites)
        {
            return Ok(WriteOutcome::Older { latest });
        }
        versions.latest = Some(write.version);
        match write.value {
            Some(value) => {
                state.serial += 1;
                let stored = Stored { value, stored_at: now, expires: after(now, write.ttl), serial: state.serial };
                state.put_value(key, stored, &self.limits);
            }
            None => state.remove_value(key),
        }
        Ok(WriteOutcome::Written)
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        let state = self.lock();
        let of = |key: &Key| {
            let versions = state.versions.get(key.as_str())?;
            let exact = versions.exact == epoch || mutant!(RaiseMakesExact);
            versions.latest.filter(|_| exact && epoch != StreamEpoch(0))
        };
        Ok(keys.iter().map(of).collect())
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        let mut state = self.lock();
        state.remove_value(key);
        if let Some(versions) = state.versions.get_mut(key.as_str()) {
            versions.void_tokens();
        }
        Ok(())
    }
}
