//! Three `smartpulse` processes on one SQLite file, one Redis and one Pulsar.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::pulsar::PulsarConfig;
use containers::check::{Ledger, Version};
use containers::pulsar::Broker;
use containers::{Absence, Backend, LocalProcess, free_port};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use tempfile::TempDir;
use uuid::Uuid;

use crate::client::Client;
use crate::events;
use crate::redis::{Options, Server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_node");
pub(crate) const NODES: usize = 3;
const FORECASTS: u32 = 40;
/// Processes start one after the other on a busy machine.
const START_MAX: Duration = Duration::from_secs(90);
const END_MAX: Duration = Duration::from_secs(40);
/// All events of a case are read again.
const PUBLISHED_MAX: Duration = Duration::from_secs(60);
const SECRET: &str = "together-0123456789abcdef0123456789abcdef";

/// What clients know.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) ledger: Arc<Ledger>,
    /// The API of each node.
    pub(crate) bases: Vec<String>,
    pub(crate) ids: Vec<Uuid>,
}

struct Node {
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    internal: String,
    process: LocalProcess,
}

pub(crate) struct Group {
    nodes: Vec<Node>,
    pub(crate) world: Arc<World>,
    /// Where its topics are, at Pulsar.
    pub(crate) namespace: String,
    pulsar: PulsarConfig,
    // Ends after the processes in it.
    dir: Option<TempDir>,
}

/// A Redis of this case alone: the services keep a section there that two systems cannot share.
pub(crate) fn own_redis(options: Options) -> Result<Server, Absence> {
    match Command::new("redis-server").arg("--version").output().is_ok_and(|output| output.status.success()) {
        true => Ok(Server::start(options)),
        false if Backend::Redis.is_required() => Err(Absence::Broken("redis-server is not installed".to_owned())),
        false => Err(Absence::Missing("redis-server is not installed".to_owned())),
    }
}

impl Group {
    /// Three of them, once all are trusted and there are forecasts.
    pub(crate) async fn start(broker: &Broker, redis: &str) -> Self {
        let env = [("SMARTPULSE__AUTH__SECRET", SECRET), ("SMARTPULSE__LOG__LEVEL", "info,smartpulse=debug")];
        Self::with(broker, redis, &env).await
    }

    /// The same with other settings, the secret among them.
    pub(crate) async fn with(broker: &Broker, redis: &str, env: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let namespace = broker.admin().make_namespace(&format!("t{}", Uuid::new_v4().simple()));
        let shared = [
            ("store.kind", "sqlite"),
            ("bus.kind", "pulsar"),
            ("bus.url", broker.url()),
            ("bus.admin_url", broker.admin().url()),
            ("bus.namespace", &namespace),
            ("shared.kind", "redis"),
        ];
        let shared: Vec<String> = shared.iter().map(|(key, value)| format!("--set={key}={value}")).collect();
        let mut env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        // It may hold a password, which arguments would show to everybody.
        env.push(("SMARTPULSE__SHARED__URL".to_owned(), redis.to_owned()));
        let (mut nodes, mut bases) = (Vec::new(), Vec::new());
        // All at once on an empty folder, as nothing forbids.
        for number in 0..NODES {
            let (api, internal) = (free_port().unwrap(), free_port().unwrap());
            let mut arguments = shared.clone();
            arguments.extend([
                "--empty".to_owned(),
                format!("--data-dir={}", dir.path().join("data").display()),
                format!("--listen=127.0.0.1:{api}"),
                format!("--internal-listen=127.0.0.1:{internal}"),
                "--notifications-listen=127.0.0.1:0".to_owned(),
            ]);
            let process = spawn(&arguments, &env, dir.path(), number);
            nodes.push(Node { arguments, env: env.clone(), internal: format!("http://127.0.0.1:{internal}"), process });
            bases.push(format!("http://127.0.0.1:{api}"));
        }
        let ledger = Arc::new(Ledger::default());
        let world = World { client: Client::new(&token(dir.path(), &env)), ledger, bases, ids: Vec::new() };
        let pulsar =
            PulsarConfig { namespace: namespace.clone(), ..PulsarConfig::new(broker.url(), broker.admin().url()) };
        let mut group = Self { nodes, world: Arc::new(world), namespace, pulsar, dir: Some(dir) };
        group.until_trusted(START_MAX).await;
        events::keep(&group.pulsar).await;
        group.fill().await;
        group
    }

