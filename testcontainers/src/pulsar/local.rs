//! A local process.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::broker::START_MAX;
use super::{Admin, Broker, VERSION};
use crate::{Absence, LocalProcess, free_port};

const HOME: &str = "PULSAR_HOME";
const BACKENDS: &str = "SMARTPULSE_BACKENDS";
/// Another program may take a port between our look and the broker's start.
const STARTS_MAX: u32 = 3;

/// Where the distribution is: `PULSAR_HOME`, or where `deploy/local/backends.sh` unpacks it.
///
/// # Errors
/// Nowhere.
pub fn folder() -> Result<PathBuf, Absence> {
    if let Some(home) = std::env::var_os(HOME).map(PathBuf::from) {
        return match home.join("bin/pulsar").exists() {
            true => Ok(home),
            false => Err(Absence::Broken(format!("{HOME} is {}, which has no bin/pulsar", home.display()))),
        };
    }
    let cache = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/smartpulse-backends"));
    let unpacked = std::env::var_os(BACKENDS).map(PathBuf::from).or_else(cache);
    let unpacked = unpacked.map(|backends| backends.join(format!("apache-pulsar-{VERSION}")));
    unpacked.filter(|home| home.join("bin/pulsar").exists()).ok_or_else(|| {
        Absence::Missing(format!("{HOME} is not set, and `deploy/local/backends.sh install` did not run"))
    })
}

pub(super) fn find() -> Result<Broker, Absence> {
    Broker::local(LocalBroker::start(&folder()?)?)
}

/// The settings that differ from the distribution's `standalone.conf`.
pub(super) fn settings(broker_port: u16, admin_port: u16, bind: &str) -> Vec<(&'static str, String)> {
    let numbers: [(&'static str, String); 2] =
        [("brokerServicePort", broker_port.to_string()), ("webServicePort", admin_port.to_string())];
    let words = [
        ("bindAddress", bind),
        ("advertisedAddress", "127.0.0.1"),
        // 10 by default, which every message to a caught-up subscription waits.
        ("managedLedgerNewEntriesCheckDelayInMillis", "0"),
        ("webSocketServiceEnabled", "false"),
        ("transactionCoordinatorEnabled", "false"),
        ("brokerDeleteInactiveTopicsEnabled", "false"),
        ("numIOThreads", "2"),
        ("numHttpServerThreads", "8"),
    ];
    let words = words.into_iter().map(|(key, value)| (key, value.to_owned()));
    numbers.into_iter().chain(words).collect()
}

/// A broker of our own on 127.0.0.1, with its data in a folder that ends with it. (The bookie inside it also opens a random
/// port on all interfaces, whatever it is told.)
pub struct LocalBroker {
    // Ends before its folder.
    process: LocalProcess,
    home: PathBuf,
    data: TempDir,
    broker_port: u16,
    admin_port: u16,
}

impl LocalBroker {
    fn start(home: &Path) -> Result<Self, Absence> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::start_once(home) {
                Err(Absence::Broken(reason)) if tries < STARTS_MAX && reason.contains("in use") => {}
                started => return started,
            }
        }
    }

    fn start_once(home: &Path) -> Result<Self, Absence> {
        let broken = |error: std::io::Error| Absence::Broken(format!("no broker: {error}"));
        let data = tempfile::tempdir().map_err(broken)?;
        let (broker_port, admin_port) = (free_port().map_err(broken)?, free_port().map_err(broken)?);
        let mut conf = std::fs::read_to_string(home.join("conf/standalone.conf")).map_err(broken)?;
        for (key, value) in settings(broker_port, admin_port, "127.0.0.1") {
            conf = set(&conf, key, &value);
        }
        std::fs::write(data.path().join("standalone.conf"), conf).map_err(broken)?;
        let process = spawn(home, data.path())?;
        let mut broker = Self { process, home: home.to_owned(), data, broker_port, admin_port };
        broker.wait()?;
        Ok(broker)
    }

    fn wait(&mut self) -> Result<(), Absence> {
        let admin = Admin::new(self.admin_url())?;
        self.process.wait_until(START_MAX, || admin.is_healthy())
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("pulsar://127.0.0.1:{}", self.broker_port)
    }

    /// Its admin API.
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin_port)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on its ports and its data; waits until it is healthy.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<(), Absence> {
        self.process = spawn(&self.home, self.data.path())?;
        self.wait()
    }

    /// `SIGSTOP`.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// `SIGCONT`.
    pub fn thaw(&self) {
        self.process.thaw();
    }
}

/// `bin/pulsar` becomes the JVM, so the process that is started is the broker.
fn spawn(home: &Path, data: &Path) -> Result<LocalProcess, Absence> {
    let mut command = Command::new(home.join("bin/pulsar"));
    command
        .args(["standalone", "-nfw", "-nss", "-a", "127.0.0.1", "--metadata-dir"])
        .arg(data.join("metadata"))
        .arg("--bookkeeper-dir")
        .arg(data.join("bookkeeper"))
        .current_dir(data)
        .env("PULSAR_STANDALONE_CONF", data.join("standalone.conf"))
        .env("PULSAR_LOG_DIR", data.join("logs"))
        .env("PULSAR_LOG_APPENDER", "Console")
        .env("PULSAR_MEM", "-Xms256m -Xmx768m -XX:MaxDirectMemorySize=768m")
        .env("PULSAR_GC", "-XX:+UseG1GC");
    LocalProcess::start(&mut command, &data.join("broker.log"))
}

fn set(conf: &str, key: &str, value: &str) -> String {
    let line = format!("{key}={value}");
    let is_it = |candidate: &str| candidate.split_once('=').is_some_and(|(name, _)| name == key);
    match conf.lines().any(is_it) {
        true => conf.lines().map(|each| if is_it(each) { line.as_str() } else { each }).collect::<Vec<_>>().join("\n"),
        false => format!("{conf}\n{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_replaced_or_added() {
        assert_eq!(set("a=1\n# ab=2\nab=3", "ab", "4"), "a=1\n# ab=2\nab=4");
        assert_eq!(set("a=1", "b", "2"), "a=1\nb=2\n");
    }
}
