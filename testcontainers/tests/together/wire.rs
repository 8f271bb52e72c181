//! What PyPI's `redis` and `pulsar-client` and Debian's `redis-cli` see of the services: the specification's messages, by
//! its names and in its forms. What is more than that comes beside it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::Duration;

use containers::pulsar::Broker;
use containers::{Absence, Python};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::calm::block_on;
use crate::client::COMPANY;
use crate::group::{Group, World, own_redis};
use crate::redis::{Options, Server};

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/together/peer.py");
const DUE: Duration = Duration::from_secs(20);

/// The specification's examples, as the golden tests of domain and coherence have them.
const UPDATED: &str = include_str!("../../../system/domain/tests/golden/3_1_forecast_updated.json");
const INVALIDATION: &str = include_str!("../../../system/domain/tests/golden/3_2_cache_invalidation.json");
const DATA_CHANGE: &str = include_str!("../../../system/coherence/tests/golden/3_3_data_change.json");
const CDC: &str = include_str!("../../../system/domain/tests/golden/6_1_forecast_changed.json");
const COMPLETED: &str = include_str!("../../../system/domain/tests/golden/7_1_forecast_completed.json");

/// Every member of the example is in what was seen, in the same form. Elements of lists are like the first of the example.
fn assert_like(example: &Value, seen: &Value, path: &str) {
    match (example, seen) {
        (Value::Object(example), Value::Object(members)) => {
            for (name, example) in example {
                let member = members.get(name).unwrap_or_else(|| panic!("{path}/{name} is not in {seen}"));
                assert_like(example, member, &format!("{path}/{name}"));
            }
        }
        (Value::Array(example), Value::Array(elements)) => {
            let Some(example) = example.first() else { return };
            elements.iter().for_each(|element| assert_like(example, element, &format!("{path}/-")));
        }
        (Value::String(example), Value::String(text)) if example.ends_with('Z') => {
            assert!(text.ends_with('Z') && text.contains('T'), "{path}: {text}");
        }
        (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) => {}
        _ => panic!("{path}: {seen} has not the form of {example}"),
    }
}

/// A listener at Redis. It ends with the case.
struct Listener {
    process: Child,
    lines: mpsc::Receiver<Value>,
}

