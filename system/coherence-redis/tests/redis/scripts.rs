//! What the scripts guard, beyond what every tier must do: each of these was seen to fail without its mechanism.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coherence::backplane::{Publication, Published, Replay};
use coherence::{
    Backplane, Fence, FencingToken, FillOutcome, FillToken, Head, Incarnation, Key, Section, Sequence, SharedError,
    SharedLookup, SharedTier, SharedValue, SharedWrite, SourceMark, StreamEpoch, Version, WallClock, WriteOutcome,
};
use coherence_redis::{Redis, RedisConfig};

use super::conformance::{block_on, open};
use super::harness::{Backend, Options, Plain, Reply, Server};
use super::suite::{Needs, Test};
use super::system::Machine;

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "scripts::numbers_beyond_53_bits_are_told_apart", needs: Needs::Processes, run: numbers },
    &Test { name: "scripts::a_value_that_lost_its_versions_is_a_miss", needs: Needs::Processes, run: lost_versions },
    &Test { name: "scripts::a_value_that_somebody_made_immortal_is_a_miss", needs: Needs::Processes, run: immortal },
    &Test { name: "scripts::the_oldest_fill_token_goes_first", needs: Needs::Processes, run: tokens },
    &Test { name: "scripts::lost_scripts_are_sent_again", needs: Needs::Processes, run: lost_scripts },
    &Test { name: "scripts::values_expire_and_age", needs: Needs::Processes, run: expiry },
    &Test { name: "scripts::a_stream_is_bounded", needs: Needs::Processes, run: bounded_stream },
    &Test { name: "scripts::without_memory_nothing_is_half_done", needs: Needs::Processes, run: no_memory },
    &Test { name: "scripts::a_key_of_another_type_is_an_error", needs: Needs::Processes, run: another_type },
];

const EPOCH: StreamEpoch = StreamEpoch(5);
const TTL: Duration = Duration::from_secs(300);

/// A test on a server of its own.
fn on_server(config: RedisConfig, test: impl AsyncFnOnce(Redis, &mut Plain)) {
    let server = Server::start(Options::default());
    block_on(async { test(Redis::open(&server.url(), config).unwrap(), &mut server.plain()).await });
}

fn key() -> Key {
    Key::new("forecast:1").unwrap()
}

fn value(version: u64) -> SharedValue {
    let body = Bytes::from(format!("{{\"v\":{version}}}"));
    SharedValue { version: Version::new(1, version), body, tags: Arc::from([]), age: Duration::ZERO, epoch: EPOCH }
}

async fn fill(tier: &Arc<dyn SharedTier>, token: u64, version: u64, ttl: Duration) -> FillOutcome {
    tier.fill(&key(), FillToken(token), value(version), ttl).await.unwrap()
}

async fn look(tier: &Arc<dyn SharedTier>, token: u64) -> SharedLookup {
    tier.get(&key(), FillToken(token), EPOCH).await.unwrap()
}

fn write(version: u64, token: u64) -> SharedWrite {
    let fence = Fence { incarnation: Incarnation(1), token: FencingToken(token) };
    SharedWrite { fence, version: Version::new(1, version), epoch: EPOCH, value: Some(value(version)), ttl: TTL }
}

fn numbers(_: &Backend) {
    on_server(RedisConfig::default(), async |redis, _| {
        let tier = redis.shared_tier();
        const BIG: u64 = (1 << 53) + 1;
        tier.raise(&key(), Version::new(1, BIG)).await.unwrap();
        look(&tier, u64::MAX).await;
        assert_eq!(fill(&tier, u64::MAX, BIG - 1, TTL).await, FillOutcome::Refused, "below by one");
        assert_eq!(
            tier.write(&key(), write(9, u64::MAX)).await.unwrap(),
            WriteOutcome::Older { latest: Version::new(1, BIG) }
        );
        let by = Fence { incarnation: Incarnation(1), token: FencingToken(u64::MAX) };
        assert_eq!(tier.write(&key(), write(u64::MAX, u64::MAX - 1)).await.unwrap(), WriteOutcome::Fenced { by });
        assert_eq!(tier.write(&key(), write(u64::MAX, u64::MAX)).await.unwrap(), WriteOutcome::Written);
        // As text 9 is above 10.
        tier.raise(&Key::new("nine").unwrap(), Version::new(1, 9)).await.unwrap();
        tier.raise(&Key::new("nine").unwrap(), Version::new(1, 10)).await.unwrap();
        let found = tier.get(&Key::new("nine").unwrap(), FillToken(1), EPOCH).await.unwrap();
        assert_eq!(found, SharedLookup::Miss { latest: Some(Version::new(1, 10)) });
    });
}

