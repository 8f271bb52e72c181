//! Redis, or each master of its cluster.

use std::time::Duration;

use adapters::system::SystemClock;
use coherence_redis::{Redis, ServerExamination};

use crate::config::Config;
use crate::doctor::{Finding, Verdict, clock, duration, round_trip};
use crate::wiring::redis;

const BACKEND: &str = "redis";
/// The oldest that the scripts and the push messages of RESP3 are tested with.
const VERSION_MIN: (u32, u32) = (7, 0);
const USUAL: Duration = Duration::from_millis(2);
/// No replica that is further behind may be promoted (ALGORITHM.md).
const REPLICA_LAG_MAX_S: u64 = 1;
const REACH: &str = "is shared.url right, the server up, and the password?";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let url = config.shared.url.as_ref().map(|url| url.expose().as_str()).unwrap_or_default();
    let opened = Redis::open(url, redis::settings(config));
    let redis = match opened {
        Ok(redis) => redis,
        Err(error) => return vec![Finding::error(BACKEND, "address", &error, "mend shared.url")],
    };
    match redis.examine(&SystemClock).await {
        Ok(servers) => servers.iter().flat_map(|server| judge(server, config)).collect(),
        Err(error) => vec![Finding::error(BACKEND, "connection", &error, REACH)],
    }
}

fn judge(server: &ServerExamination, config: &Config) -> Vec<Finding> {
    let old = (version(&server.version) < Some(VERSION_MIN)).then_some((Verdict::Warning, "7.0 is what we test with"));
    let replica = (server.role != "master").then_some((Verdict::Failure, "shared.url must lead to the master"));
    let slow = duration(config.shared.timeout);
    let mut found = vec![
        Finding::judged(BACKEND, "version", format!("{} at {}", server.version, server.address), old),
        Finding::judged(BACKEND, "role", server.role.clone(), replica),
        memory(server),
        eviction(server),
        clock(BACKEND, server.clock_ahead_us, server.round_trips.last().copied().unwrap_or_default()),
        round_trip(BACKEND, &server.round_trips, USUAL),
        Finding::ok(BACKEND, "deadline", format!("{slow} (shared.timeout_ms); beyond, reads go on without it")),
    ];
    if let Some(lag) = server.replica_lags_s.iter().max() {
        let late = (*lag > REPLICA_LAG_MAX_S).then_some((
            Verdict::Warning,
            "a replica more than 1 s behind must not be promoted: set min-replicas-to-write 1 and min-replicas-max-lag 1",
        ));
        found.push(Finding::judged(BACKEND, "replicas", format!("{lag} s behind at most"), late));
    }
    found
}

fn memory(server: &ServerExamination) -> Finding {
    const GIB: f64 = (1_u64 << 30) as f64;
    let used = server.memory_used as f64 / GIB;
    if server.memory_max == 0 {
        let found = format!("{used:.2} GiB, without a limit");
        return Finding::warning(
            BACKEND,
            "memory",
            found,
            "set maxmemory (10gb is what deploy/SIZING.md reckons with)",
        );
    }
    let found = format!("{used:.2} of {:.2} GiB", server.memory_max as f64 / GIB);
    // Nine tenths.
    let is_full = server.memory_used / 9 > server.memory_max / 10;
    let otherwise =
        is_full.then_some((Verdict::Warning, "nearly full: values are evicted before their time; give it more"));
    Finding::judged(BACKEND, "memory", found, otherwise)
}

fn eviction(server: &ServerExamination) -> Finding {
    let policy = server.eviction_policy.as_str();
    let otherwise = if policy.starts_with("volatile-") {
        None
    } else if policy == "noeviction" && server.memory_max == 0 {
        Some((Verdict::Warning, "set maxmemory-policy volatile-lru together with maxmemory"))
    } else if policy == "noeviction" {
        Some((Verdict::Failure, "a full server refuses every write: set maxmemory-policy volatile-lru"))
    } else {
        Some((
            Verdict::Warning,
            "it may evict the repair stream, which begins a new epoch, and everything is compared: volatile-lru does not",
        ))
    };
    Finding::judged(BACKEND, "eviction", format!("{policy}, {} keys since the start", server.evicted), otherwise)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> ServerExamination {
        ServerExamination {
            address: "h:6379".to_owned(),
            version: "7.0.15".to_owned(),
            role: "master".to_owned(),
            memory_max: 10 << 30,
            memory_used: 1 << 30,
            eviction_policy: "volatile-lru".to_owned(),
            evicted: 0,
            replica_lags_s: vec![0],
            clock_ahead_us: 0,
            round_trips: vec![Duration::from_micros(200)],
        }
    }

    fn worst(server: ServerExamination) -> Vec<(&'static str, Verdict)> {
        let config = crate::config::load(&crate::config::Inputs::default()).unwrap().config;
        let found = judge(&server, &config);
        found.iter().filter(|one| one.verdict > Verdict::Ok).map(|one| (one.what, one.verdict)).collect()
    }

    #[test]
    fn each_trouble_is_told_by_its_name() {
        assert_eq!(worst(server()), []);
        let old = ServerExamination { version: "6.2.1".to_owned(), ..server() };
        assert_eq!(worst(old), [("version", Verdict::Warning)]);
        let replica = ServerExamination { role: "slave".to_owned(), ..server() };
        assert_eq!(worst(replica), [("role", Verdict::Failure)]);
        let full = ServerExamination { memory_used: (10 << 30) - 1, ..server() };
        assert_eq!(worst(full), [("memory", Verdict::Warning)]);
        let refusing = ServerExamination { eviction_policy: "noeviction".to_owned(), ..server() };
        assert_eq!(worst(refusing.clone()), [("eviction", Verdict::Failure)]);
        let boundless = ServerExamination { memory_max: 0, ..refusing };
        assert_eq!(worst(boundless), [("memory", Verdict::Warning), ("eviction", Verdict::Warning)]);
        let any = ServerExamination { eviction_policy: "allkeys-lru".to_owned(), ..server() };
        assert_eq!(worst(any), [("eviction", Verdict::Warning)]);
        let late = ServerExamination { replica_lags_s: vec![0, 2], ..server() };
        assert_eq!(worst(late), [("replicas", Verdict::Warning)]);
        let off = ServerExamination { clock_ahead_us: -2_000_000, ..server() };
        assert_eq!(worst(off), [("clock", Verdict::Failure)]);
    }
}
