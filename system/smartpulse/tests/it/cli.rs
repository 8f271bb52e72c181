//! The command line, run as a user runs it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use smartpulse::auth::{KeySet, Role, Rules, Scope, Verifier};
use smartpulse::cli::{Surroundings, run};
use smartpulse::http::{Code, Problem};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

struct Ran {
    code: u8,
    out: String,
    err: String,
}

fn smartpulse(dir: &Path, env: &[(&str, &str)], args: &[&str]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut surroundings = Surroundings {
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        dir: dir.to_owned(),
        now_unix_s: || 1_000_000,
        random: |bytes| {
            bytes.fill(7);
            Ok(())
        },
        out: &mut out,
        err: &mut err,
        is_terminal: false,
    };
    let args = std::iter::once("smartpulse").chain(args.iter().copied()).map(Into::into);
    let code = run(args, &mut surroundings);
    Ran { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

fn caller(token: &str, secret: &str) -> Arc<smartpulse::auth::Caller> {
    let now = Arc::new(|| 1_000_000 + 3599);
    let verifier = Verifier::new(KeySet::hs256(secret.as_bytes(), None), Rules::default(), 10, 1, now);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(verifier.verify(token.trim())).unwrap()
}

#[test]
fn help_shows_an_example_for_each_command() {
    let dir = tempfile::tempdir().unwrap();
    for command in [
        "serve",
        "config",
        "token",
        "import",
        "import-directory",
        "vapid-keys",
        "openapi",
        "migrate",
        "backup",
        "restore",
        "doctor",
        "health",
        "incarnation",
        "admin",
    ] {
        let ran = smartpulse(dir.path(), &[], &[command, "--help"]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Example") && ran.out.contains(&format!("smartpulse {command}")), "{}", ran.out);
    }
    assert_eq!(smartpulse(dir.path(), &[], &["nonsense"]).code, 2);
    let version = smartpulse(dir.path(), &[], &["--version"]).out;
    assert!(version.starts_with("smartpulse 0."));
    assert_eq!(version.contains("(planted bugs: not for use)"), coherence::PLANTED_BUGS);
}

#[test]
fn config_prints_checks_and_explains() {
    let dir = tempfile::tempdir().unwrap();
    let secret = [("SMARTPULSE__AUTH__SECRET", SECRET)];
    let printed = smartpulse(dir.path(), &secret, &["config", "print", "--listen", "0.0.0.0:81", "--empty"]);
    assert_eq!(printed.code, 0);
    assert!(printed.out.contains("http.listen = \"0.0.0.0:81\"") && printed.out.contains("# flag --listen"));
    assert!(printed.out.contains("sample.load = false"));
    assert!(!printed.out.contains(SECRET));
    let by_flag = smartpulse(dir.path(), &secret, &["config", "--print", "--listen", "0.0.0.0:81", "--empty"]);
    assert_eq!(by_flag.out, printed.out);
    assert!(smartpulse(dir.path(), &secret, &["config", "check"]).out.contains("valid"));
    let wrong = smartpulse(dir.path(), &secret, &["config", "check", "--set", "http.lsten=x", "--profile", "nope"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("did you mean `http.listen`?") && wrong.err.contains("flag --profile"), "{}", wrong.err);
    std::fs::write(dir.path().join("smartpulse.toml"), smartpulse(dir.path(), &[], &["config", "default"]).out)
        .unwrap();
    assert_eq!(smartpulse(dir.path(), &[], &["config", "check"]).code, 0, "the defaults are a valid file");
}

#[test]
fn a_token_is_printed_alone_and_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let ran = smartpulse(dir.path(), &[], &["token", "--data-dir", data]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1), "{}", ran.err);
    let secret = std::fs::read_to_string(Path::new(data).join("secret")).unwrap();
    let all = caller(&ran.out, secret.trim());
    assert_eq!((&all.identity.scope, all.identity.roles.len()), (&Scope::All, 3));
    let company = "0b5d0000-0000-4000-8000-00000000c0de";
    let args = ["token", "--roles", "forecast:write", "--companies", company, "--hours", "1"];
    let ran = smartpulse(dir.path(), &[("SMARTPULSE__AUTH__SECRET", SECRET)], &args);
    let some = caller(&ran.out, SECRET);
    assert!(some.identity.require(Role::ForecastWrite).is_ok() && some.identity.require(Role::Admin).is_err());
    assert!(some.identity.scope.contains(company.parse().unwrap()));
    assert_eq!(some.expires_at_unix_s, 1_000_000 + 3600);
    let wrong = smartpulse(dir.path(), &[], &["token", "--roles", "root"]);
    assert!(wrong.code == 2 && wrong.err.contains("there are forecast:write"), "{}", wrong.err);
}

/// A service that knows the batch endpoint: natural key company + unit + date.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<FakeState>>);

#[derive(Default)]
struct FakeState {
    known: BTreeMap<String, Value>,
    requests: u32,
    busy_until: u32,
    authorization: Option<String>,
}

async fn batch(State(fake): State<Fake>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let mut state = fake.0.lock().unwrap();
    state.requests += 1;
    state.authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    if state.authorization.is_none() {
        return Problem::new(Code::Unauthorized).into_response();
    }
    if state.requests <= state.busy_until {
        let status = if state.requests == 1 { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::SERVICE_UNAVAILABLE };
        return (status, [("retry-after", "0")], "busy").into_response();
    }
    assert_eq!(body["notify"], false);
    let mut counts = BTreeMap::from([("created", 0), ("updated", 0), ("unchanged", 0), ("invalid", 0)]);
    let mut results = Vec::new();
    for (index, item) in body["items"].as_array().unwrap().iter().enumerate() {
        let key = format!("{}{}{}", item["companyId"], item["productionUnitId"], item["forecastDate"]);
        let mut details = json!([]);
        let status = if item["demand"].as_f64().unwrap() < 0.0 {
            details = json!([{"field": "demand", "message": "must not be negative"}]);
            "invalid"
        } else {
            match state.known.insert(key, item.clone()) {
                None => "created",
                Some(old) if old == *item => "unchanged",
                Some(_) => "updated",
            }
        };
        *counts.get_mut(status).unwrap() += 1;
        results.push(json!({"index": index, "status": status, "details": details}));
    }
    let mut answer = json!(counts);
    answer["results"] = json!(results);
    Json(answer).into_response()
}

struct Service {
    fake: Fake,
    url: String,
    _runtime: tokio::runtime::Runtime,
}

fn service() -> Service {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fake = Fake::default();
    let router = Router::new().route("/api/forecasts/batch", post(batch)).with_state(fake.clone());
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, router).await });
    Service { fake, url, _runtime: runtime }
}

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample/opsd_germany_2017.csv");
const TOKEN: [(&str, &str); 1] = [("SMARTPULSE_TOKEN", "abc")];

