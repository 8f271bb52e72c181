//! Finding the parts, and running them.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Says that a part is missing; fails where it is required.
fn missing(part: &str, reason: &str) {
    let required = std::env::var("SMARTPULSE_REQUIRE").unwrap_or_default();
    assert!(!required.split([',', ' ']).any(|name| name == part), "{part} is required: {reason}");
    eprintln!("SKIPPED: {part}: {reason} (.ci/parts-mail.sh installs it)");
}

/// The Python that has aiosmtpd.
pub(crate) fn python() -> Option<PathBuf> {
    let parts = match std::env::var_os("SMARTPULSE_PARTS") {
        Some(parts) => PathBuf::from(parts),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/smartpulse-parts"),
    };
    let python = parts.join("mail-python/bin/python");
    if python.exists() {
        return Some(python);
    }
    missing("aiosmtpd", &format!("there is no {}", python.display()));
    None
}

/// A program that runs until it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Running {
    /// Starts one that prints its port, and ends when its input does.
    pub(crate) fn printing_port(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().unwrap(), child }
    }
}

/// Starts smtp-sink on a free port, with these arguments. It gives up root's rights, if it has them, and can write into
/// `folder`.
pub(crate) fn smtp_sink(folder: &Path, arguments: &[&str]) -> Option<Running> {
    let Some(program) =
        ["/usr/sbin/smtp-sink", "/usr/local/sbin/smtp-sink"].into_iter().find(|path| Path::new(path).exists())
    else {
        missing("smtp-sink", "there is no /usr/sbin/smtp-sink");
        return None;
    };
    let mut command = Command::new(program);
    if is_root() {
        open_to_all(folder);
        command.args(["-u", "nobody"]);
    }
    // Nobody else takes the port in between: the kernel gives free ones in turn.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    command.args(arguments).arg(format!("127.0.0.1:{port}")).arg("100").current_dir(folder);
    let running = Running { child: command.spawn().unwrap(), port };
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "smtp-sink does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(running)
}

#[cfg(unix)]
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(unix)]
fn open_to_all(folder: &Path) {
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder, all).unwrap();
}

#[cfg(not(unix))]
fn open_to_all(_: &Path) {}
