//! What a fault is called and which hosts it hits. A kind names its hosts in its fields; so a new one needs nothing here.

use serde_json::Value;

use crate::fault::Kind;
use crate::world::{BUS, STORE};

/// Its name, its hosts, its sizes.
pub(super) fn name(kind: &Kind) -> String {
    let (name, fields) = parts(kind);
    let texts = fields.iter().filter_map(|(_, value)| value.as_str().map(str::to_owned));
    let sizes = fields.iter().filter(|(_, value)| value.is_number()).map(|(field, value)| format!("{field} {value}"));
    [name].into_iter().chain(texts).chain(sizes).collect::<Vec<_>>().join(" ")
}

/// The places of the hosts that it hits.
pub(super) fn hit(kind: &Kind, columns: &[String]) -> Vec<usize> {
    let (_, fields) = parts(kind);
    let is_named = |column: &str| fields.iter().any(|(_, value)| value.as_str() == Some(column));
    let is_hit = |column: &str| match kind {
        Kind::BusCut | Kind::BusDuplicates => column == BUS,
        Kind::FeedStall | Kind::NewIncarnation => column == STORE,
        _ => is_named(column),
    };
    let hit: Vec<usize> = (0..columns.len()).filter(|place| is_hit(&columns[*place])).collect();
    // What names nobody hits everybody.
    if hit.is_empty() { (0..columns.len()).collect() } else { hit }
}

/// The host that it keeps down.
pub(super) fn kills(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::Crash { host } | Kind::PowerLoss { host } => Some(host),
        _ => None,
    }
}

fn parts(kind: &Kind) -> (String, Vec<(String, Value)>) {
    match serde_json::to_value(kind) {
        Ok(Value::String(name)) => (name, Vec::new()),
        Ok(Value::Object(map)) => {
            let part = |(name, fields): (String, Value)| match fields {
                Value::Object(fields) => (name, fields.into_iter().collect()),
                _ => (name, Vec::new()),
            };
            map.into_iter().next().map(part).unwrap_or_default()
        }
        _ => Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_named_with_its_hosts_and_sizes_and_hits_them() {
        let columns = ["clients", "i0", "i1", "store", "bus", "shared"].map(str::to_owned);
        let slow = Kind::SlowLink { a: "i1".to_owned(), b: "store".to_owned(), max_ms: 300 };
        assert_eq!(name(&slow), "SlowLink i1 store max_ms 300");
        assert_eq!(hit(&slow, &columns), [2, 3]);
        assert_eq!((name(&Kind::BusCut), hit(&Kind::BusCut, &columns)), ("BusCut".to_owned(), vec![4]));
        assert_eq!(hit(&Kind::ShortReads, &columns).len(), columns.len());
    }
}
