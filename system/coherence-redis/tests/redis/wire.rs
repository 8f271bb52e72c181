//! What a client that knows nothing of ours sees: the wire format of the specification (its section 3.3, DESIGN section 4).

use std::time::Duration;

use coherence::{Fence, FencingToken, FillToken, Incarnation, SharedLookup, SourceMark, StreamEpoch, WallClock};
use serde_json::{Value, json};

use super::conformance::{block_on, open};
use super::harness::{Backend, Cluster, Options, Plain, Reply, Server};
use super::suite::{Needs, Test};
use super::system::{Machine, body, change, key, publisher};

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "wire::what_redis_holds_and_sends", needs: Needs::Processes, run: on_one_server },
    &Test { name: "wire::every_server_of_a_cluster_hears_every_change", needs: Needs::Processes, run: on_a_cluster },
    &Test { name: "wire::redis_cli_reads_it", needs: Needs::Processes, run: with_redis_cli },
];

fn json_of(reply: &Reply) -> Value {
    serde_json::from_str(reply.text()).unwrap()
}

/// Publishes two versions of a row, and a beacon.
fn publish(url: &str) {
    block_on(async {
        let mut publisher = publisher(&open(url), "0b1c", 7);
        let fence = Fence { incarnation: Incarnation(1), token: FencingToken(4) };
        assert_eq!(publisher.claim(fence).await.unwrap(), None);
        publisher.begin_epoch(Incarnation(1), SourceMark::default(), Machine.now()).await.unwrap();
        for version in [101, 102] {
            publisher.publish(&change(&key(1), version), SourceMark::default()).await.unwrap();
        }
        publisher.announce(Incarnation(1), SourceMark::default(), Machine.now()).await.unwrap();
    });
}

fn listen(port: u16) -> Plain {
    let mut listener = Plain::connect(port).unwrap();
    listener.must(&["SUBSCRIBE", "{__dataChanged:production:forecast}:__head"]);
    listener.must(&["PSUBSCRIBE", "__dataChanged:production:forecast:*"]);
    listener
}

/// Head, two changes, head.
fn hears_everything(listener: &mut Plain) {
    let head = |listener: &mut Plain, sequence: u64| {
        let message = listener.read().unwrap();
        assert_eq!(message.list()[0].text(), "message");
        let head = json_of(&message.list()[2]);
        assert_eq!((&head["Sequence"], &head["Incarnation"]), (&json!(sequence), &json!(1)));
        assert!(head["ReadAt"].is_string() && head["StreamEpoch"].is_u64(), "{head}");
    };
    head(listener, 0);
    for (sequence, version) in [(1, 101), (2, 102)] {
        let message = listener.read().unwrap();
        let words: Vec<_> = message.list()[..3].iter().map(Reply::text).collect();
        let expected = ["pmessage", "__dataChanged:production:forecast:*", "__dataChanged:production:forecast:row-1"];
        assert_eq!(words, expected);
        let change = json_of(&message.list()[3]);
        // What the specification names.
        assert_eq!(change["DataManagerId"], "0b1c");
        assert_eq!((&change["PartitionKey"], &change["Section"]), (&json!("production"), &json!("forecast")));
        assert_eq!((&change["DataKey"], &change["VersionId"]), (&json!("row-1"), &json!(version)));
        assert!(change["ChangeTime"].is_string(), "{change}");
        assert_eq!(change["Sequence"], json!(sequence));
        let expected = match version {
            101 => {
                json!([{ "Op": "add", "Path": "", "Value": serde_json::from_slice::<Value>(&body(&key(1), 101)).unwrap() }])
            }
            _ => json!([
                { "Op": "replace", "Path": "/demand", "Value": 306 },
                { "Op": "replace", "Path": "/versionId", "Value": 102 },
            ]),
        };
        assert_eq!(change["PatchItems"], expected);
    }
    head(listener, 2);
}

fn on_one_server(_: &Backend) {
    let server = Server::start(Options::default());
    let mut listener = listen(server.port());
    publish(&server.url());
    hears_everything(&mut listener);
    let mut plain = server.plain();
    // The value is the document alone, under the name of the specification.
    assert_eq!(plain.must(&["GET", "forecast:row-1"]).text().as_bytes(), &body(&key(1), 102)[..]);
    let Reply::Int(ttl) = plain.must(&["TTL", "forecast:row-1"]) else { panic!("a number") };
    assert!((290..=300).contains(&ttl), "{ttl}");
    assert_eq!(plain.must(&["HGET", "{forecast:row-1}:versions", "VersionId:latest"]).text(), "102");
    assert_eq!(plain.must(&["HGET", "{forecast:row-1}:versions", "Fence:Token"]).text(), "4");
    let head = json_of(&plain.must(&["GET", "{__dataChanged:production:forecast}:__head"]));
    assert_eq!(head["Sequence"], json!(2));
    let stream = plain.must(&["XRANGE", "{__dataChanged:production:forecast}:__stream", "-", "+"]);
    let ids: Vec<_> = stream.list().iter().map(|entry| entry.list()[0].text()).collect();
    assert_eq!(ids, ["1-0", "2-0"]);
    assert_eq!(json_of(&stream.list()[1].list()[1].list()[1])["VersionId"], json!(102));
    // And what another program reads is what ours read.
    block_on(async {
        let shared = open(&server.url()).shared_tier();
        let epoch = StreamEpoch(head["StreamEpoch"].as_u64().unwrap());
        let SharedLookup::Hit(value) = shared.get(&key(1), FillToken(1), epoch).await.unwrap() else { panic!("a hit") };
        assert_eq!(value.body, body(&key(1), 102));
        assert!(value.age < Duration::from_secs(10), "{:?}", value.age);
    });
}

fn on_a_cluster(_: &Backend) {
    let cluster = Cluster::start(0);
    let mut listeners: Vec<_> = cluster.masters.iter().map(|server| listen(server.port())).collect();
    publish(&cluster.url());
    listeners.iter_mut().for_each(hears_everything);
}

fn with_redis_cli(_: &Backend) {
    let server = Server::start(Options::default());
    publish(&server.url());
    let output = std::process::Command::new("redis-cli")
        .args(["-p", &server.port().to_string(), "--json", "HGETALL", "{forecast:row-1}:versions"])
        .output();
    // The package that brings the server brings this too, but a server may come from elsewhere.
    let Ok(output) = output else {
        let required = std::env::var("SMARTPULSE_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|one| one == "redis"), "redis-cli is required, and not installed");
        println!("redis-cli is not installed: not compared");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    for field in ["VersionId:latest", "Incarnation:latest", "StreamEpoch", "Value:VersionId"] {
        assert!(text.contains(field), "{text}");
    }
}
