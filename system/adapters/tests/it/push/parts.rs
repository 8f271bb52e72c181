//! Against parts that others wrote: npm's `web-push-testing` and PyPI's `http-ece`. `.ci/parts.sh` installs them; where one
//! is missing its test says so and passes, unless `SMARTPULSE_REQUIRE` names it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use adapters::testing::Receiver;
use adapters::webpush::{Ephemeral, PLAINTEXT_BYTES_MAX, encrypt};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ports::{PushError, PushGateway, PushMessage, PushTarget, WebPushSubscription};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::support::{gateway_for, message};

/// A file of a part, or a word about its absence.
fn part(name: &str, file: &str) -> Option<PathBuf> {
    let home = || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cache/smartpulse-parts");
    let folder = std::env::var_os("SMARTPULSE_PARTS").map_or_else(home, PathBuf::from);
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var("SMARTPULSE_REQUIRE").unwrap_or_default();
    assert!(
        !required.split([',', ' ']).any(|part| part == name),
        "{name} is required, and {} is missing",
        path.display()
    );
    // Not by `eprintln!`: the test runner keeps that of a test that passes.
    let why = format!("SKIPPED: {name} is not installed ({} is missing); .ci/parts.sh installs it\n", path.display());
    std::io::Write::write_all(&mut std::io::stderr(), why.as_bytes()).unwrap();
    None
}

struct Kill(std::process::Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct TestingServer {
    origin: String,
    client: reqwest::Client,
    _process: Kill,
}

impl TestingServer {
    async fn start(script: &Path) -> Self {
        // Released before the server takes it: nobody else asks for this one so soon.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("node");
        command.arg(script).arg(port.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Kill(command.spawn().unwrap());
        let tls = adapters::outgoing::tls_of_platform().unwrap();
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
        let server = Self { origin: format!("http://localhost:{port}"), client, _process: process };
        for _ in 0..200 {
            if server.client.post(format!("{}/status", server.origin)).send().await.is_ok() {
                return server;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("web-push-testing does not answer");
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.client.post(format!("{}{path}", self.origin)).json(&body).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }
}

#[tokio::test]
async fn web_push_testing_reads_our_messages() {
    let Some(script) = part("webpush-testing", "npm/node_modules/web-push-testing/src/bin/server.js") else { return };
    let server = TestingServer::start(&script).await;
    let gateway = gateway_for(std::slice::from_ref(&server.origin));
    let options = json!({"userVisibleOnly": "true", "applicationServerKey": gateway.key().public_key()});
    let subscribed = server.post("/subscribe", options).await["data"].take();
    let subscription = WebPushSubscription::from_json(&subscribed.to_string()).unwrap();
    let target = PushTarget::WebPush(subscription);
    gateway.check(&target).unwrap();
    let hash = subscribed["clientHash"].as_str().unwrap();

    let long = PushMessage { body: "😀".repeat(2_000), ..message() };
    for message in [&message(), &long] {
        assert_eq!(gateway.attempt(&target, message).await.unwrap().status, 201);
    }
    let read = server.post("/get-notifications", json!({"clientHash": hash})).await;
    let texts: Vec<Value> = read["data"]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(texts[0], json!({"title": "Production Alert", "body": "Demand dropped 30%", "tag": "evt-0190f2c1"}));
    assert!(texts[1]["body"].as_str().unwrap().ends_with("😀…"));

    // Another key than the one that the device subscribed with.
    let other = gateway_for(std::slice::from_ref(&server.origin));
    let refused = other.attempt(&target, &message()).await.unwrap_err();
    assert!(matches!(refused, PushError::Rejected { status: 400, .. }), "{refused:?}");

    server.post(&format!("/expire-subscription/{hash}"), json!({})).await;
    let expired = gateway.attempt(&target, &message()).await.unwrap_err();
    assert!(matches!(expired, PushError::Gone { status: 410 }), "{expired:?}");
}

const DECRYPT: &str = "
import base64, json, sys, http_ece
from cryptography.hazmat.primitives.asymmetric import ec
data = json.load(sys.stdin)
raw = lambda name: base64.urlsafe_b64decode(data[name] + '==')
key = ec.derive_private_key(int.from_bytes(raw('key'), 'big'), ec.SECP256R1())
for body in data['bodies']:
    body = base64.urlsafe_b64decode(body + '==')
    print(base64.urlsafe_b64encode(http_ece.decrypt(body, private_key=key, auth_secret=raw('auth'), version='aes128gcm')).decode())
";

#[test]
fn http_ece_opens_our_bodies() {
    let Some(python) = part("http-ece", "python/bin/python") else { return };
    let scalar = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
    let key = PrivateKey::from_private_key(&ECDH_P256, &URL_SAFE_NO_PAD.decode(scalar).unwrap()).unwrap();
    let receiver = Receiver::with(key, [5; 16]).unwrap();
    let texts = [b"".to_vec(), b"When I grow up".to_vec(), vec![0; 7], vec![7; PLAINTEXT_BYTES_MAX]];
    let bodies = texts.iter().flat_map(|text| {
        [0, 100].map(|padding| {
            let ephemeral = Ephemeral { key: PrivateKey::generate(&ECDH_P256).unwrap(), salt: [text.len() as u8; 16] };
            let padding = padding.min(PLAINTEXT_BYTES_MAX - text.len());
            URL_SAFE_NO_PAD.encode(encrypt(text, padding, &receiver.p256dh, &receiver.auth, &ephemeral).unwrap())
        })
    });
    let input =
        json!({"key": scalar, "auth": URL_SAFE_NO_PAD.encode(receiver.auth), "bodies": bodies.collect::<Vec<_>>()});
    let mut command = Command::new(python);
    command.args(["-c", DECRYPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    std::io::Write::write_all(&mut process.stdin.take().unwrap(), input.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let opened: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| URL_SAFE_NO_PAD.decode(line.trim_end_matches('=')).unwrap())
        .collect();
    assert_eq!(opened, texts.iter().flat_map(|text| [text.clone(), text.clone()]).collect::<Vec<_>>());
}
