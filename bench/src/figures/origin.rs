//! Where and when something is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::types::Machine;

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// The last commit that changed something other than reports and texts (`*.md`), with `+` where such a thing is not committed;
/// nothing outside a repository. A report is of this code if it has the same.
pub fn git_ref() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root()).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["log", "-1", "--format=%H", "--", ".", ":!reports", ":!*.md"])?;
    let dirty = git(&["status", "--porcelain", "--", ".", ":!reports", ":!*.md"]).is_some_and(|text| !text.is_empty());
    let commit = commit.get(..12)?;
    Some(if dirty { format!("{commit}+") } else { commit.to_owned() })
}

/// Now (RFC 3339, to the second).
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

/// The load of one minute.
pub fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").ok();
    load.and_then(|text| text.split(' ').next().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// This machine.
pub fn machine() -> Machine {
    let unknown = || "unknown".to_owned();
    let kib = field("/proc/meminfo", "MemTotal").and_then(|text| text.strip_suffix(" kB")?.trim().parse::<u64>().ok());
    Machine {
        cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
        cpus: std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
        memory_bytes: kib.unwrap_or(0) * 1_024,
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
        load_before: load_average(),
    }
}
