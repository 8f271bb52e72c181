//! `/admin/*` on the internal address.

use std::collections::BTreeMap;

use domain::model::forecast_key;
use domain::ports::{Outgoing, ParkedEvent, ParkedId, Topic};
use serde_json::json;
use uuid::Uuid;

use super::super::support::{On, TestApp, forecast, id_of, writer};
use super::support::{Cluster, admin, until};

#[tokio::test]
async fn operators_alone_and_inside_alone() {
    let app = TestApp::memory().await;
    let node = |path| super::super::client::Ask::new(&app.internal, None, "GET", path);
    for path in ["/admin/coherence", "/admin/parked", "/admin/explain/forecast:7"] {
        node(path).send().await.problem(401, "UNAUTHORIZED");
        node(path).by(&writer(1, &[1])).send().await.problem(403, "FORBIDDEN");
        app.ask("GET", path).by(&admin()).send().await.problem(404, "ROUTE_NOT_FOUND");
    }
    for path in ["/admin/evict", "/admin/resync", "/admin/parked/7/retry"] {
        let post = super::super::client::Ask::new(&app.internal, None, "POST", path);
        post.by(&writer(1, &[1])).send().await.problem(403, "FORBIDDEN");
    }
    node("/admin/explain/7").by(&admin()).send().await.problem(400, "VALIDATION_FAILED");
    node("/admin/parked?limit=0").by(&admin()).send().await.problem(400, "VALIDATION_FAILED");
    node("/admin/nothing").by(&admin()).send().await.problem(404, "ROUTE_NOT_FOUND");
    node("/admin/evict").by(&admin()).send().await.problem(405, "METHOD_NOT_ALLOWED");
    let shown = node("/admin/coherence").by(&admin()).send().await.json();
    assert_eq!((&shown["sections"][0]["following"], &shown["sections"][0]["trusted"]), (&json!(null), &json!(true)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coherence_and_explain_say_where_things_stand() {
    let cluster = Cluster::on(On::Sqlite).await;
    let token = writer(1, &[1]);
    let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
    let id = id_of(&path);
    let ask = async |node: usize, path: &str| {
        let reply = cluster.nodes[node].inside("GET", path).by(&admin()).send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    };
    cluster.nodes[1].get(&token, &path).await;
    cluster.nodes[0].patch(&token, &path, 2.5).await;
    until("the patch", async || cluster.nodes[1].get(&token, &path).await.json()["versionId"] == 2).await;
    for name in [id.to_string(), forecast_key(id).to_string(), format!("forecast%3A{id}")] {
        let report = ask(1, &format!("/admin/explain/{name}")).await;
        assert_eq!((&report["floor"], &report["key"]), (&json!("1.2"), &json!(format!("forecast:{id}"))), "{report}");
        assert_eq!(
            (&report["tiers"]["L1"]["version"], &report["tiers"]["L1"]["served"]),
            (&json!("1.2"), &json!(true))
        );
        let history: Vec<&str> =
            report["history"].as_array().unwrap().iter().map(|line| line["what"].as_str().unwrap()).collect();
        assert!(history.contains(&"changed") && history.contains(&"filled"), "{report}");
    }
    let mut leaders = [0, 0];
    for node in 0..3 {
        let shown = ask(node, "/admin/coherence").await;
        let section = &shown["sections"][0];
        assert_eq!((&section["trusted"], &section["following"]["connected"]), (&json!(true), &json!(true)), "{shown}");
        assert!(section["following"]["head"]["feedPosition"].is_string(), "{shown}");
        leaders[0] += i32::from(shown["tracker"]["leader"] == true);
        leaders[1] += i32::from(shown["sync"]["leader"] == true);
    }
    assert_eq!(leaders, [1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_eviction_reaches_every_instance() {
    let cluster = Cluster::on(On::Memory).await;
    let token = writer(1, &[1]);
    let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
    let company = super::super::support::company(1);
    for order in [
        json!({"key": id_of(&path).to_string()}),
        json!({"key": forecast_key(id_of(&path)).to_string()}),
        json!({"tag": format!("company:{company}")}),
        json!({"all": true}),
    ] {
        let is_key = order.get("key").is_some();
        for node in &cluster.nodes {
            for target in [path.as_str(), "/api/forecasts"] {
                until("a warm cache", async || node.get(&token, target).await.level() == "L1").await;
            }
        }
        let reply = cluster.nodes[2].inside("POST", "/admin/evict").by(&admin()).json(&order).send().await;
        assert_eq!(reply.status, 202, "{reply:?}");
        for node in &cluster.nodes {
            let gone = async || node.get(&token, "/api/forecasts").await.level() == "L4";
            until(&format!("the eviction {order} of the list"), gone).await;
        }
        if is_key {
            let explained = cluster.nodes[1].inside("GET", &format!("/admin/explain/{}", id_of(&path)));
            let history = explained.by(&admin()).send().await.json()["history"].clone();
            assert!(history.as_array().unwrap().iter().any(|line| line["what"] == "barred"), "{history}");
        }
    }
    for bad in [
        json!({}),
        json!({"all": false}),
        json!({"key": "x"}),
        json!({"tag": ""}),
        json!({"key": "a", "all": true}),
        json!([]),
    ] {
        let reply = cluster.nodes[0].inside("POST", "/admin/evict").by(&admin()).json(&bad).send().await;
        reply.problem(400, "VALIDATION_FAILED");
    }
    let resyncs = |node: usize| cluster.nodes[node].service.caches().cache().stats().resyncs;
    let before = resyncs(0);
    let reply = cluster.nodes[0].inside("POST", "/admin/resync").by(&admin()).send().await;
    assert_eq!(reply.status, 202, "{reply:?}");
    until("the resync", async || resyncs(0) > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parked_events_are_shown_retried_and_discarded() {
    let cluster = Cluster::on(On::Sqlite).await;
    let token = writer(1, &[1]);
    let path = cluster.nodes[0].create(&token, &forecast(1, 1, 1)).await;
    let park = async |n: u128| {
        let message = Outgoing { key: "k".to_owned(), payload: "{\"a\":1}".into(), properties: BTreeMap::new() };
        let id = ParkedId(Uuid::from_u128(n));
        let event = ParkedEvent {
            id,
            topic: Topic::CdcForecasts,
            message,
            entity: Some(id_of(&path)),
            reason: "no reason".to_owned(),
            attempts: 5,
            parked_at: cluster.ports.clock.now(),
        };
        cluster.ports.parking.park(event).await.unwrap();
        id
    };
    let (retried, discarded) = (park(1).await, park(2).await);
    let node = &cluster.nodes[1];
    let list = async || node.inside("GET", "/admin/parked?limit=10").by(&admin()).send().await.json()["items"].clone();
    let items = list().await;
    assert_eq!(items.as_array().unwrap().len(), 2, "{items}");
    assert_eq!((&items[0]["payload"], &items[0]["topic"]), (&json!({"a": 1}), &json!("cdc:forecasts")), "{items}");
    cluster.nodes[2].get(&token, &path).await;
    let order = async |method: &str, path: String| node.inside(method, &path).by(&admin()).send().await;
    assert_eq!(order("POST", format!("/admin/parked/{retried}/retry")).await.status, 204);
    assert_eq!(order("DELETE", format!("/admin/parked/{discarded}")).await.status, 204);
    assert_eq!(list().await, json!([]));
    order("DELETE", format!("/admin/parked/{discarded}")).await.problem(404, "PARKED_NOT_FOUND");
    for bad in ["7", "%FF"] {
        order("POST", format!("/admin/parked/{bad}/retry")).await.problem(400, "VALIDATION_FAILED");
        order("DELETE", format!("/admin/parked/{bad}")).await.problem(400, "VALIDATION_FAILED");
        order("GET", format!("/admin/explain/{bad}")).await.problem(400, "VALIDATION_FAILED");
    }
}
