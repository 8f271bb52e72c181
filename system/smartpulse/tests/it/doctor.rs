//! `smartpulse doctor` on the machine's own file, and on a real Redis and a real Pulsar where there are some.

use super::running::{command, printed, refused};

/// A line of the report: its verdict and what was found.
#[cfg(feature = "production")]
fn line<'t>(text: &'t str, backend: &str, what: &str) -> &'t str {
    let is_it = |line: &&str| line.split_whitespace().nth(1) == Some(backend) && line.contains(&format!(" {what} "));
    text.lines().find(is_it).unwrap_or_else(|| panic!("no {backend} {what} in {text}"))
}

#[test]
fn the_embedded_database_is_looked_at_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let before = printed(dir.path(), &["doctor"]);
    assert!(before.contains("not made yet") && before.contains(" 0 wrong"), "{before}");
    assert!(!dir.path().join("data").exists());
    printed(dir.path(), &["migrate"]);
    let after = printed(dir.path(), &["doctor"]);
    for part in ["schema           3 of 3", "quick check      ok", "round trip", "SQLite 3."] {
        assert!(after.contains(part), "{part} in {after}");
    }
    let json: serde_json::Value = serde_json::from_str(&printed(dir.path(), &["doctor", "--format", "json"])).unwrap();
    assert!(
        json["findings"].as_array().unwrap().iter().any(|one| one["what"] == "quick check" && one["verdict"] == "ok")
    );
    std::fs::write(dir.path().join("text"), "This is no database, and long enough to be the head of one. ".repeat(20))
        .unwrap();
    let other = ["doctor", "--set", "store.path=text"];
    let said = String::from_utf8(command(dir.path(), &other).stdout).unwrap();
    assert!(said.contains("failure") && said.contains("is store.path that of our database?"), "{said}");
    assert!(refused(dir.path(), &other).contains("findings are not as they must be"));
    let memory = ["doctor", "--set", "store.kind=memory"];
    assert!(printed(dir.path(), &memory).contains("nothing survives"));
    assert!(refused(dir.path(), &[&memory[..], &["--strict"]].concat()).contains("of"));
}

/// A page of the file is overwritten, as a bad disk does it.
#[test]
fn a_damaged_file_is_found() {
    use std::io::{Seek, SeekFrom, Write};
    let dir = tempfile::tempdir().unwrap();
    printed(dir.path(), &["migrate"]);
    let path = dir.path().join("data/smartpulse.db");
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = std::fs::metadata(&path).unwrap().len() / 4096;
    assert!(pages > 8, "{pages}");
    for page in 3..pages {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xff; 64]).unwrap();
    }
    let output = command(dir.path(), &["doctor"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("failure  sqlite"), "{said}");
}

#[cfg(feature = "production")]
mod with_servers {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::line;
    use crate::running::command;

    const PASSWORD: &str = "hunter2-of-redis";

