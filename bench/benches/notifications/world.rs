//! A store of notifications on SQLite, and the jobs' surroundings.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::{SystemClock, SystemIds, SystemRng};
use domain::Wake;
use domain::model::{EventId, UserId};
use domain::notification::alerts::Alerts;
use domain::notification::live::LiveHub;
use domain::notification::model::{
    Body, ChannelSet, DeviceFilter, MailAddress, MailItem, Name, NotificationId, NotificationType, Title,
};
use domain::notification::{Delivered, NotificationPorts, Shared};
use domain::ports::{Acceptance, ForUser, Ids as _, MailFor, NotificationStore, TemplateId};
use tempfile::TempDir;
use uuid::Uuid;

/// A store in a folder of its own, durable as in production: WAL, `synchronous=FULL`.
pub(crate) struct World {
    pub(crate) store: Arc<dyn NotificationStore>,
    sqlite: Sqlite,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("bench.db"));
        let sqlite = Sqlite::open(config, Arc::new(SystemClock)).await.unwrap();
        Self { store: Arc::new(sqlite.notifications()), sqlite, _folder: folder }
    }

    pub(crate) fn shared(&self) -> Shared {
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng::default()));
        let ids = Arc::new(SystemIds::new(clock.clone(), rng.clone()));
        Shared {
            ports: NotificationPorts { store: Arc::clone(&self.store), clock, rng, ids },
            alerts: Alerts::new(),
            live: Arc::new(LiveHub::new()),
            meter: Arc::new(|_: Delivered| {}),
            push_wake: Wake::new(),
            mail_wake: Wake::new(),
            queue_wake: Wake::new(),
        }
    }

    /// As the instance does in the background.
    pub(crate) async fn checkpoint(&self) {
        self.sqlite.checkpoint().await.unwrap();
    }
}

/// A new id, as the instance makes them: later ones are larger.
pub(crate) fn fresh() -> Uuid {
    static IDS: LazyLock<SystemIds> =
        LazyLock::new(|| SystemIds::new(Arc::new(SystemClock), Arc::new(SystemRng::default())));
    IDS.uuid()
}

pub(crate) fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(1_000 + n))
}

/// A mail as an alert is one.
pub(crate) fn mail(n: u128) -> MailItem {
    let data = [
        ("userName", "John"),
        ("alertMessage", "Demand dropped 30% below the forecast of unit 4711."),
        ("forecastLink", "https://pulse.example/forecasts/0190f2c1-0000-7000-8000-000000000001"),
    ];
    MailItem {
        to: MailAddress::new(format!("user{n}@example.com")).unwrap(),
        to_name: Some(Name::new("John").unwrap()),
        user_id: Some(user(n)),
        subject: Title::new("Production Alert").unwrap(),
        template: TemplateId("alert".to_owned()),
        data: data.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        attachments: Vec::new(),
    }
}

/// The event number `event`, to these users over these channels.
pub(crate) fn told(event: u128, users: std::ops::Range<u128>, channels: ChannelSet) -> Acceptance {
    let one = |n| ForUser {
        user_id: user(n),
        id: NotificationId(fresh()),
        title: Title::new("Production Alert").unwrap(),
        body: Body::new("Demand dropped 30% below the forecast of unit 4711.").unwrap(),
        kind: NotificationType::Alert,
        channels,
        devices: DeviceFilter::Both,
        mail: MailFor::Item(mail(n)),
    };
    let event_id = EventId(Uuid::from_u128(event));
    Acceptance { event_id, users: users.map(one).collect(), attachments: Vec::new(), idempotency: None }
}

/// Looks every two milliseconds; answers how long it took.
pub(crate) async fn until(what: &str, ready: impl AsyncFn() -> bool) -> Duration {
    let started = Instant::now();
    while !ready().await {
        assert!(started.elapsed() < Duration::from_secs(120), "{what} does not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    started.elapsed()
}
