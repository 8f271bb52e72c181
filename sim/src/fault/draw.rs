//! From a seed to a plan. Each family draws from a source of its own, so that one more fault of a kind shifts no other.

use super::permanent;
use super::plan::{Family, Fault, Kind, Plan};
use super::providers;
use crate::dice::Dice;
use crate::world::{BUS, CLIENTS, SHARED, STORE, Tuning, instance_name};

const BACKENDS: [&str; 3] = [STORE, BUS, SHARED];

/// The plan of `seed`.
pub fn draw(seed: u64) -> Plan {
    let dice = Dice::of(seed, "plan");
    let mut tuning = Tuning::draw(seed);
    let is_on = |family: &Family| Dice::of(seed, &format!("swarm/{family:?}")).permille(500);
    let is_of_use = |family: &Family| tuning.notify.is_some() || !providers::is_about_notifications(*family);
    let families: Vec<Family> = Family::ALL.into_iter().filter(is_of_use).filter(is_on).collect();
    let restores = families.contains(&Family::Restore);
    if restores {
        // Until somebody notices that the store was put back, floors alone keep an instance from going back: there must
        // be room for them, and their 15 s must last.
        tuning.settings.retain(|(key, _)| key != "cache.floors_max");
    }
    let storm_ms = dice.between(10_000, 30_000);
    let behind_every_ms = if dice.permille(800) { dice.between(40, 800) } else { 0 };
    let mut faults: Vec<Fault> = families
        .iter()
        .flat_map(|family| {
            let dice = Dice::of(seed, &format!("plan/{family:?}"));
            // The same where a replica is promoted that lacks what was raised last: a process that really slept for longer
            // than floors last would find all others done with that.
            let promotes = families.contains(&Family::Promotion);
            let jump_max_ms = if restores || promotes { 2_000 } else { 20_000 };
            let hosts = Hosts { dice: &dice, instances: tuning.instances, jump_max_ms };
            (0..dice.between(1, 4)).map(|_| fault(*family, &hosts, storm_ms)).collect::<Vec<_>>()
        })
        .collect();
    faults.sort_by_key(|fault| fault.start_ms);
    let permanent = permanent::draw(seed, tuning.instances);
    Plan { seed, tuning, families, storm_ms, behind_every_ms, faults, canary: false, permanent }
}

struct Hosts<'d> {
    dice: &'d Dice,
    instances: usize,
    jump_max_ms: u64,
}

impl Hosts<'_> {
    fn instance(&self) -> String {
        instance_name(usize::try_from(self.dice.below(self.instances as u64)).unwrap_or_default())
    }

    fn backend(&self) -> String {
        self.dice.pick(&BACKENDS).copied().unwrap_or(STORE).to_owned()
    }

    fn any(&self) -> String {
        if self.dice.permille(700) { self.instance() } else { self.backend() }
    }

    /// An instance and whom it speaks with.
    fn pair(&self) -> (String, String) {
        let other = if self.dice.permille(150) { CLIENTS.to_owned() } else { self.backend() };
        (self.instance(), other)
    }
}

