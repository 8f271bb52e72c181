//! A look at the servers for an operator. It changes nothing.

use std::sync::Arc;
use std::time::Duration;

use coherence::{Timestamp, WallClock};
use redis::Value;
use tokio::time::Instant;

use crate::error::Failure;
use crate::node::Node;
use crate::reply;
use crate::servers::Servers;

/// How often a server is asked something small.
const ROUND_TRIPS: usize = 11;

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerExamination {
    /// Its address.
    pub address: String,
    /// Such as `7.0.15`.
    pub version: String,
    /// `master` or `slave`.
    pub role: String,
    /// Bytes that it may use; 0: as many as there are.
    pub memory_max: u64,
    /// Bytes that it uses.
    pub memory_used: u64,
    /// What it does when there are no more.
    pub eviction_policy: String,
    /// Keys that it evicted since its start.
    pub evicted: u64,
    /// How long ago each of its replicas acknowledged something last, in seconds.
    pub replica_lags_s: Vec<u64>,
    /// Its clock minus ours, in microseconds, in the middle of the question.
    pub clock_ahead_us: i64,
    /// How long small questions took, the quickest first.
    pub round_trips: Vec<Duration>,
}

/// Every master, in the order of the slots; of one server, that one.
pub(crate) async fn examine(servers: &Servers, clock: &dyn WallClock) -> Result<Vec<ServerExamination>, Failure> {
    if !servers.is_cluster() {
        return Ok(vec![one(servers, &servers.single(), clock).await?]);
    }
    let map = servers.timely(servers.refresh()).await?;
    if !map.is_whole() {
        return Err(Failure::Corrupt("the cluster has slots without a master".to_owned()));
    }
    let mut found = Vec::new();
    for endpoint in map.masters() {
        found.push(one(servers, &servers.node(&endpoint), clock).await?);
    }
    Ok(found)
}

async fn one(servers: &Servers, node: &Arc<Node>, clock: &dyn WallClock) -> Result<ServerExamination, Failure> {
    let ask = async |command: &redis::Cmd| servers.timely(node.ask(command)).await;
    let info = reply::text(Some(ask(&redis::cmd("INFO")).await?))?;
    let mut round_trips = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        ask(&redis::cmd("PING")).await?;
        round_trips.push(begun.elapsed());
    }
    round_trips.sort();
    let (asked, begun) = (clock.now(), Instant::now());
    let theirs = time(ask(&redis::cmd("TIME")).await?)?;
    let half = i64::try_from(begun.elapsed().as_micros() / 2).unwrap_or(i64::MAX);
    let field = |name: &str| field(&info, name);
    let text = |name: &str| {
        field(name).map(str::to_owned).ok_or_else(|| Failure::Corrupt(format!("the server does not say its {name}")))
    };
    let number = |name: &str| field(name).and_then(|value| value.parse().ok()).unwrap_or_default();
    Ok(ServerExamination {
        address: node.info().addr().to_string(),
        version: text("redis_version")?,
        role: text("role")?,
        memory_max: number("maxmemory"),
        memory_used: number("used_memory"),
        eviction_policy: text("maxmemory_policy")?,
        evicted: number("evicted_keys"),
        replica_lags_s: lags(&info),
        clock_ahead_us: theirs - asked.as_microsecond().saturating_add(half),
        round_trips,
    })
}

fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// `slave0:ip=...,port=...,state=online,offset=...,lag=1`.
fn lags(info: &str) -> Vec<u64> {
    let is_replica = |line: &&str| {
        let rest = line.strip_prefix("slave");
        rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    let lag = |line: &str| line.trim().rsplit_once("lag=").and_then(|(_, lag)| lag.parse().ok());
    info.lines().filter(is_replica).filter_map(lag).collect()
}

/// Seconds and microseconds.
fn time(answer: Value) -> Result<i64, Failure> {
    let mut parts = reply::array(answer)?.into_iter();
    let (seconds, micros) = (reply::whole(parts.next())?, reply::whole(parts.next())?);
    let time = i64::try_from(seconds.saturating_mul(1_000_000).saturating_add(micros)).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(time).map_err(|_| Failure::Corrupt("the server's time is none".to_owned()))?;
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
        slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=0\r\n\
        slave1:ip=10.0.0.3,port=6379,state=online,offset=14,lag=7\r\nmaxmemory:10\r\nmaxmemory_policy:volatile-lru\r\n";

    #[test]
    fn fields_and_replicas_are_found_by_their_names() {
        assert_eq!((field(INFO, "maxmemory"), field(INFO, "role")), (Some("10"), Some("master")));
        assert_eq!(field(INFO, "absent"), None);
        assert_eq!(lags(INFO), [0, 7]);
    }
}
