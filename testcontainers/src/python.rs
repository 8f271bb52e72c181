//! Clients that others wrote, in Python: `.ci/parts-backends.sh` installs them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Absence;

/// Their name in `SMARTPULSE_REQUIRE`.
const NAME: &str = "python-clients";

/// A Python that has the clients of Redis and Pulsar.
#[derive(Debug, Clone)]
pub struct Python(PathBuf);

impl Python {
    /// Looks for it.
    ///
    /// # Errors
    /// It is not there: missing, or broken where it is required.
    pub fn find() -> Result<Self, Absence> {
        let cache = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/smartpulse-parts"));
        let parts = std::env::var_os("SMARTPULSE_PARTS").map(PathBuf::from).or_else(cache);
        let python = parts.map(|parts| parts.join("backends/bin/python")).filter(|python| python.exists());
        let required = std::env::var("SMARTPULSE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|name| name.trim() == NAME);
        python.map(Self).ok_or_else(|| {
            let reason = "the Python clients are not there: run `.ci/parts-backends.sh`".to_owned();
            if is_required { Absence::Broken(reason) } else { Absence::Missing(reason) }
        })
    }

    /// Starts a script; its input and output are pipes.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, script: &str, arguments: &[&str]) -> std::io::Result<Child> {
        let mut command = Command::new(&self.0);
        command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    }

    /// Runs a script with these lines as its input; answers with what it printed.
    ///
    /// # Errors
    /// It failed.
    pub fn run(&self, script: &str, arguments: &[&str], input: &[&str]) -> std::io::Result<String> {
        let mut child = self.start(script, arguments)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.join("\n").as_bytes())?;
        }
        let output = child.wait_with_output()?;
        match output.status.success() {
            true => String::from_utf8(output.stdout).map_err(std::io::Error::other),
            false => Err(std::io::Error::other(format!("{arguments:?}: {}", output.status))),
        }
    }
}
