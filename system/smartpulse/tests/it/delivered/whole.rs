//! Every channel at once through the whole program: a browser, an app by way of a fake Google, and a mail server that is
//! not ours, with STARTTLS and a login.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use adapters::testing::{FakeGoogle, FakePushService};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::outbox::{count_tags, forecast};
use super::programs::{Running, python};
use super::served::{REGISTRATION, Served};
use crate::running::until;

const FORECASTS: u32 = 5;
const BASE: &str = "https://pulse.example";

/// Writes an authority (`ca.pem`) and a certificate of 127.0.0.1 (`server.pem`, `server.key`) into a folder.
fn certify(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let (issuer, server) = (Issuer::new(params, key), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("server.pem"), certificate.signed_by(&server, &issuer).unwrap().pem()).unwrap();
    std::fs::write(folder.join("server.key"), server.serialize_pem()).unwrap();
}

/// PyPI's aiosmtpd, which writes what it takes into `folder`, and wants STARTTLS and a login.
fn mail_server(folder: &Path, certificate: &Path) -> Option<Running> {
    let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/tests/it/mail/parts/aiosmtpd_sink.py");
    let mut command = Command::new(python()?);
    Some(Running::printing_port(command.arg(parts).arg(folder).arg(certificate)))
}

/// The envelopes that the mail server took, each with its message.
fn taken(folder: &Path) -> Vec<(Value, String)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut messages: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    messages.sort();
    let envelope = |path: &Path| std::fs::read(path.with_extension("json")).unwrap();
    let read = |path: PathBuf| {
        let envelope = serde_json::from_slice(&envelope(&path)).unwrap();
        (envelope, std::fs::read_to_string(path).unwrap())
    };
    messages.into_iter().map(read).collect()
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find_map(|line| line.strip_prefix(name)).expect("the header is there").trim()
}

struct World {
    served: Served,
    google: FakeGoogle,
    service: FakePushService,
    /// Where the mail server writes.
    mails: tempfile::TempDir,
    _dir: tempfile::TempDir,
    _server: Running,
}

impl World {
    /// `None` where aiosmtpd is missing.
    async fn start() -> Option<Self> {
        let [dir, mails, tls] = [0; 3].map(|_| tempfile::tempdir().unwrap());
        certify(tls.path());
        let server = mail_server(mails.path(), tls.path())?;
        let (google, service) = (FakeGoogle::start().await.unwrap(), FakePushService::start().await.unwrap());
        std::fs::write(dir.path().join("account.json"), google.account().unwrap()).unwrap();
        std::fs::write(dir.path().join("password"), "pass wörd\n").unwrap();
        std::fs::copy(tls.path().join("ca.pem"), dir.path().join("ca.pem")).unwrap();
        let origins = [google.fcm.origin(), google.oauth.origin(), service.server.origin()];
        let settings = [
            format!("push.allowed_private_origins={}", origins.join(",")),
            "fcm.service_account_file=account.json".to_owned(),
            format!("fcm.base_url={}", google.fcm.origin()),
            "mail.host=127.0.0.1".to_owned(),
            format!("mail.port={}", server.port),
            "mail.tls=starttls".to_owned(),
            "mail.ca_file=ca.pem".to_owned(),
            "mail.user=smart".to_owned(),
            "mail.password_file=password".to_owned(),
            "mail.from=pulse@example.org".to_owned(),
            format!("mail.unsubscribe_url={BASE}/unsubscribe/"),
            format!("notifications.public_base_url={BASE}"),
            "log.format=json".to_owned(),
        ];
        let served = Served::start(dir.path(), &settings);
        served.register(Some(&service)).await;
        Some(Self { served, google, service, mails, _dir: dir, _server: server })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_forecast_reaches_the_app_the_browser_and_the_mail_server_once() {
    let Some(world) = World::start().await else { return };
    for day in 0..FORECASTS {
        world.served.complete(&forecast(day)).await;
    }
    let inbox = world.served.inbox(FORECASTS).await;
    for notification in &inbox {
        let id = notification["id"].as_str().unwrap();
        for (channel, count) in [("InApp", 1), ("PushNotification", 2), ("Email", 1)] {
            world.served.until_all(id, channel, "sent").await;
            assert_eq!(world.served.deliveries(id, channel).await.len(), count, "{channel}");
        }
    }
    assert_eq!(world.google.grants(), 1, "one access token for all");
    let apps = world.google.sent();
    let mut collapsed = BTreeSet::new();
    for app in &apps {
        let message = &app.json["message"];
        assert_eq!((&message["token"], &message["notification"]["title"]), (&json!(REGISTRATION), &inbox[0]["title"]));
        collapsed.insert(message["android"]["collapse_key"].as_str().unwrap().to_owned());
    }
    assert_eq!((apps.len(), collapsed.len()), (FORECASTS as usize, FORECASTS as usize), "one for each");
    let mut tags = BTreeMap::new();
    count_tags(&world.service, &mut tags);
    assert_eq!((tags.len(), tags.values().sum::<u32>()), (FORECASTS as usize, FORECASTS));
    assert_eq!(tags.into_keys().collect::<BTreeSet<_>>(), collapsed, "by the same names as the browser");

    let taken = taken(world.mails.path());
    let ids: BTreeSet<_> = taken.iter().map(|(_, message)| header(message, "Message-ID:")).collect();
    assert_eq!((taken.len(), ids.len()), (FORECASTS as usize, FORECASTS as usize), "one mail for each");
    for (envelope, message) in &taken {
        let expected = json!({"from": "pulse@example.org", "to": ["anna@example.com"], "tls": true, "login": "smart"});
        assert_eq!(*envelope, expected);
        assert_eq!(header(message, "Subject:"), "Forecast Completed");
        assert!(message.contains("Hello Anna Berg") && message.contains(&format!("{BASE}/forecasts/")), "{message}");
        assert_eq!(header(message, "List-Unsubscribe-Post:"), "List-Unsubscribe=One-Click");
    }
    assert_eq!(world.served.logged("ERROR"), Vec::<Value>::new());

    one_click_ends_them(&world, &taken[0].1).await;
    world.served.stop();
}

/// The link of a mail that arrived leads to us, and ends the mails, and the mails alone.
async fn one_click_ends_them(world: &World, message: &str) {
    let link = header(message, "List-Unsubscribe:").trim_matches(['<', '>']);
    let path = link.strip_prefix(BASE).expect("where people reach us");
    assert_eq!(world.served.post_form(path, "List-Unsubscribe=One-Click").await, 200);
    world.served.complete(&forecast(FORECASTS)).await;
    let inbox = world.served.inbox(FORECASTS + 1).await;
    let id = inbox[0]["id"].as_str().unwrap();
    world.served.until_all(id, "Email", "suppressed").await;
    world.served.until_all(id, "PushNotification", "sent").await;
    until("the app", || async { world.google.fcm.requests() == FORECASTS as usize + 1 }).await;
    assert_eq!(taken(world.mails.path()).len(), FORECASTS as usize, "no mail more");
}