fn lost_versions(_: &Backend) {
    on_server(RedisConfig::default(), async |redis, plain| {
        let tier = redis.shared_tier();
        tier.write(&key(), write(7, 1)).await.unwrap();
        look(&tier, 1).await;
        plain.must(&["DEL", "{forecast:1}:versions"]);
        assert_eq!(look(&tier, 2).await, SharedLookup::Miss { latest: None }, "nobody knows how old it is");
        assert_eq!(plain.must(&["EXISTS", "forecast:1"]), Reply::Int(0), "it is not kept either");
        plain.must(&["DEL", "{forecast:1}:versions"]);
        assert_eq!(fill(&tier, 2, 7, TTL).await, FillOutcome::Refused, "its token is gone with them");
        tier.write(&key(), write(7, 1)).await.unwrap();
        plain.must(&["DEL", "{forecast:1}:versions"]);
        tier.raise(&key(), Version::new(1, 3)).await.unwrap();
        assert_eq!(plain.must(&["EXISTS", "forecast:1"]), Reply::Int(0), "it could not be compared");
    });
}

fn immortal(_: &Backend) {
    on_server(RedisConfig::default(), async |redis, plain| {
        let tier = redis.shared_tier();
        tier.write(&key(), write(7, 1)).await.unwrap();
        plain.must(&["PERSIST", "forecast:1"]);
        assert_eq!(look(&tier, 1).await, SharedLookup::Miss { latest: Some(Version::new(1, 7)) });
        plain.must(&["SET", "forecast:1", "another program's", "EX", "300"]);
        tier.raise(&key(), Version::new(1, 8)).await.unwrap();
        assert_eq!(look(&tier, 2).await, SharedLookup::Miss { latest: Some(Version::new(1, 8)) });
    });
}

fn tokens(_: &Backend) {
    on_server(RedisConfig { fill_tokens_max: 3, ..RedisConfig::default() }, async |redis, plain| {
        let tier = redis.shared_tier();
        for token in 1..=4 {
            look(&tier, token).await;
        }
        let held = plain.must(&["HGET", "{forecast:1}:versions", "FillTokens"]);
        assert_eq!(held.text().len(), 3 * 17, "{held:?}");
        assert_eq!(fill(&tier, 1, 7, TTL).await, FillOutcome::Refused);
        assert_eq!(fill(&tier, 3, 7, TTL).await, FillOutcome::Stored);
        assert_eq!(fill(&tier, 4, 6, TTL).await, FillOutcome::Refused, "older than what is there");
        assert_eq!(fill(&tier, 2, 7, TTL).await, FillOutcome::Stored);
    });
}

fn lost_scripts(_: &Backend) {
    on_server(RedisConfig::default(), async |redis, plain| {
        for _ in 0..2 {
            coherence::shared::conformance::run_all(&redis.shared_tier(), &Machine.now().to_string()).await;
            plain.must(&["SCRIPT", "FLUSH"]);
        }
    });
}

fn expiry(_: &Backend) {
    on_server(RedisConfig::default(), async |redis, plain| {
        let tier = redis.shared_tier();
        look(&tier, 1).await;
        assert_eq!(fill(&tier, 1, 7, Duration::from_millis(600)).await, FillOutcome::Stored);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let SharedLookup::Hit(found) = look(&tier, 2).await else { panic!("a hit") };
        assert!(found.age >= Duration::from_millis(190) && found.age < Duration::from_millis(600), "{:?}", found.age);
        tokio::time::sleep(Duration::from_millis(450)).await;
        assert_eq!(look(&tier, 2).await, SharedLookup::Miss { latest: Some(Version::new(1, 7)) });
        let Reply::Int(left) = plain.must(&["PTTL", "{forecast:1}:versions"]) else { panic!("a number") };
        assert!(left > 3_500_000, "versions outlive their values, and not for ever: {left}");
        // A value that lives longer than versions do by themselves takes them along.
        let day = Duration::from_secs(86_400);
        tier.write(&key(), SharedWrite { ttl: day, ..write(8, 1) }).await.unwrap();
        tier.raise(&key(), Version::new(1, 2)).await.unwrap();
        let Reply::Int(left) = plain.must(&["PTTL", "{forecast:1}:versions"]) else { panic!("a number") };
        assert!(left > 86_400_000, "{left}");
    });
}

fn section() -> Section {
    Section::new("production", "forecast").unwrap()
}

fn fence() -> Fence {
    Fence { incarnation: Incarnation(1), token: FencingToken(1) }
}

fn head(sequence: u64) -> Head {
    Head {
        incarnation: Incarnation(1),
        stream_epoch: EPOCH,
        sequence: Sequence(sequence),
        read_at: Machine.now(),
        source: SourceMark::default(),
        identity: "one".to_owned(),
    }
}

