//! What a fault can be made simpler to: fewer targets, smaller sizes, no chance.

use crate::fault::Kind;
use crate::world::{BUS, CLIENTS, SHARED, STORE, instance_name};

/// Below that a size tells nothing any more.
const SIZE_MIN: u64 = 10;
/// All messages: no chance is involved.
const ALWAYS: u64 = 1_000;

/// The simpler forms of `kind`, the simplest first, in a world of so many instances.
pub fn simpler(kind: &Kind, instances: usize) -> Vec<Kind> {
    match kind {
        Kind::PowerLoss { host } => vec![Kind::Crash { host: host.clone() }],
        Kind::Isolate { host } => {
            let partition = |other: String| Kind::Partition { a: host.clone(), b: other };
            peers(host, instances).into_iter().map(partition).collect()
        }
        Kind::PubSubLoss { subscriber, permille, unreadable } if *permille != ALWAYS => {
            vec![Kind::PubSubLoss { subscriber: subscriber.clone(), permille: ALWAYS, unreadable: *unreadable }]
        }
        Kind::SlowLink { a, b, max_ms } => {
            let slow = |max_ms| Kind::SlowLink { a: a.clone(), b: b.clone(), max_ms };
            smaller(*max_ms).map(slow).collect()
        }
        Kind::SlowBackend { host, by_ms } => {
            smaller(*by_ms).map(|by_ms| Kind::SlowBackend { host: host.clone(), by_ms }).collect()
        }
        Kind::Jump { host, by_ms } => smaller(*by_ms).map(|by_ms| Kind::Jump { host: host.clone(), by_ms }).collect(),
        Kind::WallClock { host, offset_ms } => {
            let sizes = smaller(offset_ms.unsigned_abs());
            let signed = sizes.map(|size| i64::try_from(size).unwrap_or_default() * offset_ms.signum());
            signed.map(|offset_ms| Kind::WallClock { host: host.clone(), offset_ms }).collect()
        }
        _ => Vec::new(),
    }
}

/// Whom a host speaks with.
fn peers(host: &str, instances: usize) -> Vec<String> {
    let instances = (0..instances).map(instance_name);
    match host {
        STORE | BUS | SHARED | CLIENTS => instances.collect(),
        _ => [STORE, BUS, SHARED, CLIENTS].map(str::to_owned).to_vec(),
    }
}

/// An eighth, a quarter, a half.
pub(super) fn smaller(size: u64) -> impl Iterator<Item = u64> {
    [8, 4, 2].into_iter().map(move |divisor| size / divisor).filter(|size| *size >= SIZE_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_isolated_host_can_be_cut_off_from_one_other() {
        let of = |host: &str| simpler(&Kind::Isolate { host: host.to_owned() }, 3);
        assert_eq!(of("i1").len(), 4);
        assert_eq!(of(BUS).len(), 3);
        assert_eq!(of(BUS)[2], Kind::Partition { a: BUS.to_owned(), b: "i2".to_owned() });
    }

    #[test]
    fn sizes_shrink_towards_nothing_and_keep_their_sign() {
        let clock = |offset_ms| Kind::WallClock { host: STORE.to_owned(), offset_ms };
        assert_eq!(simpler(&clock(-400), 3), [clock(-50), clock(-100), clock(-200)]);
        assert!(simpler(&clock(-19), 3).is_empty());
    }

    #[test]
    fn simplifying_comes_to_an_end() {
        for seed in 0..50 {
            for fault in crate::fault::draw(seed).faults {
                let mut kind = fault.kind;
                let mut steps = 0;
                // The last form is the nearest one: the longest way down.
                while let Some(next) = simpler(&kind, 3).pop() {
                    kind = next;
                    steps += 1;
                    assert!(steps < 40, "{kind:?}");
                }
            }
        }
    }
}
