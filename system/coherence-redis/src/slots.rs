//! The slots of a cluster, and who serves them.

use std::collections::{BTreeMap, BTreeSet};

use redis::Value;

use crate::error::Failure;
use crate::reply;

/// Slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of a key: of what is between its first braces, if they are there and hold something.
pub(crate) fn slot(key: &[u8]) -> u16 {
    let tagged = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        rest.iter().position(|byte| *byte == b'}').and_then(|close| rest.get(..close)).filter(|tag| !tag.is_empty())
    });
    crc16(tagged.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    })
}

/// Host and port of a server, as the cluster names it.
pub(crate) type Endpoint = (String, u16);

/// Which master serves which slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SlotMap {
    /// Whom to ask when no master is left: one of these may be it.
    replicas: BTreeSet<Endpoint>,
    /// By the last slot of each range: its first slot, its master, the master's id.
    ranges: BTreeMap<u16, (u16, Endpoint, String)>,
}

impl SlotMap {
    /// Reads the answer to `CLUSTER SLOTS` of the server at `asked`: a server that does not know its own name leaves it
    /// out.
    pub(crate) fn read(answer: Value, asked: &Endpoint) -> Result<Self, Failure> {
        let (mut ranges, mut replicas) = (BTreeMap::new(), BTreeSet::new());
        for range in reply::array(answer)? {
            let mut fields = reply::array(range)?.into_iter();
            let (first, last) = (reply::whole(fields.next())?, reply::whole(fields.next())?);
            let (master, id) = server(fields.next(), asked)?;
            for replica in fields {
                replicas.insert(server(Some(replica), asked)?.0);
            }
            let bad = || Failure::Corrupt("a range of slots out of bounds".to_owned());
            let (first, last) = (u16::try_from(first).map_err(|_| bad())?, u16::try_from(last).map_err(|_| bad())?);
            if first > last || last >= SLOTS {
                return Err(bad());
            }
            ranges.insert(last, (first, master, id));
        }
        Ok(Self { replicas, ranges })
    }

    /// The master of `slot`.
    pub(crate) fn master(&self, slot: u16) -> Option<&Endpoint> {
        let (_, (first, endpoint, _)) = self.ranges.range(slot..).next()?;
        (*first <= slot).then_some(endpoint)
    }

    /// Every master, each once.
    pub(crate) fn masters(&self) -> Vec<Endpoint> {
        let all: BTreeSet<_> = self.ranges.values().map(|(_, endpoint, _)| endpoint.clone()).collect();
        all.into_iter().collect()
    }

    /// Every replica.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = &Endpoint> {
        self.replicas.iter()
    }

    /// Whether every slot has a master.
    pub(crate) fn is_whole(&self) -> bool {
        let mut next = 0;
        self.ranges.iter().all(|(last, (first, _, _))| std::mem::replace(&mut next, last + 1) == *first)
            && next == SLOTS
    }

    /// Ranges and ids of masters as text; addresses are no part of it, since they say nothing about data.
    pub(crate) fn text(&self) -> String {
        let ranges = self.ranges.iter().map(|(last, (first, _, id))| format!("{first}-{last}={id}"));
        ranges.collect::<Vec<_>>().join(",")
    }
}

/// Where a server is, and its id.
fn server(fields: Option<Value>, asked: &Endpoint) -> Result<(Endpoint, String), Failure> {
    let mut fields = reply::array(fields.unwrap_or_default())?.into_iter();
    let host = reply::text_or_nil(fields.next())?.filter(|host| !host.is_empty() && host != "?");
    let port = reply::whole(fields.next())?;
    let port = u16::try_from(port).map_err(|_| Failure::Corrupt("a port out of bounds".to_owned()))?;
    let id = reply::text_or_nil(fields.next())?.unwrap_or_default();
    Ok(((host.unwrap_or_else(|| asked.0.clone()), port), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b"{foo}:versions"), slot(b"foo"));
        assert_eq!(slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
    }

    fn range(first: i64, last: i64, host: &str, port: i64, id: &str) -> Value {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            Value::Array(vec![text(host), Value::Int(port), text(id)]),
        ])
    }

    #[test]
    fn a_map_tells_the_master_of_each_slot() {
        let asked = ("seed".to_owned(), 1);
        let answer = Value::Array(vec![range(5_461, 16_383, "", 7_001, "b"), range(0, 5_460, "one", 7_000, "a")]);
        let map = SlotMap::read(answer, &asked).unwrap();
        assert_eq!(map.master(0), Some(&("one".to_owned(), 7_000)));
        assert_eq!(map.master(5_461), Some(&("seed".to_owned(), 7_001)));
        assert!(map.is_whole());
        assert_eq!(map.text(), "0-5460=a,5461-16383=b");
        let holes = SlotMap::read(Value::Array(vec![range(1, 5, "one", 1, "a")]), &asked).unwrap();
        assert_eq!((holes.master(0), holes.master(6), holes.is_whole()), (None, None, false));
        for bad in [range(5, 1, "one", 1, "a"), range(0, 16_384, "one", 1, "a"), range(0, 1, "one", 70_000, "a")] {
            assert!(SlotMap::read(Value::Array(vec![bad]), &asked).is_err());
        }
        assert!(SlotMap::read(Value::Array(vec![Value::Nil]), &asked).is_err());
    }
}
