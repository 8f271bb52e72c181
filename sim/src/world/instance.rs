//! An instance: the real App over ports that reach the backends by the simulated network.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapters::system::SystemIds;
use coherence::{Cache, CacheEvent, CacheStats, Rng, StreamEpoch, WallClock};
use domain::notification::push::PushGateways;
use smartpulse::app::{App, Channels, PipelineStatus, Ports};
use smartpulse::auth::MemoryTickets;
use smartpulse::config::Config;
use tokio::sync::broadcast;

use super::clock::HostClock;
use super::guest::{Guest, Visit};
use super::listener::SimListener;
use super::provider_ports::{SimMail, SimPush, SimTemplates};
use super::providers::Providers;
use crate::dice::Dice;
use crate::log::{Event, LEASE_GREW_WHILE_OPEN, SUSPECT_STORED};
use crate::wire::{Net, RemoteBackplane, RemoteBus, RemoteNotifications, RemoteShared, RemoteStore};

/// The port of the API.
pub const API_PORT: u16 = 8080;
const INTERNAL_PORT: u16 = 9090;
/// How often a host looks whether its monotonic clock shall jump.
const JUMP_LOOK: Duration = Duration::from_millis(50);

/// How often a host looks at itself.
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// The host of the `number`th instance.
pub fn instance_name(number: usize) -> String {
    format!("i{number}")
}

/// What is still missing before the instance is as it should be.
type Pending = Box<dyn Fn() -> Vec<(Need, String)> + Send>;

/// Has it compare all that it tracks, as an operator does by `POST /admin/resync`.
type Resync = Box<dyn Fn() + Send>;

/// What an instance needs to be as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It runs.
    Runs,
    /// It follows the stream and trusts its tiers.
    Follower,
    /// It hears the events of the bus.
    Roads,
}

/// What an instance has beside the network.
#[derive(Clone)]
pub(super) struct Outside {
    /// The push services and the mail server.
    pub(super) providers: Providers,
    /// Mails of which nobody knows whether they were taken are sent again.
    pub(super) resend: bool,
    /// Who calls its use cases.
    pub(super) guest: Option<Guest>,
}

/// One instance over all its starts.
#[derive(Clone)]
pub struct Instance {
    /// Its host on the network.
    pub net: Net,
    /// Its wall clock.
    pub clock: HostClock,
    seed: u64,
    config: Arc<Config>,
    outside: Outside,
    boots: Arc<AtomicU64>,
    /// Milliseconds by which its monotonic clock shall jump.
    jump_ms: Arc<AtomicU64>,
    pending: Arc<Mutex<Option<Pending>>>,
    /// How to order a resync, while it runs.
    resync: Arc<Mutex<Option<Resync>>>,
}

impl Instance {
    /// An instance that does not run.
    pub(super) fn new(net: Net, seed: u64, config: Arc<Config>, outside: Outside) -> Self {
        let clock = HostClock::new(Arc::clone(&net.time));
        let (boots, jump_ms) = (Arc::default(), Arc::default());
        let (pending, resync) = (Arc::default(), Arc::default());
        Self { net, clock, seed, config, outside, boots, jump_ms, pending, resync }
    }

    /// Orders a resync, if it runs.
    pub fn resync(&self) {
        if let Some(resync) = &*self.resync.lock().unwrap_or_else(PoisonError::into_inner) {
            resync();
        }
    }

    /// Has its monotonic clock jump forward.
    pub fn jump(&self, by: Duration) {
        self.jump_ms.fetch_add(u64::try_from(by.as_millis()).unwrap_or_default(), Ordering::Relaxed);
    }

