//! `GET /api/forecasts/changes`: resumption, resets, who sees what, how many, and the end.

use domain::model::Scope;
use serde_json::json;
use smartpulse::auth::sign_hs256;

use super::super::support::{On, SECRET, TestApp, forecast, reader, root, token_request, writer};
use super::events::{CHANGES, Events};
use super::support::{ALL, Cluster};

const NONE: &str = "0-0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_where_it_ended_on_any_instance_without_hole_or_repetition() {
    for on in On::BOTH {
        let cluster = Cluster::on(on).await;
        let token = writer(1, &[1]);
        let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
        let mut stream = Events::by(&cluster.nodes[0].router, &token).await;
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        assert_eq!(
            (&stream.headers["cache-control"], &stream.headers["x-accel-buffering"]),
            (&"no-store".parse().unwrap(), &"no".parse().unwrap())
        );
        cluster.nodes[0].patch(&token, &path, 2.0).await;
        let mut last = stream.expect("change").await;
        while last.data["versionId"] != 2 {
            last = stream.expect("change").await;
        }
        let (epoch, _) = last.id.split_once('-').unwrap();
        assert!(u64::from_str_radix(epoch, 16).is_ok_and(|epoch| epoch > 0), "{}", last.id);
        drop(stream);
        for version in 3..=6_u32 {
            cluster.nodes[version as usize % 3].patch(&token, &path, f64::from(version)).await;
        }
        for node in &cluster.nodes {
            let mut resumed = Events::after(&node.router, &token, &last.id).await;
            for version in 3..=6 {
                let event = resumed.expect("change").await;
                assert_eq!(event.data["versionId"], version, "{on:?}");
            }
        }
        let mut resumed = Events::after(&cluster.nodes[1].router, &token, &last.id).await;
        cluster.nodes[2].patch(&token, &path, 7.5).await;
        for version in 3..=7 {
            assert_eq!(resumed.expect("change").await.data["versionId"], version, "{on:?}");
        }
        // What was shown holds for reads, too.
        assert_eq!(cluster.nodes[1].get(&token, &path).await.json()["versionId"], 7);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_out_of_reach_is_a_reset_and_the_stream_goes_on() {
    let cluster = Cluster::of(On::Memory, &[ALL], &[]).await;
    let (node, token) = (&cluster.nodes[0], writer(1, &[1]));
    let path = node.create(&token, &forecast(1, 1, 1)).await;
    for id in [NONE, "nonsense", "1234-1", "-", "ffffffffffffffff-18446744073709551615"] {
        let mut stream = Events::after(&node.router, &token, id).await;
        let reset = stream.expect("reset").await;
        assert!(reset.id != NONE && reset.data == json!({}), "{id}: {reset:?}");
        let version = node.patch(&token, &path, rand_of(id)).await;
        let mut change = stream.expect("change").await;
        while format!("1.{}", change.data["versionId"]) != version {
            change = stream.expect("change").await;
        }
    }
}

/// Another demand for each text.
fn rand_of(text: &str) -> f64 {
    text.bytes().map(f64::from).sum::<f64>() + 0.5
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_of_another_company() {
    let cluster = Cluster::on(On::Memory).await;
    let (one, two, both) = (writer(1, &[1]), writer(2, &[2]), reader(3, &[1, 2]));
    let node = &cluster.nodes[1];
    let mut streams = [
        Events::by(&node.router, &one).await,
        Events::by(&node.router, &two).await,
        Events::by(&node.router, &both).await,
        Events::by(&node.router, &root()).await,
        Events::by(&node.router, &reader(4, &[])).await,
    ];
    let first = cluster.nodes[0].create(&one, &forecast(1, 1, 1)).await;
    let second = cluster.nodes[0].create(&two, &forecast(2, 1, 1)).await;
    let last = cluster.nodes[0].create(&one, &forecast(1, 1, 2)).await;
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let [one, two, both, all, none] = &mut streams;
    for (stream, expected) in [
        (one, vec![&first, &last]),
        (two, vec![&second]),
        (both, vec![&first, &second, &last]),
        (all, vec![&first, &second, &last]),
    ] {
        for path in expected {
            let event = stream.expect("change").await;
            assert_eq!(event.data["id"], id(path));
        }
    }
    cluster.drain.begin();
    assert_eq!(none.next().await, None, "nothing but the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_capped_in_all_and_for_each_subject() {
    let limits = [("limits.streams_max", "3"), ("limits.streams_per_subject_max", "2")];
    let cluster = Cluster::of(On::Memory, &[ALL], &limits).await;
    let router = &cluster.nodes[0].router;
    let (one, two) = (reader(1, &[1]), reader(2, &[1]));
    let first = Events::by(router, &one).await;
    let second = Events::by(router, &one).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    let refused = cluster.nodes[0].get(&one, CHANGES).await;
    refused.problem(429, "RATE_LIMITED");
    assert!(refused.header("retry-after").is_some());
    let _third = Events::by(router, &two).await;
    cluster.nodes[0].get(&two, CHANGES).await.problem(503, "OVERLOADED");
    drop(first);
    assert_eq!(Events::by(router, &two).await.status, 200, "an end makes room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_token_and_with_the_instance() {
    let cluster = Cluster::of(On::Memory, &[ALL], &[("streams.heartbeat_ms", "100")]).await;
    let router = &cluster.nodes[0].router;
    let mut request = token_request(1, Scope::All, &[]);
    request.expires_at_unix_s = cluster.ports.clock.now().as_second() + 2;
    let short = sign_hs256(SECRET.as_bytes(), &request).unwrap();
    let mut ending = Events::by(router, &short).await;
    let mut lasting = Events::by(router, &root()).await;
    ending.expect("expired").await;
    assert_eq!(ending.next().await, None);
    assert!(ending.comments >= 2, "{} heartbeats", ending.comments);
    cluster.drain.begin();
    assert_eq!(lasting.next().await, None, "the drain ends it");
}

#[tokio::test]
async fn who_may_not_listen_is_told_why() {
    let app = TestApp::memory().await;
    app.ask("GET", CHANGES).send().await.problem(401, "UNAUTHORIZED");
    let unknown = app.ask("GET", "/api/forecasts/changes?colour=1").by(&root()).send().await;
    assert_eq!(unknown.fields(), ["colour"]);
    // Lifetimes alone: nothing is followed.
    app.ask("GET", CHANGES).by(&root()).send().await.problem(503, "UNAVAILABLE");
}
