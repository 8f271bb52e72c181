//! The program as its user meets it: its starts, its lines to paste, its end.

use std::net::TcpListener;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::running::{Running, printed, refused, until};

const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";

/// What one printed line prints: by a shell with curl or, on a machine without it, by a client that reads the line.
async fn paste(running: &Running, line: &str) -> String {
    let has_curl = Command::new("sh").args(["-c", "command -v curl"]).output().unwrap().status.success();
    if has_curl {
        let script = format!("export TOKEN={}\n{line}\n", running.token());
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        return String::from_utf8(output.stdout).unwrap();
    }
    let url = line.split(' ').find(|word| word.starts_with("http")).unwrap();
    let method = line.split_once("-X ").map_or("GET", |(_, rest)| rest.split(' ').next().unwrap());
    let request = running.client().request(method.parse().unwrap(), url).bearer_auth(running.token());
    let request = match line.split_once("-d '") {
        None => request,
        Some((_, rest)) => {
            let body = rest.split_once('\'').unwrap().0.to_owned();
            request.header("content-type", "application/json").body(body)
        }
    };
    let response = request.send().await.unwrap();
    let shown = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let head = format!("x-version: {}\nx-cache-level: {}\n", shown("x-version"), shown("x-cache-level"));
    head + &response.text().await.unwrap()
}

fn document(pasted: &str) -> Value {
    let body = pasted.lines().find(|line| line.starts_with('{')).expect("a body is shown");
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn the_lines_of_the_first_start_work_when_pasted() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &[]);
    for name in ["Docs", "OpenAPI", "Health", "Their-docs", "Metrics"] {
        let answer = running.client().get(running.shown(name)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
    let lines: Vec<String> =
        running.welcome.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 6, "{}", running.welcome);
    let (lines, of_notifications) = lines.split_at(4);
    // Faster than any hand that pastes: the first beacon must have come.
    until("trust", || async { ready(&running).await["feed"]["trusted"] == true }).await;
    let mut pasted = Vec::new();
    for line in lines {
        pasted.push(paste(&running, line).await);
    }
    // L3, once the sample has come through the change feed.
    let past_local = ["x-cache-level: L3", "x-cache-level: L4"].iter().any(|level| pasted[0].contains(level));
    assert!(past_local && pasted[0].contains("x-version: 1.1"), "{}", pasted[0]);
    assert!(pasted[1].contains("x-cache-level: L1"), "{}", pasted[1]);
    assert_eq!(document(&pasted[0]), document(&pasted[1]));
    assert_eq!(document(&pasted[0])["demand"], 1130.4130000000002);
    for changed in &pasted[2..] {
        assert!(changed.contains("x-version: 1.2"), "{changed}");
        assert_eq!(document(changed)["demand"], 1234.5, "{changed}");
    }
    let accepted = document(&paste(&running, &of_notifications[0]).await);
    let inbox = document(&paste(&running, &of_notifications[1]).await);
    assert_eq!((&inbox["total"], &inbox["items"][0]["id"]), (&json!(1), &accepted["id"]), "{inbox}");
    assert!(!running.log().contains(&running.token()), "a token is never logged");
    running.stop();
}

#[tokio::test]
async fn the_sample_is_loaded_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = Running::start(dir.path(), &["serve"]);
    assert_eq!(first.total().await, 365);
    let (page, _) = first.get("/api/forecasts?take=1").await;
    let path = format!("/api/forecasts/{}", page["items"][0]["id"].as_str().unwrap());
    assert_eq!(first.request(Method::DELETE, &path).send().await.unwrap().status(), 204);
    first.stop();
    let second = Running::start(dir.path(), &[]);
    assert_eq!(second.total().await, 364, "what was deleted stays deleted");
    let (page, _) = second.get("/api/forecasts?take=100").await;
    assert!(page["items"].as_array().unwrap().iter().all(|item| item["versionId"] == 1));
    assert_eq!(second.welcome.matches("\ncurl ").count(), 6);
}

