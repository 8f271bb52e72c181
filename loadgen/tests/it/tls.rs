//! A target behind TLS.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use loadgen::report::read;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::run::{FORECAST, SCENARIO, route};
use super::server::Server;

const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";

/// A server of one forecast, and its certificate in a file.
fn server(dir: &Path) -> Server {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    fs::write(dir.join("ca.pem"), certified.cert.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    Server::start_tls(Arc::new(config), |request| route(request, FORECAST))
}

fn run(dir: &Path, server: &Server, further: &[&str]) -> Output {
    fs::write(dir.join("small.toml"), SCENARIO).unwrap();
    let target = format!("https://{}", server.address);
    Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["run", "small.toml", "--target", &target, "--company", COMPANY, "--out", "out"])
        .args(further)
        .current_dir(dir)
        .env_clear()
        .env("LOADGEN_TOKEN", "secret-token")
        .output()
        .unwrap()
}

#[test]
fn a_target_behind_tls_is_measured_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let output = run(dir.path(), &server, &["--ca-file", "ca.pem"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = read(&dir.path().join("out")).unwrap();
    assert_eq!((report.whole_sent, report.done, report.errors.total), (600, 500, 0));
    assert!(report.targets[0].starts_with("https://"), "{:?}", report.targets);
    assert_eq!(server.served(), 600 + 3);
}

#[test]
fn a_certificate_that_nobody_trusts_is_an_error_of_the_target() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path());
    let output = run(dir.path(), &server, &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), dir.path().join("out").exists()), (Some(3), false), "{error}");
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(server.served(), 0, "nothing was asked");
    let output = run(dir.path(), &server, &["--ca-file", "nowhere.pem"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
