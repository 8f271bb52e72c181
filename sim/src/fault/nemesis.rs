//! Carries a plan out. Faults overlap: what a link or a host is like follows from all that are on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coherence::Incarnation;
use coherence::backplane::BackplaneSnapshot;
use coherence::shared::SharedSnapshot;
use futures_util::FutureExt;
use turmoil::Sim;

use super::plan::{Fault, Kind, Plan};
use crate::log::{Event, Notified};
use crate::world::{BUS, Backup, CLIENTS, Fleet, SHARED, STORE};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum LinkState {
    Healthy,
    Held,
    Partitioned,
}

/// Begins and ends faults.
pub struct Nemesis {
    fleet: Fleet,
    /// By their start; the permanent one comes last.
    faults: Vec<Fault>,
    permanent: Option<usize>,
    latency_max: Duration,
    begun: usize,
    /// Of the faults that are on.
    on: BTreeSet<usize>,
    links: BTreeMap<(String, String), LinkState>,
    down: BTreeSet<String>,
    /// What the replica of a fault has.
    replicas: BTreeMap<usize, Replica>,
    /// What the store is put back to when the fault ends.
    backups: BTreeMap<usize, Backup>,
}

type Replica = (SharedSnapshot, BackplaneSnapshot);

impl Nemesis {
    /// For a plan; nothing is broken yet.
    pub fn new(plan: &Plan, fleet: Fleet) -> Self {
        let names = [STORE, BUS, SHARED, CLIENTS].map(str::to_owned).into_iter();
        let hosts: Vec<String> = names.chain(fleet.instances.iter().map(|i| i.net.host.to_string())).collect();
        let mut links = BTreeMap::new();
        for (place, one) in hosts.iter().enumerate() {
            for other in &hosts[place + 1..] {
                links.insert((one.clone(), other.clone()), LinkState::Healthy);
            }
        }
        let mut faults = plan.faults.clone();
        let permanent = plan.permanent.clone().map(|kind| {
            faults.push(Fault { start_ms: plan.storm_ms / 3, duration_ms: u64::from(u32::MAX), kind });
            faults.len() - 1
        });
        Self {
            fleet,
            faults,
            permanent,
            latency_max: Duration::from_millis(plan.tuning.latency_max_ms),
            begun: 0,
            on: BTreeSet::new(),
            links,
            down: BTreeSet::new(),
            replicas: BTreeMap::new(),
            backups: BTreeMap::new(),
        }
    }

    /// What is due `since_ms` after the begin of the storm.
    pub fn act(&mut self, sim: &mut Sim<'static>, since_ms: u64) {
        let over = |fault: &Fault| fault.start_ms + fault.duration_ms <= since_ms;
        let ended: Vec<usize> = self.on.iter().copied().filter(|id| over(&self.faults[*id])).collect();
        for id in ended {
            self.end(sim, id);
        }
        let due = |fault: &Fault| fault.start_ms <= since_ms;
        while self.faults.get(self.begun).is_some_and(|fault| Some(self.begun) != self.permanent && due(fault)) {
            self.begin(sim, self.begun);
            self.begun += 1;
        }
        if let Some(id) = self.permanent.filter(|id| !self.on.contains(id) && due(&self.faults[*id])) {
            self.fleet.net.mark("permanent_fault");
            self.begin(sim, id);
        }
    }

    /// Ends everything but what never ends.
    pub fn heal(&mut self, sim: &mut Sim<'static>) {
        self.begun = self.faults.len();
        let ends: Vec<usize> = self.on.iter().copied().filter(|id| Some(*id) != self.permanent).collect();
        ends.into_iter().for_each(|id| self.end(sim, id));
    }

    /// Kills the process on `host`, and starts it again.
    pub fn restart(&mut self, sim: &mut Sim<'static>, host: &str) {
        self.kill(sim, host, false);
        self.start(sim, host);
    }