fn fault(family: Family, hosts: &Hosts<'_>, storm_ms: u64) -> Fault {
    let dice = hosts.dice;
    let start_ms = dice.below(storm_ms);
    let duration_ms = if dice.permille(700) { dice.between(100, 3_000) } else { dice.between(3_000, 9_000) };
    let (a, b) = hosts.pair();
    let kind = match family {
        Family::Hold => Kind::Hold { a, b },
        Family::Partition => Kind::Partition { a, b },
        Family::Isolate if dice.permille(300) => Kind::Blind { host: hosts.instance() },
        Family::Isolate if dice.permille(500) => Kind::Unheard { host: hosts.instance() },
        Family::Isolate => Kind::Isolate { host: hosts.any() },
        Family::Crash => Kind::Crash { host: hosts.any() },
        Family::PowerLoss => Kind::PowerLoss { host: hosts.any() },
        Family::SlowLink => Kind::SlowLink { a, b, max_ms: dice.between(100, 1_500) },
        Family::SlowBackend => Kind::SlowBackend { host: hosts.backend(), by_ms: dice.between(20, 900) },
        Family::Cut => Kind::Cut { a, b },
        Family::Stall => Kind::Stall { a, b },
        Family::ShortReads => Kind::ShortReads,
        Family::BusCut => Kind::BusCut,
        Family::BusDuplicates => Kind::BusDuplicates,
        Family::NewIncarnation => Kind::NewIncarnation,
        Family::FeedStall if dice.permille(400) => Kind::FeedPruned,
        Family::FeedStall => Kind::FeedStall,
        Family::PubSubLoss => {
            let permille = *dice.pick(&[100, 400, 1_000]).unwrap_or(&400);
            Kind::PubSubLoss { subscriber: hosts.instance(), permille, unreadable: dice.permille(300) }
        }
        Family::PubSubDisorder => {
            let share = || *dice.pick(&[0, 100, 500]).unwrap_or(&100);
            Kind::PubSubDisorder { subscriber: hosts.instance(), doubled: share(), overtaken: share() }
        }
        Family::Deaf => Kind::Deaf { subscriber: hosts.instance() },
        Family::Promotion => Kind::Promotion,
        Family::WallClock if dice.permille(400) => all_clocks(dice),
        Family::WallClock => wall_clock(hosts),
        Family::Jump => Kind::Jump { host: hosts.instance(), by_ms: dice.between(100, hosts.jump_max_ms) },
        Family::BusReorder => Kind::BusReorder { permille: dice.between(50, 500) },
        // Sooner and later than the bus's patience.
        Family::LateAcks => Kind::LateAcks { by_ms: dice.between(200, 12_000) },
        Family::FeedReplay => Kind::FeedReplay { every_ms: dice.between(300, 2_000), back: dice.between(1, 40) },
        Family::Restore => Kind::Restore,
        Family::PushTrouble | Family::MailTrouble | Family::DevicesGone => providers::draw(family, dice),
    };
    // No replica that lags by more than a second is promoted: that is assumed (DESIGN section 3.4).
    let duration_ms = match kind {
        Kind::Promotion => dice.between(50, 1_000),
        // Shorter than a lease: else all compare everything anyway.
        Kind::FeedPruned if dice.permille(600) => dice.between(100, 900),
        // Longer than a lease, and than the bound: what nobody can know any more must be seen.
        Kind::Blind { .. } | Kind::FeedStall if dice.permille(500) => dice.between(4_000, 12_000),
        _ => duration_ms,
    };
    Fault { start_ms, duration_ms, kind }
}

fn all_clocks(dice: &Dice) -> Kind {
    let size = i64::try_from(dice.between(2_000, 120_000)).unwrap_or_default();
    Kind::AllClocks { by_ms: if dice.permille(700) { -size } else { size } }
}

/// Mostly within the skew that C3 allows.
fn wall_clock(hosts: &Hosts<'_>) -> Kind {
    let dice = hosts.dice;
    let host = if dice.permille(800) { hosts.instance() } else { STORE.to_owned() };
    let size = if dice.permille(850) { dice.between(50, 499) } else { dice.between(1_500, 60_000) };
    let size = i64::try_from(size).unwrap_or_default();
    Kind::WallClock { host, offset_ms: if dice.permille(500) { size } else { -size } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_function_of_its_seed_and_survives_json() {
        let plan = draw(7);
        assert_eq!(plan, draw(7));
        assert_ne!(plan, draw(8));
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    #[test]
    fn about_half_of_the_families_are_on() {
        let on: usize = (0..200).map(|seed| draw(seed).families.len()).sum();
        let share = on as f64 / (200.0 * Family::ALL.len() as f64);
        assert!((0.4..0.6).contains(&share), "{share}");
    }
}