#[test]
fn a_second_import_changes_nothing() {
    let (dir, service) = (tempfile::tempdir().unwrap(), service());
    let args = ["import", SAMPLE, "--url", &service.url, "--batch", "100"];
    let first = smartpulse(dir.path(), &TOKEN, &args);
    assert_eq!((first.code, first.out.as_str()), (0, "365 created, 0 updated, 0 unchanged, 0 not accepted\n"));
    assert!(first.err.contains("365/365 rows"), "{}", first.err);
    let second = smartpulse(dir.path(), &TOKEN, &args);
    assert_eq!(second.out, "0 created, 0 updated, 365 unchanged, 0 not accepted\n");
    let state = service.fake.0.lock().unwrap();
    assert_eq!((state.requests, state.authorization.as_deref()), (8, Some("Bearer abc")));
    assert!(state.known.values().all(|item| item["confidence"] == 1.0 && item["supply"].is_number()));
}

#[test]
fn a_busy_service_is_tried_again() {
    let (dir, service) = (tempfile::tempdir().unwrap(), service());
    service.fake.0.lock().unwrap().busy_until = 3;
    let ran = smartpulse(dir.path(), &TOKEN, &["import", SAMPLE, "--url", &service.url]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "365 created, 0 updated, 0 unchanged, 0 not accepted\n"));
    assert!(ran.err.contains("429") && ran.err.contains("503") && ran.err.contains("next attempt"), "{}", ran.err);
    service.fake.0.lock().unwrap().busy_until = 1000;
    let ran = smartpulse(dir.path(), &TOKEN, &["import", SAMPLE, "--url", &service.url]);
    assert!(ran.code == 1 && ran.err.contains("given up after 8 attempts"), "{}", ran.err);
    assert_eq!(service.fake.0.lock().unwrap().requests, 4 + 8, "bounded");
}

#[test]
fn bad_rows_are_named_by_line_and_the_rest_is_sent() {
    let (dir, service) = (tempfile::tempdir().unwrap(), service());
    let file = dir.path().join("load.csv");
    std::fs::write(&file, "Day,Load\n2017-01-01,5\n2017-01-02,-1\nsomeday,5\n2017-01-04,6\n").unwrap();
    let mapping = "forecastDate=Day,demand=Load,companyId='c',productionUnitId='u',confidence='0.9'";
    let args = ["import", file.to_str().unwrap(), "--url", &service.url, "--mapping", mapping];
    let ran = smartpulse(dir.path(), &TOKEN, &args);
    assert_eq!((ran.code, ran.out.as_str()), (1, "2 created, 0 updated, 0 unchanged, 2 not accepted\n"));
    assert!(ran.err.contains("line 3: demand: must not be negative"), "{}", ran.err);
    assert!(ran.err.contains("line 4: forecastDate must be a date"), "{}", ran.err);
    assert!(ran.err.contains("2 of 4 rows were not accepted"), "{}", ran.err);
}