    async fn fill(&mut self) {
        let World { client, ledger, bases, .. } = &*self.world;
        let mut ids = Vec::new();
        for n in 0..FORECASTS {
            let (asked, _) = ledger.asking(0, &[]);
            let number = ledger.number();
            let (id, shown) = client.create(&bases[0], n, number).await.unwrap();
            ledger.sending(id, number);
            ledger.acked(&asked, None, id, number, shown);
            ids.push(id);
        }
        let world = World { client: client.clone(), ledger: Arc::clone(ledger), bases: bases.clone(), ids };
        self.world = Arc::new(world);
    }

    /// Waits until every node trusts its own tiers; answers how long that took.
    pub(crate) async fn until_trusted(&mut self, within: Duration) -> Duration {
        let begun = Instant::now();
        for number in 0..NODES {
            while !self.is_trusted(number).await {
                let runs = self.nodes[number].process.runs();
                let waits = runs && begun.elapsed() < within;
                assert!(waits, "node {number} is not trusted after {within:?} (runs: {runs})\n{}", self.logs());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        begun.elapsed()
    }

    pub(crate) async fn is_trusted(&self, node: usize) -> bool {
        let ready = self.world.client.json(&format!("{}/health/ready", self.world.bases[node])).await;
        ready.is_ok_and(|ready| ready["feed"]["trusted"] == true)
    }

    /// Waits until a node that was started answers at all.
    pub(crate) async fn until_answers(&mut self, node: usize, within: Duration) {
        let (begun, url) = (Instant::now(), format!("{}/health/live", self.world.bases[node]));
        while self.world.client.text(&url).await.is_err() {
            let waits = self.nodes[node].process.runs() && begun.elapsed() < within;
            assert!(waits, "node {node} does not start\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The node that is the tracker, or the sync.
    pub(crate) async fn leader(&self, role: &str) -> usize {
        let begun = Instant::now();
        loop {
            for (number, node) in self.nodes.iter().enumerate() {
                let page = self.world.client.text(&format!("{}/metrics", node.internal)).await.unwrap_or_default();
                let line = format!("smartpulse_{role}_leader 1.0");
                if page.lines().any(|found| found == line) {
                    return number;
                }
            }
            assert!(begun.elapsed() < START_MAX, "nobody is the {role}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].process.kill();
        self.world.ledger.ended(node);
    }

    /// Starts a killed one, on its ports.
    pub(crate) fn start_again(&mut self, node: usize) {
        let process = spawn(&self.nodes[node].arguments, &self.nodes[node].env, self.folder(), node);
        self.nodes[node].process = process;
    }

    /// What the store holds, read from its file.
    pub(crate) async fn store(&self) -> Vec<(Uuid, Version, u64)> {
        let file = self.folder().join("data/smartpulse.db");
        let mut connection =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file).read_only(true)).await.unwrap();
        let rows = sqlx::query("SELECT id, incarnation, version_id, CAST(demand AS INTEGER) FROM forecasts, meta");
        let rows = rows.fetch_all(&mut connection).await.unwrap();
        let whole = |row: &sqlx::sqlite::SqliteRow, column: usize| u64::try_from(row.get::<i64, _>(column)).unwrap();
        let rows = rows.iter().map(|row| {
            let version = Version { incarnation: whole(row, 1), id: whole(row, 2) };
            (Uuid::from_slice(&row.get::<Vec<u8>, _>(0)).unwrap(), version, whole(row, 3))
        });
        rows.collect()
    }

    /// Once nobody writes any more: every node, asked for each forecast and for the list, answers with what the store
    /// holds (C7), which is nothing less than what was acknowledged. Answers how long that took.
    pub(crate) async fn converged(&self, within: Duration) -> Duration {
        let (begun, World { client, ledger, bases, ids }) = (Instant::now(), &*self.world);
        let store = self.store().await;
        assert_eq!(store.len(), ids.len());
        for (id, version, number) in &store {
            assert!(ledger.newest(*id) <= Some(*version), "{id}: the store lost what it had confirmed");
            let mut wrong;
            for (node, base) in bases.iter().enumerate() {
                loop {
                    match client.get(base, *id, None).await {
                        Ok(shown) if (shown.version, shown.number, shown.stale) == (*version, *number, false) => break,
                        other => wrong = format!("{other:?}"),
                    }
                    let logs = || self.logs();
                    assert!(begun.elapsed() < within, "node {node} shows {wrong} for {version} of {id}\n{}", logs());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        for (node, base) in bases.iter().enumerate() {
            while !self.lists_all(base, &store).await {
                assert!(
                    begun.elapsed() < within,
                    "the list of node {node} is not what the store holds\n{}",
                    self.logs()
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        begun.elapsed()
    }

    async fn lists_all(&self, base: &str, store: &[(Uuid, Version, u64)]) -> bool {
        let Ok((items, false)) = self.world.client.list(base).await else { return false };
        let listed = |(id, version, number): &(Uuid, Version, u64)| {
            items.iter().any(|(found, shown)| (found, shown.version.id, shown.number) == (id, version.id, *number))
        };
        items.len() == store.len() && store.iter().all(listed)
    }

    /// Where everything of these processes is; it is kept if the case fails.
    fn folder(&self) -> &Path {
        self.dir.as_ref().map(TempDir::path).unwrap()
    }

    /// The ends of all logs, for a case that fails.
    pub(crate) fn logs(&self) -> String {
        const LINES: usize = 25;
        let end = |number: usize| {
            let text = self.log(number);
            // What each request did tells little here, and there is much of it.
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains("DEBUG smartpulse::http")).collect();
            let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
            format!("-- node {number}\n{last}\n")
        };
        (0..self.nodes.len()).map(end).collect()
    }

    /// All that a node has logged, over all its lives.
    pub(crate) fn log(&self, node: usize) -> String {
        std::fs::read_to_string(self.folder().join(format!("node-{node}.log"))).unwrap_or_default()
    }

    /// Every commit's events were published; no guarantee was broken; and all processes end in order when they are asked
    /// to.
    pub(crate) async fn finish(mut self) {
        events::all_were_published(&self.pulsar, &self.store().await, PUBLISHED_MAX).await;
        let violations = self.world.ledger.violations();
        assert!(violations.is_empty(), "{}\n{}", violations.join("\n"), self.logs());
        println!("  {:?}", self.world.ledger.counts());
        for node in 0..NODES {
            let status = self.nodes[node].process.terminate(END_MAX);
            let is_orderly = status.is_ok_and(|status| status.success());
            assert!(is_orderly, "node {node} did not end in order\n{}", self.logs());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("their logs and data are kept: {}", self.dir.take().unwrap().keep().display());
        }
    }
}

fn spawn(arguments: &[String], env: &[(String, String)], dir: &Path, node: usize) -> LocalProcess {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(dir).env_clear().envs(env.iter().map(|(name, value)| (name, value)));
    LocalProcess::start(&mut command, &dir.join(format!("node-{node}.log"))).unwrap()
}

fn token(dir: &Path, env: &[(String, String)]) -> String {
    let mut command = Command::new(PROGRAM);
    command.arg("token").current_dir(dir).env_clear().envs(env.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
