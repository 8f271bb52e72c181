//! A change made on one instance is seen on all.

use serde_json::{Value, json};

use super::super::contract::Contract;
use super::super::support::{On, forecast, id_of, reader, writer};
use super::events::Events;
use super::support::{Cluster, until};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_on_one_instance_is_seen_on_all() {
    for on in On::BOTH {
        let cluster = Cluster::on(on).await;
        let token = writer(1, &[1]);
        let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
        let mut streams = Vec::new();
        for node in &cluster.nodes {
            // Until the news of the creation have come: they outdate lists.
            for target in [path.as_str(), "/api/forecasts"] {
                until("a warm cache", async || node.get(&token, target).await.level() == "L1").await;
            }
            streams.push(Events::by(&node.router, &token).await);
        }
        let body = json!({"demand": 777.25});
        let patch = cluster.nodes[0].ask("PATCH", &path).by(&token).with("traceparent", TRACE).json(&body).send().await;
        assert_eq!(patch.status, 200, "{patch:?}");
        let etag = patch.etag();
        for (node, stream) in cluster.nodes.iter().zip(&mut streams) {
            let data = change_of(stream, 2).await;
            assert_eq!(data["id"], id_of(&path).to_string());
            assert_eq!((&data["operation"], &data["traceparent"]), (&json!("patch"), &json!(TRACE)), "{on:?} {data}");
            let items: Vec<&Value> = data["patchItems"].as_array().unwrap().iter().map(|item| &item["path"]).collect();
            assert!(items.contains(&&json!("/demand")), "{data}");
            for station in
                ["committedAt", "detectedAt", "confirmedAt", "consumedAt", "publishedAt", "receivedAt", "appliedAt"]
            {
                assert!(data[station].is_string(), "{on:?} {station}: {data}");
            }
            described(&data);
            let reply = node.get(&token, &path).await;
            assert_eq!((&reply.json()["demand"], reply.etag()), (&json!(777.25), etag.clone()), "{on:?}");
            assert_eq!(reply.body, patch.body, "every instance sends the same bytes");
            let list = node.get(&token, "/api/forecasts").await;
            assert_eq!(list.json()["items"][0]["demand"], 777.25, "{on:?} {list:?}");
        }
        let other = cluster.nodes[1].get(&token, &path).await;
        assert!(["L1", "L2"].contains(&other.level()), "the tracked document was patched: {other:?}");
    }
}

/// An event's data has the members of its description, and no others.
fn described(data: &Value) {
    let contract = Contract::current();
    let schema = &contract.0["components"]["schemas"]["ForecastChange"];
    let properties = schema["properties"].as_object().unwrap();
    for name in data.as_object().unwrap().keys() {
        assert!(properties.contains_key(name), "{name} is not described");
    }
    for name in schema["required"].as_array().unwrap() {
        assert!(data.get(name.as_str().unwrap()).is_some(), "{name} is missing: {data}");
    }
}

/// Waits for the change to this version; what came before it is of the preparation.
async fn change_of(stream: &mut Events, version: u64) -> Value {
    loop {
        let event = stream.expect("change").await;
        if event.data["versionId"] == version {
            return event.data;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minimum_version_holds_on_every_instance_at_once() {
    for on in On::BOTH {
        let cluster = Cluster::on(on).await;
        let token = writer(1, &[1]);
        let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
        for node in &cluster.nodes {
            node.get(&token, &path).await;
        }
        for n in 1..20_u32 {
            let writer = &cluster.nodes[n as usize % 3];
            let version = writer.patch(&token, &path, f64::from(n)).await;
            for node in &cluster.nodes {
                let reply = node.ask("GET", &path).by(&token).with("x-min-version", &version).send().await;
                assert_eq!((reply.status.as_u16(), reply.header("x-version")), (200, Some(version.as_str())), "{on:?}");
                assert_eq!(reply.json()["demand"], f64::from(n));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creation_and_deletion_are_seen_on_all() {
    let cluster = Cluster::on(On::Memory).await;
    let token = writer(1, &[1]);
    let [first, second, third] = &cluster.nodes[..] else { panic!("three") };
    assert_eq!(second.get(&token, "/api/forecasts").await.json()["total"], 0);
    let path = first.create(&token, &forecast(1, 1, 1)).await;
    until("the new one", async || second.get(&token, "/api/forecasts").await.json()["total"] == 1).await;
    third.get(&token, &path).await;
    assert_eq!(second.ask("DELETE", &path).by(&token).send().await.status, 204);
    until("its end", async || third.get(&token, &path).await.status == 404).await;
    until("the empty list", async || first.get(&token, "/api/forecasts").await.json()["total"] == 0).await;
    assert_eq!(first.get(&reader(2, &[2]), &path).await.status, 404);
}

/// Where the bus is not the store, events go through the outbox, and the relay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_with_a_bus_in_memory() {
    let cluster = Cluster::of(On::Sqlite, &[super::support::ALL; 2], &[("bus.kind", "memory")]).await;
    assert!(cluster.ports.outbox.is_some());
    let token = writer(1, &[1]);
    let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
    let mut stream = Events::by(&cluster.nodes[1].router, &token).await;
    cluster.nodes[0].patch(&token, &path, 5.5).await;
    change_of(&mut stream, 2).await;
    assert_eq!(cluster.nodes[1].get(&token, &path).await.json()["demand"], 5.5);
    let outbox = cluster.ports.outbox.as_ref().unwrap();
    until("an empty outbox", async || outbox.pending(10).await.unwrap().is_empty()).await;
    let page = cluster.nodes[0].inside("GET", "/metrics").send().await.text();
    assert!(page.contains("smartpulse_relay_published_total "), "{page}");
}