async fn publish(
    backplane: &Arc<dyn Backplane>,
    sequence: u64,
    payload: &[u8],
) -> Result<Published, coherence::BackplaneError> {
    let payload = Bytes::copy_from_slice(payload);
    let publication = Publication { fence: fence(), head: head(sequence), data_key: "1".to_owned(), payload };
    backplane.publish(&section(), publication).await
}

fn bounded_stream(_: &Backend) {
    let config = RedisConfig { stream_messages_max: 5, stream_bytes_max: 100, ..RedisConfig::default() };
    on_server(config, async |redis, plain| {
        let backplane = redis.backplane();
        backplane.announce(&section(), fence(), head(0)).await.unwrap();
        for sequence in 1..=20 {
            assert_eq!(publish(&backplane, sequence, b"short").await.unwrap(), Published::Done);
        }
        let stream = section().stream_name();
        assert_eq!(plain.must(&["XLEN", &stream]), Reply::Int(5));
        let replay = async |after| backplane.replay(&section(), EPOCH, Sequence(after), 100).await.unwrap();
        assert_eq!(replay(14).await, Replay::OutOfReach);
        assert_eq!(replay(15).await, Replay::Messages(vec![Bytes::from_static(b"short"); 5]));
        publish(&backplane, 21, &[b'l'; 90]).await.unwrap();
        assert_eq!(plain.must(&["XLEN", &stream]), Reply::Int(3), "90 and two of 5");
        publish(&backplane, 22, &[b'l'; 500]).await.unwrap();
        assert_eq!(plain.must(&["XLEN", &stream]), Reply::Int(1), "the last one stays, however long");
        publish(&backplane, 23, b"short").await.unwrap();
        assert_eq!(replay(22).await, Replay::Messages(vec![Bytes::from_static(b"short")]));
        let state = "{__dataChanged:production:forecast}:__state";
        assert_eq!(plain.must(&["HGET", state, "StreamBytes"]).text(), "5");
        // An evicted stream is out of reach, and goes on.
        plain.must(&["DEL", &stream]);
        assert_eq!(replay(22).await, Replay::OutOfReach);
        publish(&backplane, 24, b"short").await.unwrap();
        assert_eq!(replay(23).await, Replay::Messages(vec![Bytes::from_static(b"short")]));
        // So is one whose head was evicted: the next writer begins anew.
        plain.must(&["DEL", &section().head_name()]);
        assert_eq!(publish(&backplane, 25, b"short").await.unwrap(), Published::OutOfStep { head: None });
    });
}

fn no_memory(_: &Backend) {
    on_server(RedisConfig::default(), async |redis, plain| {
        let (tier, backplane) = (redis.shared_tier(), redis.backplane());
        backplane.announce(&section(), fence(), head(0)).await.unwrap();
        publish(&backplane, 1, b"one").await.unwrap();
        tier.write(&key(), write(7, 1)).await.unwrap();
        look(&tier, 1).await;
        plain.must(&["CONFIG", "SET", "maxmemory", "1"]);
        let refused = publish(&backplane, 2, b"two").await.unwrap_err();
        assert!(refused.is_retryable(), "{refused:?}");
        let refused = tier.write(&key(), write(8, 1)).await.unwrap_err();
        assert!(refused.is_retryable(), "{refused:?}");
        plain.must(&["CONFIG", "SET", "maxmemory", "0"]);
        let SharedLookup::Hit(found) = look(&tier, 2).await else { panic!("a hit") };
        assert_eq!(found.version, Version::new(1, 7));
        assert_eq!(backplane.head(&section()).await.unwrap().unwrap().sequence, Sequence(1));
        assert_eq!(plain.must(&["XLEN", &section().stream_name()]), Reply::Int(1));
        assert_eq!(publish(&backplane, 2, b"two").await.unwrap(), Published::Done);
    });
}

fn another_type(_: &Backend) {
    on_server(RedisConfig::default(), async |redis, plain| {
        let tier = redis.shared_tier();
        plain.must(&["LPUSH", "forecast:1", "a", "list"]);
        let error = tier.get(&key(), FillToken(1), EPOCH).await.unwrap_err();
        assert!(matches!(error, SharedError::Corrupt(_)) && !error.is_retryable(), "{error:?}");
        assert_eq!(tier.write(&key(), write(7, 1)).await.unwrap(), WriteOutcome::Written, "a change puts it right");
        assert!(matches!(look(&tier, 1).await, SharedLookup::Hit(_)));
        let other = open("redis://127.0.0.1:1");
        assert!(other.shared_tier().drop_key(&key()).await.unwrap_err().is_retryable(), "nobody listens there");
    });
}
