//! Puts the hosts on the network.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use turmoil::{Builder, Sim};

use super::backends::{BUS, Backends, SHARED, STORE};
use super::config::Tuning;
use super::guest::Guest;
use super::instance::{Instance, Outside, instance_name};
use super::providers::Providers;
use super::time::{Millis, START_UNIX_S, SimTime, TimeMover};
use crate::log::{Event, Log, Notified};
use crate::wire::{Net, Slab, Weather};

/// The host of all clients.
pub const CLIENTS: &str = "clients";
/// One step of the simulation.
const TICK: Duration = Duration::from_millis(1);

/// What the harness holds of the world, beside the hosts themselves.
#[derive(Clone)]
pub struct Fleet {
    /// The network and the log.
    pub net: Net,
    /// The backends.
    pub backends: Backends,
    /// The push services and the mail server.
    pub providers: Providers,
    /// The instances.
    pub instances: Vec<Instance>,
}

impl Fleet {
    /// Writes down what the harness does about notifications.
    pub fn note(&self, what: Notified) {
        self.net.log.record("harness", None, Event::Notify(what));
    }

    /// The instances but the one that a permanent fault hurts, by its host.
    pub fn whole(&self, hurt: Option<&str>) -> impl DoubleEndedIterator<Item = &Instance> {
        self.instances.iter().filter(move |instance| hurt != Some(&*instance.net.host))
    }
}

/// The world.
pub struct World {
    /// The simulator.
    pub sim: Sim<'static>,
    /// What the harness holds.
    pub fleet: Fleet,
    mover: TimeMover,
}

impl World {
    /// All hosts, not yet stepped. `now` is moved with them; `clients` is the software of the clients' host, `guest` calls
    /// the use cases of each instance.
    ///
    /// # Errors
    /// The system gives no runtime, or a setting is refused.
    pub fn build<C, F>(
        seed: u64,
        tuning: &Tuning,
        now: Millis,
        clients: C,
        guest: Option<Guest>,
    ) -> Result<Self, String>
    where
        C: FnOnce(Fleet) -> F,
        F: Future<Output = turmoil::Result> + 'static,
    {
        let (time, mover) = SimTime::start(seed, now).map_err(|error| error.to_string())?;
        let time = Arc::new(time);
        let net = Net {
            host: "harness".into(),
            weather: Arc::new(Weather::new(seed)),
            slab: Arc::new(Slab::default()),
            log: Log::new(Arc::clone(&time)),
            time,
        };
        let (config, providers) = (Arc::new(tuning.config()?), Providers::new(seed));
        let outside = Outside { providers: providers.clone(), resend: tuning.resends(), guest };
        let instance =
            |number| Instance::new(net.at(&instance_name(number)), seed, Arc::clone(&config), outside.clone());
        let backends = Backends::new(&net, tuning);
        let instances = (0..tuning.instances).map(instance).collect();
        let fleet = Fleet { backends, instances, providers, net };
        let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(START_UNIX_S.unsigned_abs());
        let mut sim = Builder::new()
            .rng_seed(seed)
            .epoch(epoch)
            .simulation_duration(Duration::from_secs(86_400))
            .tick_duration(TICK)
            .min_message_latency(TICK)
            .max_message_latency(Duration::from_millis(tuning.latency_max_ms))
            .tcp_capacity(16_384)
            .enable_random_order()
            .build();
        let of = fleet.backends.clone();
        sim.host(STORE, move || of.clone().run_store());
        let of = fleet.backends.clone();
        sim.host(BUS, move || of.clone().run_bus());
        let of = fleet.backends.clone();
        sim.host(SHARED, move || of.clone().run_shared());
        for instance in &fleet.instances {
            let name = instance.net.host.to_string();
            let instance = instance.clone();
            sim.host(name, move || instance.clone().run());
        }
        sim.client(CLIENTS, clients(fleet.clone()));
        Ok(Self { sim, fleet, mover })
    }

    /// One millisecond.
    ///
    /// # Errors
    /// A host's software ended.
    pub fn step(&mut self) -> Result<(), String> {
        self.sim.step().map_err(|error| error.to_string())?;
        self.mover.advance(&self.fleet.net.time, TICK);
        Ok(())
    }
}
