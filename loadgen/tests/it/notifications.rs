//! Nothing is sent to real people.

use std::path::Path;
use std::process::{Command, Output};

use super::server::Server;

const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";
const READY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"degraded\":[]}";
const SINKS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 28\r\n\r\n{\"degraded\":[],\"sinks\":true}";
const NO_SINKS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n{\"degraded\":[],\"sinks\":false}";
const LIST: &str = "HTTP/1.1 200 OK\r\ncontent-length: 22\r\nx-instance: i\r\n\r\n{\"total\":0,\"items\":[]}";
const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-instance: i\r\n\r\n";

fn api(request: &str) -> &'static str {
    if request.starts_with("GET /health") { READY } else { LIST }
}

fn notifications(dir: &Path, api: &Server, notifying: Option<&Server>, writes: bool) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["notifications", "--company", COMPANY, "--target", &format!("http://{}", api.address)]);
    if let Some(notifying) = notifying {
        command.args(["--notifications", &format!("http://{}", notifying.address)]);
    }
    if writes {
        command.arg("--allow-writes");
    }
    command.current_dir(dir).env_clear().env("LOADGEN_SECRET", "0123456789abcdef0123456789abcdef").output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_server_that_does_not_say_that_it_sends_to_sinks_is_sent_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let api = Server::start_with(api);
    for reply in [READY, NO_SINKS, "HTTP/1.1 503 No\r\ncontent-length: 14\r\n\r\n{\"sinks\":true}"] {
        let notifying = Server::start(reply);
        let (code, error) = said(&notifications(dir.path(), &api, Some(&notifying), true));
        assert_eq!((code, error.contains("nothing is sent")), (Some(3), true), "{error}");
        assert_eq!(notifying.served(), 1, "its readiness alone was asked for");
    }
    // One that says so is asked for more: a device, which this one refuses.
    let notifying = Server::start_with(|request| if request.starts_with("GET /health") { SINKS } else { REFUSED });
    let (code, error) = said(&notifications(dir.path(), &api, Some(&notifying), true));
    assert_eq!((code, error.contains("allowed_private_origins")), (Some(3), true), "{error}");
    assert_eq!(notifying.served(), 2);
    let (code, error) = said(&notifications(dir.path(), &api, Some(&notifying), false));
    assert_eq!((code, error.contains("--allow-writes")), (Some(2), true), "{error}");
    let (code, error) = said(&notifications(dir.path(), &api, None, true));
    assert_eq!((code, error.contains("--notifications")), (Some(2), true), "{error}");
    assert!(!dir.path().join("loadgen-out").exists(), "no report stands there");
}
