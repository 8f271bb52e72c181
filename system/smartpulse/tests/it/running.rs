//! The real program as a process of its own, ended by its id at the latest when the test ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use smartpulse::auth::https_client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_smartpulse");
/// Longer than anything here takes on a busy machine; only a hanging program reaches it.
const HANGS: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);
/// The last line of what a start shows.
const SHOWN_END: &str = "Ctrl-C ends it.";

/// A running service.
pub(super) struct Running {
    child: Child,
    /// What the start showed.
    pub(super) welcome: String,
    log: PathBuf,
    client: reqwest::Client,
}

/// A command that ends by itself, in `dir`, with nothing of this process's environment.
pub(super) fn command(dir: &Path, args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).current_dir(dir).env_clear().output().unwrap()
}

/// What a command printed, if it succeeded.
pub(super) fn printed(dir: &Path, args: &[&str]) -> String {
    let output = command(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complained of; it must have failed.
pub(super) fn refused(dir: &Path, args: &[&str]) -> String {
    let output = command(dir, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

impl Running {
    /// Starts the program in `dir` on free ports; its data is in `dir/data`. Answers when it has shown its addresses.
    pub(super) fn start(dir: &Path, args: &[&str]) -> Self {
        let log = dir.join("log");
        let mut child = Command::new(PROGRAM)
            .args(args)
            .args(["--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"])
            .current_dir(dir)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (shown, welcome) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            for line in stdout.lines().map_while(Result::ok) {
                text.push_str(&line);
                text.push('\n');
                if line == SHOWN_END {
                    break;
                }
            }
            shown.send(text)
        });
        let mut running = Self { child, welcome: String::new(), log, client: https_client().unwrap() };
        running.welcome = welcome.recv_timeout(HANGS).expect("the program shows its addresses");
        assert!(running.welcome.ends_with(&format!("{SHOWN_END}\n")), "no start: {}", running.log());
        running
    }

    /// What it logged so far.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The URL that was shown under this name.
    pub(super) fn shown(&self, name: &str) -> String {
        let mut lines = self.welcome.lines().map(|line| line.trim().split_once(' ').unwrap_or_default());
        lines.find(|(first, _)| *first == name).expect("the name is shown").1.trim().to_owned()
    }

    /// `http://127.0.0.1:<port>` of the API.
    pub(super) fn base(&self) -> String {
        self.shown("Docs").trim_end_matches("/docs").to_owned()
    }

    pub(super) fn token(&self) -> String {
        let line = self.welcome.lines().find_map(|line| line.strip_prefix("export TOKEN="));
        line.expect("a token is shown").to_owned()
    }

    pub(super) fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// A request to a path of the API, with the token.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base())).bearer_auth(self.token())
    }

    /// The JSON under a path, with its `X-Version`.
    pub(super) async fn get(&self, path: &str) -> (Value, Option<String>) {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let version = response.headers().get("x-version").map(|value| value.to_str().unwrap().to_owned());
        (response.json().await.unwrap(), version)
    }

    /// How many forecasts there are.
    pub(super) async fn total(&self) -> u64 {
        self.get("/api/forecasts?take=1").await.0["total"].as_u64().unwrap()
    }

    /// Sends a signal (`TERM`, `INT`).
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it without any warning, as `kill -9` does.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(super) fn ended(&mut self) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(since.elapsed() < HANGS, "it does not end: {}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// Asks it to end; it must do so in order.
    pub(super) fn stop(mut self) {
        self.signal("TERM");
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `ready` says so.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut ready: impl FnMut() -> F) {
    let since = Instant::now();
    while !ready().await {
        assert!(since.elapsed() < HANGS, "{what} does not come");
        tokio::time::sleep(POLL).await;
    }
}
