//! Which keys are asked, and when.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use coherence::{CacheEvent, Key, Rng, Version};
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio::time::{Instant, MissedTickBehavior};

use super::status::MonitorStatusHandle;
use super::watch::{Found, Watch};
use crate::forecast::{ForecastService, Views};
use crate::model::{ForecastId, forecast_of_key};
use crate::ports::{Store, VERSIONS_MAX};

/// How many keys are watched; beyond, an arbitrary one goes.
pub const WATCHED_MAX: usize = 1_024;

/// What a monitor needs from outside.
#[derive(Clone)]
pub struct MonitorPorts {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// Which keys are asked.
    pub rng: Arc<dyn Rng>,
}

/// What can be set about a monitor.
#[derive(Debug, Clone)]
pub struct MonitorConfig {
    /// How often it asks.
    pub interval: Duration,
    /// How many recently changed keys it asks for each time, at most [`VERSIONS_MAX`] with the random ones.
    pub recent: usize,
    /// How many others of the watched keys.
    pub random: usize,
}

impl Default for MonitorConfig {
    /// 64 recently changed keys and 16 others every 500 ms.
    fn default() -> Self {
        Self { interval: Duration::from_millis(500), recent: 64, random: 16 }
    }
}

/// The monitor of one instance.
pub struct ConsistencyMonitor<R: Views> {
    config: MonitorConfig,
    ports: MonitorPorts,
    service: ForecastService<R>,
    events: broadcast::Receiver<CacheEvent>,
    watched: BTreeMap<Key, Watch>,
    /// Keys that changed, or whose writes have no end yet, in the order in which they are asked.
    recent: VecDeque<Key>,
    status: MonitorStatusHandle,
}

impl<R: Views> ConsistencyMonitor<R> {
    /// A monitor that does not run yet; it hears of changes from now on.
    pub fn new(config: MonitorConfig, ports: MonitorPorts, service: ForecastService<R>) -> Self {
        let events = service.caches().cache().events();
        let (watched, recent) = (BTreeMap::new(), VecDeque::new());
        Self { config, ports, service, events, watched, recent, status: MonitorStatusHandle::default() }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> MonitorStatusHandle {
        self.status.clone()
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        let mut tick = tokio::time::interval(self.config.interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                _ = tick.tick() => {}
            }
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.round() => {}
            }
        }
    }

    async fn round(&mut self) {
        self.hear();
        let keys = self.choose();
        let ids: Vec<ForecastId> = keys.iter().filter_map(forecast_of_key).collect();
        if ids.is_empty() {
            return;
        }
        let (incarnation, versions) = match self.ports.store.versions(&ids).await {
            Ok(found) => found,
            // Without the truth there is nothing to compare with.
            Err(error) => {
                tracing::debug!(%error, "the store cannot be asked for versions");
                keys.into_iter().for_each(|key| self.look_again(key));
                return;
            }
        };
        let now = Instant::now();
        for (key, id) in keys.iter().zip(versions) {
            self.watched.entry(key.clone()).or_default().saw(Version { incarnation, id }, now);
        }
        for (key, id) in keys.into_iter().zip(ids) {
            self.ask(key, id).await;
        }
        let watched = self.watched.len();
        self.status.update(|status| status.watched = watched);
    }

    /// Notes what changed since the last round.
    fn hear(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(CacheEvent::DataChanged { key, version }) if forecast_of_key(&key).is_some() => {
                    self.watched.entry(key.clone()).or_default().told(version);
                    self.look_again(key);
                    while self.watched.len() > WATCHED_MAX {
                        self.forget_one();
                    }
                }
                // A sample is enough.
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// The key is asked for again in its turn.
    fn look_again(&mut self, key: Key) {
        if !self.recent.contains(&key) {
            self.recent.push_back(key);
        }
        while self.recent.len() > WATCHED_MAX {
            self.recent.pop_front();
        }
    }

    fn forget_one(&mut self) {
        if let Some(key) = self.any_watched() {
            self.watched.remove(&key);
            self.recent.retain(|recent| *recent != key);
        }
    }

    fn any_watched(&self) -> Option<Key> {
        let count = u64::try_from(self.watched.len()).ok().filter(|count| *count > 0)?;
        let place = usize::try_from(self.ports.rng.next_u64() % count).ok()?;
        self.watched.keys().nth(place).cloned()
    }

    fn choose(&mut self) -> Vec<Key> {
        let recent = self.config.recent.min(VERSIONS_MAX).min(self.recent.len());
        let mut keys: Vec<Key> = self.recent.drain(..recent).collect();
        for _ in 0..self.config.random.min(VERSIONS_MAX - recent) {
            keys.extend(self.any_watched().filter(|key| !keys.contains(key)));
        }
        keys
    }

    /// Asks as a client would: any answer will do, if it is not marked as stale.
    async fn ask(&mut self, key: Key, id: ForecastId) {
        let asked = Instant::now();
        let answer = self.service.caches().get(id, None).await.ok().filter(|answer| !answer.stale);
        let Some(watch) = self.watched.get_mut(&key) else { return };
        let Some(answer) = answer else {
            self.status.update(|status| status.skipped += 1);
            return self.look_again(key);
        };
        let found = watch.answered(answer.version, asked);
        if watch.is_open() {
            self.look_again(key.clone());
        }
        self.note(&key, answer.version, answer.level.name(), &found);
    }

    fn note(&self, key: &Key, answered: Version, level: &'static str, found: &Found) {
        self.status.update(|status| {
            status.reads += 1;
            status.writes += found.ended;
            status.within_1s += found.within_1s;
            status.within_5s += found.within_5s;
            status.violations += found.violations;
        });
        if let Some(expected) = found.violated {
            let history = self.service.caches().cache().history(key);
            tracing::error!(%key, %answered, %expected, level, ?history, "an answer is more than 5 s old (C3 bounded)");
        }
    }
}