    /// What is still missing, each by its name.
    pub fn pending(&self) -> Vec<(Need, String)> {
        match &*self.pending.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(pending) => pending(),
            None => vec![(Need::Runs, format!("{} does not run", self.net.host))],
        }
    }

    /// It was killed.
    pub fn is_down(&self) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.resync.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.net.log.record(&self.net.host, None, Event::Down);
    }

    fn channels(&self) -> Channels {
        let (providers, net) = (self.outside.providers.clone(), self.net.clone());
        let push = Arc::new(SimPush { providers: providers.clone(), net: net.clone() });
        let templates = Arc::new(SimTemplates { resend: self.outside.resend });
        Channels {
            push: PushGateways { web_push: Some(Arc::clone(&push) as _), fcm: Some(push) },
            mail: Some(Arc::new(SimMail { providers, net })),
            ..Channels::none(templates)
        }
    }

    fn ports(&self, boot: u64) -> Ports {
        let store = Arc::new(RemoteStore::new(self.net.clone()));
        let clock: Arc<dyn WallClock> = Arc::new(self.clock.clone());
        let dice = |what: &str| Dice::of(self.seed, &format!("{}/{boot}/{what}", self.net.host));
        let ids: Arc<dyn Rng> = Arc::new(dice("ids"));
        Ports {
            leases: Arc::clone(&store) as _,
            parking: Arc::clone(&store) as _,
            outbox: Some(Arc::clone(&store) as _),
            feed: Arc::clone(&store) as _,
            store,
            notifications: Arc::new(RemoteNotifications::new(self.net.clone())),
            channels: self.channels(),
            bus: Arc::new(RemoteBus::new(self.net.clone())),
            shared: Arc::new(RemoteShared::new(self.net.clone())),
            backplane: Arc::new(RemoteBackplane::new(self.net.clone())),
            tickets: Arc::new(MemoryTickets::new(16)),
            ids: Arc::new(SystemIds::new(Arc::clone(&clock), ids)),
            clock,
            rng: Arc::new(dice("rng")),
            jobs: Vec::new(),
        }
    }

    /// The software of its host.
    pub(super) async fn run(self) -> turmoil::Result {
        let boot = self.boots.fetch_add(1, Ordering::Relaxed) + 1;
        self.net.log.record(&self.net.host, None, Event::Up);
        let app = App::new(&self.config, self.ports(boot), &self.net.host).await?;
        let cache = app.service().caches().cache();
        tokio::spawn(write_down(self.net.clone(), cache.events()));
        tokio::spawn(jumps(self.net.clone(), Arc::clone(&self.jump_ms)));
        if let Some(guest) = &self.outside.guest {
            tokio::spawn(guest(Visit { parts: app.notifications().clone(), net: self.net.clone(), boot }));
        }
        tokio::spawn(watch(self.net.clone(), app.service().caches().cache().clone(), app.status().clone()));
        let follower = app.status().follower.clone();
        let resync = move || follower.iter().for_each(coherence::FollowerHandle::request_resync);
        *self.resync.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(resync));
        let (status, name) = (app.status().clone(), Arc::clone(&self.net.host));
        // Only values: a look at a clock from here would see that of the driver's thread.
        let pending = move || {
            let follower = status.follower.as_ref().map(coherence::FollowerHandle::status).unwrap_or_default();
            let is = |road: &Option<domain::roads::RoadStatusHandle>| road.as_ref().is_some_and(|r| r.read().connected);
            let wanted = [
                (follower.trusted, Need::Follower, "does not trust its tiers"),
                (follower.connected, Need::Follower, "does not follow the backplane"),
                (!follower.resyncing, Need::Follower, "compares versions"),
                (is(&status.invalidations), Need::Roads, "hears no invalidations"),
                (is(&status.updates), Need::Roads, "hears no updates"),
            ];
            let missing = wanted.iter().filter(|(is, ..)| !is);
            missing.map(|(_, need, what)| (*need, format!("{name} {what}"))).collect()
        };
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(pending));
        let (api, internal) = (SimListener::bind(API_PORT).await?, SimListener::bind(INTERNAL_PORT).await?);
        let ended = app.serve(api, internal).await;
        Err(format!("{} ended by itself: {ended:?}", self.net.host).into())
    }
}

