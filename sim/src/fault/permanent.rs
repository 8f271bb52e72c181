//! The fault that never ends. It lies outside what the others need: they must converge all the same, and whoever is hurt
//! must be honest.

use super::plan::{Kind, Road};
use crate::dice::Dice;
use crate::world::{BUS, Need, SHARED, STORE, instance_name};

/// Of a thousand seeds so many have one.
const SHARE_PERMILLE: u64 = 200;

pub(super) fn draw(seed: u64, instances: usize) -> Option<Kind> {
    let dice = Dice::of(seed, "permanent");
    if !dice.permille(SHARE_PERMILLE) {
        return None;
    }
    let hurt = instance_name(usize::try_from(dice.below(instances as u64)).unwrap_or_default());
    let from = |backend: &str| Kind::Partition { a: hurt.clone(), b: backend.to_owned() };
    Some(match dice.below(11) {
        0 => from(SHARED),
        1 => from(BUS),
        2 => from(STORE),
        3 => Kind::Crash { host: hurt },
        4 => Kind::Isolate { host: hurt },
        5 => Kind::PubSubLoss { subscriber: hurt, permille: 1_000, unreadable: false },
        6 => Kind::Crash { host: SHARED.to_owned() },
        7 => Kind::RoadCut { road: Road::Invalidation },
        8 => Kind::Unheard { host: hurt },
        9 => Kind::Blind { host: hurt },
        _ => Kind::RoadCut { road: Road::Cdc },
    })
}

/// Whom it hurts: a host, or nobody alone.
pub(super) fn hurt(kind: &Kind) -> Option<&str> {
    let host = match kind {
        Kind::Partition { a: host, .. }
        | Kind::Crash { host }
        | Kind::Isolate { host }
        | Kind::Unheard { host }
        | Kind::Blind { host }
        | Kind::PubSubLoss { subscriber: host, .. } => host.as_str(),
        _ => return None,
    };
    (host != SHARED).then_some(host)
}

/// Whether `host` cannot be expected to have `need` while it lasts.
pub(super) fn spares(kind: &Kind, host: &str, need: Need) -> bool {
    let is_hurt = hurt(kind).is_none_or(|hurt| hurt == host);
    let wants = match kind {
        Kind::Partition { b, .. } if b == BUS => need == Need::Roads,
        Kind::Partition { .. } | Kind::PubSubLoss { .. } => need == Need::Follower,
        Kind::Crash { host } if host == SHARED => need == Need::Follower,
        // Who hears no beacon trusts nothing, and reads the store.
        Kind::RoadCut { road } => *road == Road::Cdc && need == Need::Follower,
        _ => true,
    };
    is_hurt && wants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_a_fifth_of_the_seeds_have_one_and_spares_only_whom_it_hurts() {
        let all: Vec<Kind> = (0..1_000).filter_map(|seed| draw(seed, 3)).collect();
        assert!((150..250).contains(&all.len()), "{}", all.len());
        let lonely = Kind::Partition { a: "i1".to_owned(), b: BUS.to_owned() };
        assert!(spares(&lonely, "i1", Need::Roads) && !spares(&lonely, "i1", Need::Follower));
        assert!(!spares(&lonely, "i0", Need::Roads));
        let cut = |road| Kind::RoadCut { road };
        assert!(spares(&cut(Road::Cdc), "i2", Need::Follower) && !spares(&cut(Road::Cdc), "i2", Need::Roads));
        assert!(!spares(&cut(Road::Invalidation), "i0", Need::Follower), "the other road is whole");
        let no_shared = Kind::Crash { host: SHARED.to_owned() };
        assert!(spares(&no_shared, "i2", Need::Follower) && !spares(&no_shared, "i2", Need::Roads));
    }
}