#[tokio::test]
async fn an_empty_start_stays_empty_and_says_how_to_fill_it() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &["--empty"]);
    assert_eq!(running.total().await, 0);
    assert!(running.welcome.contains("smartpulse import"), "{}", running.welcome);
    let line = running.welcome.lines().find(|line| line.starts_with("curl ")).unwrap().to_owned();
    assert_eq!(document(&paste(&running, &line).await)["total"], 0);
}

#[tokio::test]
async fn a_configured_secret_brings_no_token_on_the_screen() {
    let dir = tempfile::tempdir().unwrap();
    let secret = "0123456789abcdef0123456789abcdef";
    std::fs::write(dir.path().join("smartpulse.toml"), format!("[auth]\nsecret = \"{secret}\"\n")).unwrap();
    let running = Running::start(dir.path(), &[]);
    assert!(!running.welcome.contains("TOKEN") && !running.welcome.contains("eyJ"), "{}", running.welcome);
    assert!(!dir.path().join("data/secret").exists());
    let token = printed(dir.path(), &["token"]);
    let url = running.shown("API");
    let answer = running.client().get(url).bearer_auth(token.trim()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// A POST whose body has begun to arrive; the request runs until the rest comes.
struct HalfSent {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl HalfSent {
    async fn begin(running: &Running) -> Self {
        let address = running.base().strip_prefix("http://").unwrap().to_owned();
        let body = json!({"companyId": COMPANY, "productionUnitId": COMPANY, "forecastDate": "2020-01-01T00:00:00Z",
            "demand": 7.0, "confidence": 0.5})
        .to_string();
        let head = format!(
            "POST /api/forecasts HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            running.token(),
            body.len()
        );
        let (first, rest) = body.as_bytes().split_at(body.len() / 2);
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(&[head.as_bytes(), first].concat()).await.unwrap();
        // The request must have begun before anything else happens: it shows among those that run.
        let metrics = running.shown("Metrics");
        until("the request", || async {
            let page = running.client().get(&metrics).send().await.unwrap().text().await.unwrap();
            // The scrape itself is one of those that run.
            let line = page.lines().find(|line| line.starts_with("smartpulse_http_requests_running"));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).is_some_and(|count| count >= 2)
        })
        .await;
        Self { stream, rest: rest.to_vec() }
    }

    async fn finish(mut self) -> String {
        self.stream.write_all(&self.rest).await.unwrap();
        let mut answer = Vec::new();
        self.stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

#[tokio::test]
async fn a_request_has_one_host() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &["--empty"]);
    let address = running.base().strip_prefix("http://").unwrap().to_owned();
    let ask = async |head: &str| {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(format!("GET /health/live {head}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    for head in ["HTTP/1.1", "HTTP/1.1\r\nhost: a\r\nhost: b"] {
        let answer = ask(head).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("VALIDATION_FAILED"), "{answer}");
        assert!(answer.contains("x-request-id:"), "{answer}");
    }
    for head in ["HTTP/1.1\r\nhost: a", "HTTP/1.0"] {
        assert!(ask(head).await.contains(" 200 "), "{head}");
    }
}

#[tokio::test]
async fn sigterm_drains() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--empty", "--set", "drain.delay_ms=1500", "--set", "http.body_timeout_ms=100000"];
    let mut running = Running::start(dir.path(), &args);
    let slow = HalfSent::begin(&running).await;
    running.signal("TERM");
    let ready = |url: String| {
        let client = running.client();
        async move { client.get(url).send().await.map(|answer| answer.status().as_u16()) }
    };
    until("503", || async { matches!(ready(running.shown("Health")).await, Ok(503)) }).await;
    assert_eq!(running.total().await, 0, "until the listener closes, everything still works");
    let address = running.base().strip_prefix("http://").unwrap().to_owned();
    until("the closed port", || async { TcpStream::connect(&address).await.is_err() }).await;
    let inside = running.shown("Metrics").replace("/metrics", "/health/ready");
    assert_eq!(ready(inside).await.unwrap(), 503, "the internal address can be watched to the end");
    let answer = slow.finish().await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(running.ended().code(), Some(0), "{}", running.log());
    let log = running.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains("drained") && last.contains("cut_off=0") && last.contains("accepted="), "{log}");
    let again = Running::start(dir.path(), &["--empty"]);
    assert_eq!(again.total().await, 1);
}

#[tokio::test]
async fn a_second_signal_waits_for_nobody_and_says_so_in_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--empty", "--set", "drain.deadline_ms=3600000", "--set", "http.body_timeout_ms=600000"];
    let mut running = Running::start(dir.path(), &args);
    let slow = HalfSent::begin(&running).await;
    running.signal("INT");
    until("the drain", || async { running.log().contains("draining") }).await;
    running.signal("TERM");
    assert_eq!(running.ended().code(), Some(1));
    assert!(running.log().contains("1 connections were cut off"), "{}", running.log());
    drop(slow);
}