/// Writes to the log what the cache tells its owner.
async fn write_down(net: Net, mut events: broadcast::Receiver<CacheEvent>) {
    loop {
        let what = match events.recv().await {
            Ok(CacheEvent::SyncErrorHappened { error }) => format!("sync_error_{}", error.name()),
            Ok(CacheEvent::SuspicionBegan) => "trust_lost".to_owned(),
            Ok(CacheEvent::TrustRegained) => "trust_regained".to_owned(),
            Ok(CacheEvent::FillRefused { .. }) => "fill_refused".to_owned(),
            Ok(CacheEvent::GenerationBegan { emptied: true, .. }) => "tiers_emptied".to_owned(),
            Ok(CacheEvent::SharedTierFailed { .. }) => "shared_tier_failed".to_owned(),
            Ok(CacheEvent::DataChanged { key, version: Some(version) }) => {
                let (key, version) = (key.as_str().to_owned(), version.into());
                net.log.record(&net.host, None, Event::Announced { key, version });
                continue;
            }
            Ok(_) => continue,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        net.log.record(&net.host, None, Event::Noticed { what });
    }
}

/// What an instance knows of itself at a moment.
#[derive(Debug, PartialEq)]
struct Moment {
    /// When the lease ends, if nobody is heard any more.
    lease_ends: tokio::time::Instant,
    trusted: bool,
    /// How far it is, where something before its head is missing, or is being compared.
    open: Option<(Option<StreamEpoch>, u64, bool)>,
    tracked: u64,
    stats: CacheStats,
}

impl Moment {
    /// What it did since an earlier one, that a batch of runs must see.
    fn did_since(&self, before: &Self) -> Vec<&'static str> {
        let compares = |moment: &Self| moment.open.is_some_and(|(.., resyncing)| resyncing);
        let did = [
            (self.stats.joins > before.stats.joins, "flight_joined"),
            (self.stats.duplicates > before.stats.duplicates, "duplicate_ignored"),
            (self.stats.heads_refused > before.stats.heads_refused, "head_from_the_future"),
            // A change is put into a document while all versions are being compared.
            (compares(before) && compares(self) && self.stats.patched > before.stats.patched, "patch_raced_resync"),
        ];
        did.into_iter().filter(|(did, _)| *did).map(|(_, mark)| mark).collect()
    }
}

/// Writes down what cannot be seen from outside: a lease that grows while something is missing, and a suspect instance that
/// stores.
async fn watch<R: coherence::Render>(net: Net, cache: Cache<R>, status: PipelineStatus) {
    let mut before: Option<Moment> = None;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let follower = status.follower.as_ref().map(coherence::FollowerHandle::status).unwrap_or_default();
        let behind = follower
            .head
            .as_ref()
            .is_some_and(|head| follower.epoch == Some(head.stream_epoch) && head.sequence > follower.applied);
        let now = Moment {
            lease_ends: tokio::time::Instant::now() + cache.lease_left(),
            trusted: cache.is_trusted(),
            open: (behind || follower.resyncing).then_some((follower.epoch, follower.applied.0, follower.resyncing)),
            tracked: cache.sizes().l2_entries,
            stats: cache.stats(),
        };
        if let Some(before) = &before {
            now.did_since(before).into_iter().for_each(|mark| net.weather.hit(mark));
            let grew = cache.lease_left() > Duration::ZERO && now.lease_ends > before.lease_ends;
            if grew && before.trusted && now.open.is_some() && now.open == before.open {
                net.log.record(&net.host, None, Event::Noticed { what: LEASE_GREW_WHILE_OPEN.to_owned() });
            }
            // It may have been trusted in between, which the follower has noticed, or ended.
            let between = follower.trusted || now.stats.suspicions != before.stats.suspicions;
            if !before.trusted && !now.trusted && !between && now.tracked > before.tracked {
                net.log.record(&net.host, None, Event::Noticed { what: SUSPECT_STORED.to_owned() });
            }
        }
        before = Some(now);
    }
}

/// Moves the host's monotonic clock where the nemesis wants it.
async fn jumps(net: Net, by_ms: Arc<AtomicU64>) {
    loop {
        tokio::time::sleep(JUMP_LOOK).await;
        let by = by_ms.swap(0, Ordering::Relaxed);
        if by > 0 {
            tokio::time::advance(Duration::from_millis(by)).await;
            net.weather.hit("clock_jumped");
        }
    }
}
