//! The program as its user meets it: what is wrong is said, with its exit code, and leaves no report.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use super::server::Server;

const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn loadgen(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("LOADGEN_SECRET", SECRET)
        .output()
        .unwrap()
}

/// Exit code and standard error.
fn refused(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let output = loadgen(dir, arguments);
    assert!(!dir.join("loadgen-out").exists(), "no report stands there: {arguments:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bad.toml"), "name = \"x\"\nkind = \"reads\"\nrates = 3\n").unwrap();
    let events = "name = \"x\"\nkind = \"mixed\"\npopulation = { size = 1 }\nmix = { event = 1 }\n\
                  stages = [{ seconds = 1, rate = 1 }]\n";
    fs::write(dir.path().join("events.toml"), events).unwrap();
    let stall = "name = \"x\"\nkind = \"mixed\"\npopulation = { size = 1 }\nmix = { get = 1 }\n\
                 stages = [{ seconds = 3, rate = 1 }]\nstall = { at_s = 1, seconds = 1 }\n";
    fs::write(dir.path().join("stall.toml"), stall).unwrap();
    for (arguments, said) in [
        (&["run", "bad.toml", "--spawn", "1"][..], "rates"),
        (&["run", "stall.toml", "--target", "http://127.0.0.1:1", "--company", COMPANY], "--outage-hook"),
        (&["run", "nowhere.toml"], "nowhere.toml"),
        (&["reads"], "--target"),
        (&["reads", "--target", "ftp://a", "--company", COMPANY], "http://"),
        (&["reads", "--target", "https://a", "--company", COMPANY, "--ca-file", "none.pem"], "none.pem"),
        (&["run", "events.toml", "--spawn", "1"], "kind notifications"),
        (&["reads", "--target", "http://127.0.0.1:1"], "--company"),
        (&["reads", "--target", "http://127.0.0.1:1", "--allow-writes"], "--company"),
        (&["reads", "--spawn", "1", "--target", "http://127.0.0.1:1"], "cannot be used with"),
        (&["reads", "--spawn", "1", "--rate=-5"], "rate"),
        (&["reads", "--spawn", "0", "--binary", "/bin/true"], "smartpulse"),
        (&["fly"], "unrecognized"),
        (&["compare", "a", "b"], "a"),
    ] {
        let (code, error) = refused(dir.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
    let short = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["reads", "--target", "http://127.0.0.1:1", "--company", COMPANY])
        .env_clear()
        .env("LOADGEN_SECRET", "short")
        .output()
        .unwrap();
    assert_eq!(short.status.code(), Some(2));
}

#[test]
fn a_target_that_cannot_be_measured_is_another_error() {
    let dir = tempfile::tempdir().unwrap();
    let refuses = Server::start("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    let healthy = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let not_http = Server::start("hello\r\n\r\n");
    for (port, said) in [
        (1, "127.0.0.1:1"),
        (refuses.address.port(), "not ready"),
        (healthy.address.port(), "X-Instance"),
        (not_http.address.port(), "head of the reply"),
    ] {
        let target = format!("http://127.0.0.1:{port}");
        let (code, error) = refused(dir.path(), &["reads", "--target", &target, "--company", COMPANY]);
        assert_eq!(code, 3, "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_wrong_token_is_told_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    // Ready, but the token is refused.
    let server = Server::start_with(|request| match request.starts_with("GET /health/ready") {
        true => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        false => "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nx-instance: i\r\n\r\n",
    });
    let target = format!("http://{}", server.address);
    let (code, error) = refused(dir.path(), &["reads", "--target", &target, "--company", COMPANY]);
    assert_eq!((code, error.contains("refuses the token")), (3, true), "{error}");
    assert_eq!(server.served(), 2, "the preflight alone");
}

#[test]
fn a_binary_with_planted_bugs_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let fake = dir.path().join("smartpulse");
    fs::write(&fake, "#!/bin/sh\necho 'smartpulse 0.1.0 (planted bugs: not for use)'\n").unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let (code, error) = refused(dir.path(), &["reads", "--spawn", "1", "--binary", fake.to_str().unwrap()]);
    assert_eq!((code, error.contains("planted bugs")), (2, true), "{error}");
    // One that ends at once: its last lines are shown.
    fs::write(
        &fake,
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'smartpulse 0.1.0' && exit\necho 'no disk' >&2\nexit 7\n",
    )
    .unwrap();
    let (code, error) = refused(dir.path(), &["reads", "--spawn", "1", "--binary", fake.to_str().unwrap()]);
    assert_eq!((code, error.contains("no disk")), (3, true), "{error}");
}

#[test]
fn what_the_tiers_must_answer_is_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let expect = || loadgen(dir.path(), &["expect", "reads", "--rate", "200", "--population", "2000"]);
    let output = expect();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("simulated"));
    let schema = loadgen(dir.path(), &["schema"]);
    assert!(String::from_utf8_lossy(&schema.stdout).contains("\"schemaVersion\""));
}