#[test]
fn a_port_in_use_is_named_with_the_way_out_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = refused(dir.path(), &["--listen", &address]);
    assert!(error.contains(&address) && error.contains("--listen ADDRESS"), "{error}");
    let error = refused(dir.path(), &["--listen", "127.0.0.1:0", "--internal-listen", &address]);
    assert!(error.contains(&address) && error.contains("--internal-listen ADDRESS"), "{error}");
    assert!(!dir.path().join("data").exists());
}

/// What readiness says.
async fn ready(running: &Running) -> Value {
    running.client().get(running.shown("Health")).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_second_process_on_one_file_without_a_beacon_serves_from_the_store_and_says_so() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = Running::start(dir.path(), &[]);
    let data = dir.path().join("data");
    let second = Running::start(other.path(), &["--data-dir", data.to_str().unwrap(), "--roles", "forecast-api"]);
    let (page, _) = first.get("/api/forecasts?take=1").await;
    let path = format!("/api/forecasts/{}", page["items"][0]["id"].as_str().unwrap());
    until("trust in the first", || async { ready(&first).await["feed"]["trusted"] == true }).await;
    let levels = async |running: &Running| {
        let mut levels = Vec::new();
        for _ in 0..2 {
            let answer = running.request(Method::GET, &path).send().await.unwrap();
            levels.push(answer.headers()["x-cache-level"].to_str().unwrap().to_owned());
        }
        levels
    };
    assert_eq!(levels(&first).await[1], "L1");
    assert_eq!(levels(&second).await, ["L4", "L4"], "it trusts none of its tiers");
    let report = ready(&second).await;
    assert_eq!((&report["status"], &report["degraded"]), (&json!("degraded"), &json!(["feed"])), "{report}");
    assert_eq!(report["feed"]["trusted"], false);
    let patched =
        first.request(Method::PATCH, &path).header("content-type", "application/json").body("{\"demand\": 7.5}");
    assert_eq!(patched.send().await.unwrap().status(), 200);
    assert_eq!(second.get(&path).await.0["demand"], 7.5);
    let patched =
        second.request(Method::PATCH, &path).header("content-type", "application/json").body("{\"demand\": 8.5}");
    let version = patched.send().await.unwrap().headers()["x-version"].to_str().unwrap().to_owned();
    let seen = async || first.get(&path).await.1 == Some(version.clone());
    until("the second one's write in the first", seen).await;
    second.stop();
    first.stop();
}

#[tokio::test]
async fn several_instances_of_one_process_answer_the_same_and_end_together() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &["serve", "--instances", "3"]);
    let urls: Vec<String> = ["API", "API-2", "API-3"].map(|name| running.shown(name)).into();
    let token = running.token();
    let ask = async |method: Method, url: &str, body: Option<&'static str>| {
        let mut request = running.client().request(method, url).bearer_auth(&token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{url}");
        let name = answer.headers()["x-instance"].to_str().unwrap().to_owned();
        (name, answer.json::<Value>().await.unwrap())
    };
    let (mut names, mut ids) = (Vec::new(), Vec::new());
    for url in &urls {
        let (name, page) = ask(Method::GET, &format!("{url}?take=1"), None).await;
        names.push(name);
        ids.push(page["items"][0]["id"].as_str().unwrap().to_owned());
    }
    names.dedup();
    ids.dedup();
    assert_eq!((names.len(), ids.len()), (3, 1), "{names:?} {ids:?}");
    let (_, changed) = ask(Method::PATCH, &format!("{}/{}", urls[0], ids[0]), Some("{\"demand\": 42.25}")).await;
    for url in &urls {
        let seen = async || ask(Method::GET, &format!("{url}/{}", ids[0]), None).await.1 == changed;
        until("the change on every instance", seen).await;
    }
    for name in ["Metrics-2", "Metrics-3"] {
        let page = running.client().get(running.shown(name)).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("smartpulse_coherence_trusted"), "{page}");
    }
    running.stop();
}