    fn begin(&mut self, sim: &mut Sim<'static>, id: usize) {
        let kind = self.faults[id].kind.clone();
        self.fleet.net.log.record("nemesis", None, Event::FaultBegan { id, what: format!("{kind:?}") });
        self.on.insert(id);
        let weather = &self.fleet.net.weather;
        match &kind {
            Kind::Hold { .. }
            | Kind::Partition { .. }
            | Kind::Isolate { .. }
            | Kind::Unheard { .. }
            | Kind::Blind { .. } => {
                self.watch_roads(&kind, true);
                self.relink(sim);
            }
            Kind::RoadCut { road } => weather.set_road_cut(road.topic(), true),
            Kind::Crash { host } => self.kill(sim, host, false),
            Kind::PowerLoss { host } => self.kill(sim, host, true),
            Kind::SlowLink { a, b, max_ms } => {
                self.watch_roads(&kind, true);
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), Duration::from_millis(*max_ms));
            }
            Kind::SlowBackend { host, by_ms } => weather.set_slow(host, Duration::from_millis(*by_ms)),
            Kind::Cut { a, b } => weather.cut(a, b),
            Kind::Stall { a, b } => weather.set_stalled(a, b, true),
            Kind::ShortReads => weather.set_short_reads(true),
            Kind::BusCut => self.fleet.net.time.within(|| self.fleet.backends.bus.faults().cut()),
            Kind::BusDuplicates => weather.set_duplicates(true),
            Kind::NewIncarnation => self.raise_incarnation(),
            Kind::FeedStall | Kind::FeedPruned => weather.set_feed_stalled(true),
            Kind::PubSubLoss { .. }
            | Kind::PubSubDisorder { .. }
            | Kind::BusReorder { .. }
            | Kind::LateAcks { .. }
            | Kind::FeedReplay { .. } => self.resize(&kind),
            Kind::Restore => drop(self.backups.insert(id, self.fleet.backends.store.back_up())),
            Kind::Deaf { subscriber } => weather.deafen(subscriber),
            Kind::Promotion => {
                self.replicas.insert(id, self.fleet.backends.shared.copy());
            }
            Kind::Provider { carrier, trouble, permille } => {
                self.fleet.note(Notified::Troubled { carrier: carrier.clone() });
                self.fleet.providers.begin(carrier, *trouble, *permille);
            }
            Kind::DeviceGone { device } => {
                for address in self.fleet.providers.is_gone(*device) {
                    self.fleet.note(Notified::Troubled { carrier: address });
                }
            }
            Kind::AllClocks { by_ms } => self.fleet.net.time.step_wall(*by_ms),
            Kind::WallClock { host, offset_ms } => self.set_clock(host, *offset_ms),
            Kind::Jump { host, by_ms } => {
                let jumps = |name: &str| name == host;
                let found = self.fleet.instances.iter().find(|instance| jumps(&instance.net.host));
                if let Some(instance) = found {
                    instance.jump(Duration::from_millis(*by_ms));
                }
            }
        }
    }

    fn end(&mut self, sim: &mut Sim<'static>, id: usize) {
        self.on.remove(&id);
        let kind = self.faults[id].kind.clone();
        let weather = &self.fleet.net.weather;
        match &kind {
            Kind::Hold { .. }
            | Kind::Partition { .. }
            | Kind::Isolate { .. }
            | Kind::Unheard { .. }
            | Kind::Blind { .. } => {
                self.watch_roads(&kind, false);
                self.relink(sim);
            }
            Kind::RoadCut { road } => weather.set_road_cut(road.topic(), false),
            Kind::Crash { host } | Kind::PowerLoss { host } => self.start(sim, host),
            Kind::SlowLink { a, b, .. } => {
                self.watch_roads(&kind, false);
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), self.latency_max);
            }
            Kind::SlowBackend { host, .. } => weather.set_slow(host, Duration::ZERO),
            Kind::Stall { a, b } => weather.set_stalled(a, b, false),
            Kind::ShortReads => weather.set_short_reads(false),
            Kind::BusCut => {
                let others = self.on.iter().any(|id| self.faults[*id].kind == Kind::BusCut);
                if !others {
                    self.fleet.net.time.within(|| self.fleet.backends.bus.faults().heal());
                }
            }
            Kind::BusDuplicates => weather.set_duplicates(false),
            Kind::FeedStall => weather.set_feed_stalled(false),
            Kind::FeedPruned => {
                self.fleet.backends.store.prune_feed();
                weather.set_feed_stalled(false);
            }
            Kind::PubSubLoss { .. }
            | Kind::PubSubDisorder { .. }
            | Kind::BusReorder { .. }
            | Kind::LateAcks { .. }
            | Kind::FeedReplay { .. } => self.resize(&kind),
            Kind::Restore => self.put_back(id),
            Kind::WallClock { host, .. } => self.set_clock(host, 0),
            Kind::Promotion => {
                if let Some(replica) = self.replicas.remove(&id) {
                    self.fleet.backends.shared.fall_back(replica);
                }
            }
            Kind::Provider { carrier, trouble, permille } => self.fleet.providers.end(carrier, *trouble, *permille),
            Kind::Cut { .. }
            | Kind::DeviceGone { .. }
            | Kind::Jump { .. }
            | Kind::NewIncarnation
            | Kind::Deaf { .. }
            | Kind::AllClocks { .. } => {}
        }
        self.fleet.net.log.record("nemesis", None, Event::FaultEnded { id });
    }

    /// Of what has a size, the largest that is on counts.
    fn resize(&self, of: &Kind) {
        let weather = &self.fleet.net.weather;
        let on = || self.on.iter().map(|id| &self.faults[*id].kind);
        match of {
            Kind::PubSubLoss { subscriber: of, .. } => {
                let size = |kind: &Kind| match kind {
                    Kind::PubSubLoss { subscriber, permille, .. } if subscriber == of => Some(*permille),
                    _ => None,
                };
                weather.set_unreadable(on().any(|kind| matches!(kind, Kind::PubSubLoss { unreadable: true, .. })));
                weather.set_lossy(of, on().filter_map(size).max().unwrap_or_default());
            }
            Kind::PubSubDisorder { subscriber: of, .. } => {
                let sizes = |kind: &Kind| match kind {
                    Kind::PubSubDisorder { subscriber, doubled, overtaken } if subscriber == of => {
                        Some((*doubled, *overtaken))
                    }
                    _ => None,
                };
                let max = |one: (u64, u64), other: (u64, u64)| (one.0.max(other.0), one.1.max(other.1));
                let (doubled, overtaken) = on().filter_map(sizes).reduce(max).unwrap_or_default();
                weather.set_disordered(of, doubled, overtaken);
            }
            Kind::BusReorder { .. } => {
                let size = |kind: &Kind| if let Kind::BusReorder { permille } = kind { Some(*permille) } else { None };
                weather.set_reordered(on().filter_map(size).max().unwrap_or_default());
            }
            Kind::LateAcks { .. } => {
                let size = |kind: &Kind| if let Kind::LateAcks { by_ms } = kind { Some(*by_ms) } else { None };
                weather.set_ack_delay(Duration::from_millis(on().filter_map(size).max().unwrap_or_default()));
            }
            Kind::FeedReplay { .. } => {
                let size = |kind: &Kind| match kind {
                    Kind::FeedReplay { every_ms, back } => Some((*back, *every_ms)),
                    _ => None,
                };
                let (back, every_ms) = on().filter_map(size).max().unwrap_or_default();
                weather.set_feed_back(every_ms, back);
            }
            _ => {}
        }
    }

    fn put_back(&mut self, id: usize) {
        let Some(backup) = self.backups.remove(&id) else { return };
        let users: Vec<String> = self.fleet.instances.iter().map(|instance| instance.net.host.to_string()).collect();
        let (store, bus) = (self.fleet.backends.store.clone(), self.fleet.backends.bus.clone());
        let put_back = async move { store.put_back(&backup, &bus, &users).await };
        let done = self.fleet.net.time.inside(put_back).now_or_never();
        debug_assert!(done.is_some(), "backends in memory do not wait");
    }

    /// As an operator who knows of the database would; one that was put back and looks as if it had not been would give out
    /// the number of a life again (FINDINGS, limits).
    fn raise_incarnation(&self) {
        let store = self.fleet.backends.store.clone();
        if store.is_put_back_unnoticed() {
            return;
        }
        let raised = self.fleet.net.time.inside(async move { store.raise_incarnation(Incarnation(0)).await });
        let raised = raised.now_or_never();
        debug_assert!(matches!(raised, Some(Ok(_))), "the memory store does not wait");
    }

    fn set_clock(&self, host: &str, offset_ms: i64) {
        if host == STORE {
            self.fleet.backends.store_clock.set_offset(offset_ms);
        }
        for instance in self.fleet.instances.iter().filter(|instance| &*instance.net.host == host) {
            instance.clock.set_offset(offset_ms);
        }
    }

    /// Calls along the roads that the fault breaks are marked.
    fn watch_roads(&self, kind: &Kind, on: bool) {
        let (mark, pairs): (_, Vec<(&str, &str)>) = match kind {
            Kind::Hold { a, b } => ("call_while_held", vec![(a, b)]),
            Kind::Partition { a, b } => ("call_while_partitioned", vec![(a, b)]),
            Kind::SlowLink { a, b, .. } => ("call_over_slow_link", vec![(a, b)]),
            Kind::Isolate { host } => {
                let ends = self.links.keys().filter(|(one, other)| one == host || other == host);
                ("call_while_isolated", ends.map(|(one, other)| (one.as_str(), other.as_str())).collect())
            }
            Kind::Unheard { host } => ("call_while_unheard", vec![(host, BUS), (host, SHARED)]),
            Kind::Blind { host } => ("call_while_blind", vec![(host, STORE), (host, BUS), (host, SHARED)]),
            _ => return,
        };
        for (one, other) in pairs {
            self.fleet.net.weather.watch_road(one, other, mark, on);
        }
    }

    fn wanted(&self, one: &str, other: &str) -> LinkState {
        let touches = |a: &str, b: &str| (a == one && b == other) || (a == other && b == one);
        let state = |id: &usize| match &self.faults[*id].kind {
            Kind::Hold { a, b } if touches(a, b) => LinkState::Held,
            Kind::Partition { a, b } if touches(a, b) => LinkState::Partitioned,
            Kind::Isolate { host } if host == one || host == other => LinkState::Partitioned,
            Kind::Blind { host } if (host == one || host == other) && one != CLIENTS && other != CLIENTS => {
                LinkState::Partitioned
            }
            Kind::Unheard { host } if touches(host, BUS) || touches(host, SHARED) => LinkState::Partitioned,
            _ => LinkState::Healthy,
        };
        self.on.iter().map(state).max().unwrap_or(LinkState::Healthy)
    }

    fn relink(&mut self, sim: &Sim<'static>) {
        let pairs: Vec<(String, String)> = self.links.keys().cloned().collect();
        for (one, other) in pairs {
            let wanted = self.wanted(&one, &other);
            let Some(state) = self.links.get_mut(&(one.clone(), other.clone())) else { continue };
            let (a, b) = (one.as_str(), other.as_str());
            match (*state, wanted) {
                (before, after) if before == after => continue,
                (LinkState::Held, _) => sim.release(a, b),
                (LinkState::Partitioned, _) => sim.repair(a, b),
                (LinkState::Healthy, _) => {}
            }
            match wanted {
                LinkState::Held => sim.hold(a, b),
                LinkState::Partitioned => sim.partition(a, b),
                LinkState::Healthy => {}
            }
            *state = wanted;
        }
    }

    fn kill(&mut self, sim: &mut Sim<'static>, host: &str, power: bool) {
        let mine: Vec<_> = self.links.keys().filter(|(a, b)| a == host || b == host).cloned().collect();
        if power {
            // What the dying runtime sends (FIN, RST) must reach nobody.
            mine.iter().for_each(|(a, b)| sim.partition(a.as_str(), b.as_str()));
        }
        if self.down.insert(host.to_owned()) {
            sim.crash(host);
            self.fleet.net.mark(if power { "power_lost" } else { "process_killed" });
            match self.fleet.instances.iter().find(|instance| &*instance.net.host == host) {
                Some(instance) => instance.is_down(),
                None => drop(self.fleet.net.log.record(host, None, Event::Down)),
            }
        }
        if power {
            if host == SHARED {
                self.fleet.backends.shared.lose_memory();
                // A replica is not behind the loss of what it copied.
                self.replicas.clear();
            }
            for pair in mine {
                sim.repair(pair.0.as_str(), pair.1.as_str());
                self.links.insert(pair, LinkState::Healthy);
            }
            self.relink(sim);
        }
    }

    fn start(&mut self, sim: &mut Sim<'static>, host: &str) {
        let still = |id: &usize| match &self.faults[*id].kind {
            Kind::Crash { host: other } | Kind::PowerLoss { host: other } => other == host,
            _ => false,
        };
        if !self.on.iter().any(still) && self.down.remove(host) {
            sim.bounce(host);
        }
    }
}