impl Listener {
    fn start(python: &Python, server: &Server) -> Self {
        let patterns = ["__dataChanged:production:forecast:*", "*__head"];
        let port = server.port().to_string();
        let mut process = python.start(PEER, &[&["redis", &port], &patterns[..]].concat()).unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        assert_eq!(output.next().unwrap().unwrap(), "ready");
        let (heard, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                // Nobody listens any more: the case is over.
                if heard.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    /// The next message that contains `text`: its channel, and what it says.
    fn next(&self, text: &str) -> (String, Value) {
        loop {
            let message = self.lines.recv_timeout(DUE).expect("a message is due");
            let data = message["data"].as_str().unwrap();
            if data.contains(text) {
                return (message["channel"].as_str().unwrap().to_owned(), serde_json::from_str(data).unwrap());
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `redis-cli` prints, without its line end.
fn redis_cli(server: &Server, arguments: &[&str]) -> Result<String, Absence> {
    let output = Command::new("redis-cli").args(["-p", &server.port().to_string()]).args(arguments).output();
    let output = output.map_err(|error| Absence::Missing(format!("redis-cli: {error}")))?;
    assert!(output.status.success(), "{arguments:?}");
    Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
}

async fn ask(world: &World, method: Method, path: &str, body: Option<Value>) -> Value {
    let request = world.client.request(method, &format!("{}/api/forecasts{path}", world.bases[0]));
    let request = body.iter().fold(request, |request, body| request.json(body));
    let answer = request.send().await.unwrap();
    match answer.status() {
        StatusCode::NO_CONTENT => Value::Null,
        status if status.is_success() => answer.json().await.unwrap(),
        status => panic!("{status}"),
    }
}

/// A forecast is made, changed and deleted at the first process.
pub(crate) fn others_see_the_specification(broker: &Broker) -> Result<(), Absence> {
    let (python, server) = (Python::find()?, own_redis(Options::default())?);
    block_on(async {
        let group = Group::start(broker, &server.url()).await;
        let listener = Listener::start(&python, &server);
        let new = json!({
            "companyId": COMPANY, "productionUnitId": COMPANY, "forecastDate": "2026-01-01T00:00:00Z", "demand": 450.0,
            "supply": 480.0, "confidence": 0.9,
        });
        let made = ask(&group.world, Method::POST, "", Some(new)).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("/{id}");
        let (_, first) = listener.next(&id);
        ask(&group.world, Method::PATCH, &path, Some(json!({"demand": 500.0, "confidence": 0.95}))).await;
        let changed = listener.next(&id);
        let document = ask(&group.world, Method::GET, &path, None).await;
        // L3 by the names of the specification; the value is the document alone.
        let value = redis_cli(&server, &["GET", &format!("forecast:{id}")])?;
        assert_eq!(serde_json::from_str::<Value>(&value).unwrap(), document);
        let left: u64 = redis_cli(&server, &["TTL", &format!("forecast:{id}")])?.parse().unwrap();
        assert!((270..=300).contains(&left), "{left}");
        let versions = format!("{{forecast:{id}}}:versions");
        assert_eq!(redis_cli(&server, &["HGET", &versions, "VersionId:latest"])?, "2");
        ask(&group.world, Method::DELETE, &path, None).await;
        let (_, last) = listener.next(&id);
        of_redis(&id, &made, &first, &changed, &last);
        let head = listener.next("ReadAt");
        assert_eq!(head.0, "{__dataChanged:production:forecast}:__head");
        let find = |topic: &str, text: &str, count: usize| {
            let topic = format!("persistent://{}/{topic}", group.namespace);
            let printed = python.run(PEER, &["pulsar", broker.url(), &topic, text, &count.to_string()], &[]).unwrap();
            let messages = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let data = |message: Value| -> Value {
                assert_eq!((&message["topic"], &message["key"]), (&json!(topic), &json!(id)), "{message}");
                serde_json::from_str(message["data"].as_str().unwrap()).unwrap()
            };
            messages.map(data).collect::<Vec<_>>()
        };
        of_pulsar(&id, &document, find);
        group.finish().await;
        Ok(())
    })
}

/// Section 3.3.
fn of_redis(id: &str, made: &Value, first: &Value, (channel, second): &(String, Value), last: &Value) {
    assert_eq!(*channel, format!("__dataChanged:production:forecast:{id}"));
    let example: Value = serde_json::from_str(DATA_CHANGE).unwrap();
    let mut without_value = example.clone();
    without_value["PatchItems"][0].as_object_mut().unwrap().remove("Value");
    // A value has the form of what it is the value of.
    for (version, seen) in [(1, first), (2, second), (3, last)] {
        assert_like(&without_value, seen, "");
        assert_eq!((&seen["PartitionKey"], &seen["Section"]), (&json!("production"), &json!("forecast")));
        assert_eq!((&seen["DataKey"], &seen["VersionId"]), (&json!(id), &json!(version)));
    }
    assert_eq!(first["PatchItems"], json!([{"Op": "add", "Path": "", "Value": made}]));
    let items = second["PatchItems"].as_array().unwrap();
    let replaced = |path: &str| {
        let item = items.iter().find(|item| item["Path"] == path).unwrap();
        assert_eq!(item["Op"], "replace");
        &item["Value"]
    };
    assert_eq!((replaced("/demand"), replaced("/confidenceLevel")), (&json!(500.0), &json!(0.95)));
    assert_eq!((replaced("/variance"), replaced("/versionId")), (&json!(-20.0), &json!(2)));
    assert_eq!(items.len(), 5, "updatedAt, and nothing else: {items:?}");
    assert_eq!(last["PatchItems"], json!([{"Op": "remove", "Path": ""}]));
}

/// Sections 3.1, 3.2, 6.1 and 7.1.
fn of_pulsar(id: &str, document: &Value, find: impl Fn(&str, &str, usize) -> Vec<Value>) {
    let all_like = |example: &str, seen: &[Value]| {
        let example = serde_json::from_str(example).unwrap();
        seen.iter().for_each(|seen| assert_like(&example, seen, ""));
    };
    let updated = find("forecast:updated", id, 1);
    all_like(UPDATED, &updated);
    let data = &updated[0]["data"];
    assert_eq!((&data["previousVersionId"], &data["currentVersionId"]), (&json!(1), &json!(2)));
    let changes = json!([
        {"field": "demand", "oldValue": 450.0, "newValue": 500.0},
        {"field": "confidence", "oldValue": 0.9, "newValue": 0.95},
    ]);
    assert_eq!(data["changes"], changes);
    let invalidations = find("forecast:invalidation", id, 3);
    all_like(INVALIDATION, &invalidations);
    let reasons: Vec<_> = invalidations.iter().map(|seen| seen["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["DataCreated", "DataUpdated", "DataDeleted"]);
    for tag in ["unit", "company"].map(|kind| json!(format!("{kind}:{COMPANY}"))) {
        assert!(invalidations.iter().all(|seen| seen["tags"].as_array().unwrap().contains(&tag)), "{tag}");
    }
    let captured = find("cdc:forecasts", &format!("\"EntityId\":\"{id}\""), 3);
    all_like(CDC, &captured[..2]);
    let operations: Vec<_> = captured.iter().map(|seen| (&seen["Operation"], &seen["VersionId"])).collect();
    let expected = [(json!("INSERT"), json!(1)), (json!("UPDATE"), json!(2)), (json!("DELETE"), json!(3))];
    assert_eq!(operations, expected.iter().map(|(operation, version)| (operation, version)).collect::<Vec<_>>());
    assert_eq!(captured[1]["Data"], *document);
    let completed = find("forecast:completed", id, 1);
    all_like(COMPLETED, &completed);
    assert_eq!((&completed[0]["ForecastId"], &completed[0]["Status"]), (&json!(id), &json!("Completed")));
}