#[tokio::test]
async fn a_raised_incarnation_reaches_a_running_service() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &[]);
    let (page, _) = running.get("/api/forecasts?take=1").await;
    let path = format!("/api/forecasts/{}", page["items"][0]["id"].as_str().unwrap());
    assert_eq!(running.get(&path).await.1.as_deref(), Some("1.1"));
    let said = printed(dir.path(), &["incarnation", "raise"]);
    assert!(said.contains("in incarnation 2 now"), "{said}");
    until("the new life", || async { running.get(&path).await.1.as_deref() == Some("2.1") }).await;
    running.stop();
}

#[tokio::test]
async fn the_admin_commands_reach_a_running_service() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &[]);
    until("trust", || async { ready(&running).await["feed"]["trusted"] == true }).await;
    let url = running.shown("Metrics").replace("/metrics", "");
    let admin = |args: &[&str]| printed(dir.path(), &[&["admin"], args, &["--url", &url]].concat());
    let shown: Value = serde_json::from_str(&admin(&["coherence"])).unwrap();
    assert_eq!((&shown["tracker"]["leader"], &shown["sync"]["leader"]), (&json!(true), &json!(true)), "{shown}");
    let (page, _) = running.get("/api/forecasts?take=1").await;
    let id = page["items"][0]["id"].as_str().unwrap().to_owned();
    running.get(&format!("/api/forecasts/{id}")).await;
    let explained: Value = serde_json::from_str(&admin(&["explain", &id])).unwrap();
    assert_eq!(
        (&explained["tiers"]["L2"]["version"], &explained["floor"]),
        (&json!("1.1"), &json!("1.1")),
        "{explained}"
    );
    assert!(admin(&["evict", "--key", &id]).contains(&id) && admin(&["resync"]).contains("begun"));
    assert!(admin(&["parked"]).contains("items"));
    let refused = refused(dir.path(), &["admin", "parked", "discard", &id, "--url", &url]);
    assert!(refused.contains("404") && refused.contains("No such parked event"), "{refused}");
    until("the records", || async { running.log().matches("an operator's order").count() >= 3 }).await;
    assert!(running.log().contains("PARKED_NOT_FOUND"), "{}", running.log());
    running.stop();
}

#[cfg(unix)]
#[test]
fn nobody_else_may_look_into_the_data_directory() {
    use std::os::unix::fs::PermissionsExt;
    for args in [["migrate", "--data-dir=data"], ["token", "--data-dir=data"]] {
        let dir = tempfile::tempdir().unwrap();
        printed(dir.path(), &args);
        let mode = std::fs::metadata(dir.path().join("data")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{args:?}");
    }
}

#[tokio::test]
async fn commands_that_need_no_backend_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert!(printed(dir.path(), &["config", "check", "--listen", &address]).contains("valid"));
    let description: Value = serde_json::from_str(&printed(dir.path(), &["openapi"])).unwrap();
    assert!(!dir.path().join("data").exists());
    let running = Running::start(dir.path(), &["--empty"]);
    let inside = running.shown("Metrics").trim_start_matches("http://").trim_end_matches("/metrics").to_owned();
    let health = ["health", "--internal-listen", &inside];
    assert!(printed(dir.path(), &health).contains("\"status\""));
    assert!(printed(dir.path(), &[&health[..], &["--live"]].concat()).contains("\"status\""));
    assert!(refused(dir.path(), &["health", "--internal-listen", &address]).contains("does not answer"));
    let served: Value = running.client().get(running.shown("OpenAPI")).send().await.unwrap().json().await.unwrap();
    assert_eq!(description, served);
}