    fn skipped(what: &str, name: &str) {
        let required = std::env::var("SMARTPULSE_REQUIRE").unwrap_or_default();
        assert!(!required.split([',', ' ']).any(|part| part == name), "{name} is required: {what}");
        // Not by `eprintln!`: the test runner keeps that of a test that passes.
        std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).unwrap();
    }

    struct Redis {
        child: Child,
        port: u16,
    }

    impl Drop for Redis {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    impl Redis {
        /// `None` where the program is not installed.
        fn start(dir: &Path, args: &[&str]) -> Option<Self> {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let started = Command::new("redis-server")
                .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--requirepass", PASSWORD])
                .args(args)
                .current_dir(dir)
                .stdout(Stdio::null())
                .spawn();
            let child = match started {
                Ok(child) => child,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
                Err(error) => panic!("{error}"),
            };
            let since = Instant::now();
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert!(since.elapsed() < Duration::from_secs(20), "redis-server does not listen");
                std::thread::sleep(Duration::from_millis(20));
            }
            Some(Self { child, port })
        }

        fn url(&self, password: &str) -> String {
            format!("shared.url=redis://:{password}@127.0.0.1:{}", self.port)
        }
    }

    fn doctor(dir: &Path, url: &str) -> (Option<i32>, String) {
        let output = command(dir, &["doctor", "--set", "shared.kind=redis", "--set", url]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("hunter2"), "{said}");
        (output.status.code(), said)
    }

    #[test]
    fn a_real_redis_is_judged_by_its_memory_and_eviction() {
        let dir = tempfile::tempdir().unwrap();
        let well = ["--maxmemory", "1gb", "--maxmemory-policy", "volatile-lru"];
        let Some(redis) = Redis::start(dir.path(), &well) else { return skipped("no redis-server", "redis") };
        let (code, said) = doctor(dir.path(), &redis.url(PASSWORD));
        assert_eq!(code, Some(0), "{said}");
        for what in ["version", "role", "memory", "eviction", "clock"] {
            assert!(line(&said, "redis", what).starts_with("ok "), "{said}");
        }
        assert!(line(&said, "redis", "round trip").contains("of 11"), "{said}");
        let (code, said) = doctor(dir.path(), &redis.url("hunter2-is-wrong"));
        assert_eq!(code, Some(1), "{said}");
        assert!(line(&said, "redis", "connection").starts_with("failure"), "{said}");

        let refusing = Redis::start(dir.path(), &["--maxmemory", "1gb"]).unwrap();
        let (code, said) = doctor(dir.path(), &refusing.url(PASSWORD));
        assert!(code == Some(1) && line(&said, "redis", "eviction").starts_with("failure"), "{said}");
        assert!(said.contains("-> a full server refuses every write: set maxmemory-policy volatile-lru"), "{said}");

        let boundless = Redis::start(dir.path(), &[]).unwrap();
        let (code, said) = doctor(dir.path(), &boundless.url(PASSWORD));
        assert!(code == Some(0) && line(&said, "redis", "memory").starts_with("warning"), "{said}");
    }

    #[test]
    fn a_redis_that_is_away_or_silent_is_told_in_time() {
        let dir = tempfile::tempdir().unwrap();
        // Somebody listens, and never says a word.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let url = format!("shared.url=redis://:hunter2@127.0.0.1:{port}");
        let since = Instant::now();
        let (code, said) = doctor(dir.path(), &url);
        assert!(code == Some(1) && line(&said, "redis", "connection").starts_with("failure"), "{said}");
        drop(silent);
        let (code, said) = doctor(dir.path(), &url);
        assert!(code == Some(1) && said.contains("is shared.url right, the server up"), "{said}");
        assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    }

    #[test]
    fn a_real_pulsar_is_asked_for_its_delay_and_measured() {
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let found = (of("SMARTPULSE_TEST_PULSAR_URL"), of("SMARTPULSE_TEST_PULSAR_ADMIN_URL"));
        let (Some(url), Some(admin_url)) = found else {
            return skipped("no Pulsar (deploy/local/backends.sh start pulsar names one)", "pulsar-endpoint");
        };
        let dir = tempfile::tempdir().unwrap();
        let (url, admin_url) = (format!("bus.url={url}"), format!("bus.admin_url={admin_url}"));
        let output = command(dir.path(), &["doctor", "--set", "bus.kind=pulsar", "--set", &url, "--set", &admin_url]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{said}");
        assert_eq!(output.status.code(), Some(0), "{said}");
        for what in ["version", "health", "new entries", "clock"] {
            assert!(line(&said, "pulsar", what).starts_with("ok "), "{said}");
        }
        assert!(line(&said, "pulsar", "round trip").contains("of 11"), "{said}");
    }

    #[test]
    fn a_pulsar_that_is_away_is_told_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let (url, admin_url) =
            (format!("bus.url=pulsar://127.0.0.1:{port}"), format!("bus.admin_url=http://127.0.0.1:{port}"));
        let since = Instant::now();
        let token = "bus.token=hunter2-of-pulsar";
        let args = ["doctor", "--set", "bus.kind=pulsar", "--set", &url, "--set", &admin_url, "--set", token];
        let output = command(dir.path(), &args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && !said.contains("hunter2"), "{said}");
        assert!(line(&said, "pulsar", "admin API").starts_with("failure"), "{said}");
        assert!(line(&said, "pulsar", "round trip").starts_with("failure"), "{said}");
        assert!(since.elapsed() < Duration::from_secs(60), "{:?}", since.elapsed());
    }
}
