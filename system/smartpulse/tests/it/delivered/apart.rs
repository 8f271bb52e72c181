//! Firebase cannot be reached: what it does not take is tried by the schedule, given up and told of once; the other
//! channels, to Postfix's smtp-sink and the inbox, do not notice. (The exact bounds of the waits are held in simulated time,
//! in the domain's tests of retries: here a busy machine may make them longer, never shorter.)

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapters::testing::{FakeGoogle, FakeServer, Reply};
use serde_json::Value;

use super::programs::smtp_sink;
use super::served::Served;
use crate::running::until;

const MESSAGES: usize = 3;
/// The specification's, and how far it may be off.
const WAITS_MS: [u64; 4] = [100, 200, 400, 800];
const SPREAD: f64 = 0.2;
/// What a busy machine may add to a wait.
const BUSY: Duration = Duration::from_secs(3);
/// Longer than a mail takes, so that it is seen to arrive while the push still waits.
const ATTEMPT: Duration = Duration::from_secs(2);

/// How Firebase cannot be reached.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Trouble {
    /// Nobody listens, neither there nor at the token service.
    Nobody,
    /// Connections are closed as soon as a request has come.
    Closes,
    /// It never answers.
    Hangs,
}

/// Where nobody listens.
fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// What the mail server took, by recipient.
fn mails(folder: &Path, to: &str) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let rcpt = format!("X-Rcpt-Args: <{to}>");
    files.filter(|path| std::fs::read_to_string(path).unwrap().contains(&rcpt)).count()
}

/// Firebase, and when it was asked.
struct Firebase {
    server: FakeServer,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Firebase {
    async fn start(trouble: Trouble) -> Self {
        let asked: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let server = FakeServer::start(move |_| {
            noted.lock().unwrap().push(Instant::now());
            match trouble {
                Trouble::Hangs => Reply::Half(Vec::new()),
                Trouble::Nobody | Trouble::Closes => Reply::Cut(Vec::new()),
            }
        });
        Self { server: server.await.unwrap(), asked }
    }

    /// That one message was tried five times, with the waits between. (Where it hangs an attempt begins before it is heard
    /// of, by the time that a token and a connection take: there the waits cannot be told from outside.)
    fn was_asked_by_the_schedule(&self, trouble: Trouble) {
        let asked = self.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 1 + WAITS_MS.len(), "one attempt and four retries");
        if trouble == Trouble::Hangs {
            return;
        }
        for (pair, wait) in asked.windows(2).zip(WAITS_MS.map(Duration::from_millis)) {
            let waited = pair[1] - pair[0];
            // A timer of tokio's counts whole milliseconds.
            let least = wait.mul_f64(1.0 - SPREAD) - Duration::from_millis(2);
            assert!(waited >= least && waited <= wait.mul_f64(1.0 + SPREAD) + BUSY, "{wait:?}: {waited:?}");
        }
    }
}

async fn firebase_is_in(trouble: Trouble) {
    let [dir, folder] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    let Some(sink) = smtp_sink(folder.path(), &["-d", "mail."]) else { return };
    let (google, firebase) = (FakeGoogle::start().await.unwrap(), Firebase::start(trouble).await);
    std::fs::write(dir.path().join("account.json"), google.account().unwrap()).unwrap();
    let (fcm, tokens) = match trouble {
        Trouble::Nobody => (nowhere(), format!("{}/token", nowhere())),
        Trouble::Closes | Trouble::Hangs => (firebase.server.origin(), format!("{}/token", google.oauth.origin())),
    };
    let settings = [
        format!("push.allowed_private_origins={fcm},{}", tokens.trim_end_matches("/token")),
        format!("push.attempt_timeout_ms={}", ATTEMPT.as_millis()),
        "fcm.service_account_file=account.json".to_owned(),
        format!("fcm.base_url={fcm}"),
        // The fake token service checks what the grant is for.
        format!("fcm.token_uri={tokens}"),
        "mail.host=127.0.0.1".to_owned(),
        format!("mail.port={}", sink.port),
        "mail.tls=none".to_owned(),
        "alerts.address=ops@example.com".to_owned(),
        "log.format=json".to_owned(),
    ];
    let served = Served::start(dir.path(), &settings);
    served.register(None).await;

    let first = served.tell("Message 1").await;
    assert_eq!(served.inbox(1).await.len(), 1);
    served.until_all(&first, "Email", "sent").await;
    if trouble == Trouble::Hangs {
        assert_eq!(served.deliveries(&first, "PushNotification").await[0]["status"], "pending", "nobody waited for it");
    }
    served.until_all(&first, "PushNotification", "failed").await;
    if trouble != Trouble::Nobody {
        firebase.was_asked_by_the_schedule(trouble);
    }
    let push = &served.deliveries(&first, "PushNotification").await[0];
    assert_eq!(push["attempts"], 5, "{push}");
    assert!(push["lastError"].as_str().is_some_and(|error| !error.is_empty()), "{push}");

    for number in 2..=MESSAGES {
        let id = served.tell(&format!("Message {number}")).await;
        served.until_all(&id, "Email", "sent").await;
        served.until_all(&id, "PushNotification", "failed").await;
    }
    assert_eq!(served.inbox(3).await.len(), MESSAGES);
    told_of_once(&served, &fcm);
    until("the mail to the operators", || async { mails(folder.path(), "ops@example.com") == 1 }).await;
    assert_eq!(mails(folder.path(), "anna@example.com"), MESSAGES);
    served.stop();
}

/// One line for a person, whatever number of messages failed; nothing else complains.
fn told_of_once(served: &Served, fcm: &str) {
    let errors = served.logged("ERROR");
    let [error] = &errors[..] else { panic!("one line: {errors:?}") };
    assert_eq!((error["kind"].as_str(), error["subject"].as_str()), (Some("push_failing"), Some(fcm)));
    let warnings: Vec<Value> = served.logged("WARN");
    assert!(!warnings.iter().any(|line| line.to_string().contains("push")), "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firebase_and_its_tokens_are_nowhere() {
    firebase_is_in(Trouble::Nobody).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firebase_closes_every_connection() {
    firebase_is_in(Trouble::Closes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firebase_never_answers() {
    firebase_is_in(Trouble::Hangs).await;
}
