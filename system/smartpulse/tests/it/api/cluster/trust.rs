//! Without a beacon an instance trusts none of its tiers; with one again, it does.

use serde_json::json;

use super::super::support::{On, forecast, writer};
use super::events::Events;
use super::support::{Cluster, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_feed_ends_trust_and_tells_listeners_to_load_anew() {
    let cluster = Cluster::of(On::Memory, &["forecast-api", "tracker,sync"], &[]).await;
    let (node, token) = (&cluster.nodes[0], writer(1, &[1]));
    let path = node.create(&token, &forecast(1, 1, 1)).await;
    let mut stream = Events::by(&node.router, &token).await;
    until("a warm cache", async || node.get(&token, &path).await.level() == "L1").await;
    let report = node.ready().await;
    assert_eq!((&report["status"], &report["degraded"]), (&json!("ready"), &json!([])), "{report}");
    assert!(
        report["feed"]["headAgeMs"].as_i64().unwrap() < 3_500 && report["feed"]["position"].is_string(),
        "{report}"
    );

    cluster.nodes[1].crash();
    let mut event = stream.next().await.unwrap();
    while event.name == "change" {
        event = stream.next().await.unwrap();
    }
    assert_eq!(event.name, "reset");
    for _ in 0..2 {
        assert_eq!(node.get(&token, &path).await.level(), "L4");
    }
    assert_eq!(node.ready().await["degraded"], json!(["feed"]));
    node.patch(&token, &path, 3.25).await;
    assert_eq!(node.get(&token, &path).await.json()["demand"], 3.25);
    let page = node.inside("GET", "/metrics").send().await.text();
    for line in ["smartpulse_coherence_trusted 0", "smartpulse_coherence_suspicions_total 1"] {
        assert!(page.lines().any(|one| one == line || one == format!("{line}.0")), "{line}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_and_nobody_notices() {
    let cluster = Cluster::of(On::Memory, &["forecast-api", "tracker,sync", "tracker,sync"], &[]).await;
    let (node, token) = (&cluster.nodes[0], writer(1, &[1]));
    let path = node.create(&token, &forecast(1, 1, 1)).await;
    let leader = async |number: usize| {
        let page = cluster.nodes[number].inside("GET", "/metrics").send().await.text();
        ["tracker", "sync"].map(|job| {
            let line = |value: &str| format!("smartpulse_{job}_leader {value}");
            page.lines().any(|one| one == line("1") || one == line("1.0"))
        })
    };
    let first = if leader(1).await[0] { 1 } else { 2 };
    assert!(!leader(3 - first).await[0], "one tracks at a time");
    cluster.nodes[first].crash();
    node.patch(&token, &path, 9.75).await;
    until("the successor", async || leader(3 - first).await == [true, true]).await;
    assert_eq!(node.ready().await["feed"]["trusted"], true, "within the lease");
    let patched = async || node.get(&token, &path).await.level() == "L1";
    until("trust in the new stream", patched).await;
    assert_eq!(node.get(&token, &path).await.json()["demand"], 9.75);
}

#[tokio::test]
async fn an_instance_without_the_api_has_none() {
    let cluster = Cluster::of(On::Memory, &["tracker,sync"], &[]).await;
    let node = &cluster.nodes[0];
    node.get(&writer(1, &[1]), "/api/forecasts").await.problem(404, "ROUTE_NOT_FOUND");
    let report = node.ready().await;
    assert_eq!((&report["status"], report.get("feed")), (&json!("ready"), None), "{report}");
}