#[test]
fn a_local_service_gets_a_token_of_its_own_secret() {
    let (dir, service) = (tempfile::tempdir().unwrap(), service());
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let args = ["import", SAMPLE, "--url", &service.url, "--data-dir", data];
    let ran = smartpulse(dir.path(), &[], &args);
    assert!(ran.code == 1 && ran.err.contains("SMARTPULSE_TOKEN"), "no secret yet: {}", ran.err);
    assert!(ran.err.contains("has not made its secret yet"), "why there was no token: {}", ran.err);
    assert_eq!(ran.out, "", "nothing was answered");
    assert!(!Path::new(data).join("secret").exists(), "an import makes no secret");
    smartpulse(dir.path(), &[], &["token", "--data-dir", data]);
    assert_eq!(smartpulse(dir.path(), &[], &args).code, 0);
    let authorization = service.fake.0.lock().unwrap().authorization.clone().unwrap();
    let secret = std::fs::read_to_string(Path::new(data).join("secret")).unwrap();
    assert_eq!(caller(authorization.strip_prefix("Bearer ").unwrap(), secret.trim()).identity.roles.len(), 3);
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let error = |args: &[&str]| {
        let ran = smartpulse(dir.path(), &TOKEN, args);
        assert_ne!(ran.code, 0);
        ran.err
    };
    assert!(error(&["import", "/no/such.csv"]).contains("cannot read /no/such.csv"));
    let unreachable = error(&["import", SAMPLE, "--url", "http://127.0.0.1:1"]);
    assert!(unreachable.contains("refused") && unreachable.contains("`smartpulse` starts one"), "{unreachable}");
    let empty = dir.path().join("empty.csv");
    for nothing in ["", "\n\n"] {
        std::fs::write(&empty, nothing).unwrap();
        assert!(error(&["import", empty.to_str().unwrap()]).contains("the file is empty"));
    }
    assert!(error(&["import", SAMPLE, "--mapping", "demnd=X"]).contains("did you mean \"demand\"?"));
    let other = dir.path().join("other.csv");
    std::fs::write(&other, "a,b\n1,2\n").unwrap();
    assert!(error(&["import", other.to_str().unwrap()]).contains("say what they mean with --mapping"));
}

#[test]
fn an_import_goes_where_the_configuration_listens() {
    let (dir, service) = (tempfile::tempdir().unwrap(), service());
    let listen = service.url.strip_prefix("http://").unwrap();
    let port = listen.rsplit(':').next().unwrap();
    for listen in [listen.to_owned(), format!("0.0.0.0:{port}")] {
        let ran = smartpulse(dir.path(), &TOKEN, &["import", SAMPLE, "--set", &format!("http.listen={listen}")]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let env = [TOKEN[0], ("SMARTPULSE__HTTP__LISTEN", listen.as_str())];
        assert_eq!(smartpulse(dir.path(), &env, &["import", SAMPLE]).code, 0);
    }
    assert_eq!(service.fake.0.lock().unwrap().requests, 4);
}

#[test]
fn only_who_cannot_be_connected_is_asked_whether_he_runs() {
    let dir = tempfile::tempdir().unwrap();
    // Accepts, and hangs up in the middle of the answer.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
        }
    });
    let ran = smartpulse(dir.path(), &TOKEN, &["import", SAMPLE, "--url", &url]);
    assert!(ran.code == 1 && !ran.err.contains("Is the service running there?"), "{}", ran.err);
    assert_eq!(ran.out, "", "nothing was answered");
}

#[test]
fn a_variable_that_nobody_reads_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let warned = |name: &str| smartpulse(dir.path(), &[(name, "127.0.0.1:81")], &["config", "print"]).err;
    for name in ["SMARTPULSE_HTTP_LISTEN", "SMARTPULSE_HTTP__LISTEN"] {
        let text = warned(name);
        assert!(text.contains(&format!("{name} is not read")) && text.contains("SMARTPULSE__HTTP__LISTEN"), "{text}");
    }
    assert!(warned("SMARTPULSE_DATA_DIR").contains("SMARTPULSE__DATA_DIR"));
    for name in ["SMARTPULSE_TOKEN", "SMARTPULSE__HTTP__LISTEN", "SMARTPULSE_SERVICE_HOST", "HTTP_LISTEN"] {
        assert_eq!(warned(name), "", "{name}");
    }
}
