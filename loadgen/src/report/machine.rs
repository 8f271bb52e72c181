//! Where a run was made.

use std::fs;
use std::process::Command;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine of the generator (and, if it was spawned, of the server).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// How many the program may use.
    pub cpus: u64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// The kernel.
    pub kernel: String,
    /// Programs that waited for a processor at the start: the load of one minute. On a machine of one's own it is near 0.
    pub load_before: String,
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// This one.
pub fn machine() -> Machine {
    let unknown = || "unknown".to_owned();
    let kib = field("/proc/meminfo", "MemTotal").and_then(|text| text.strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let load = fs::read_to_string("/proc/loadavg").ok();
    Machine {
        cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
        cpus: std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
        memory_bytes: kib.unwrap_or(0) * 1024,
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
            .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
        load_before: load.and_then(|text| text.split(' ').next().map(str::to_owned)).unwrap_or_else(unknown),
    }
}

/// The last commit of the working directory's repository that changed something other than `reports/` and texts (`*.md`), with
/// `+` where such a thing is not committed (reports are what is being written); nothing outside a repository.
pub fn git_ref() -> Option<String> {
    const CODE: [&str; 4] = ["--", ":(top)", ":(top,exclude)reports", ":(top,exclude)*.md"];
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).args(CODE).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["log", "-1", "--format=%H"])?;
    let commit = commit.get(..12)?;
    let dirty = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    Some(if dirty { format!("{commit}+") } else { commit.to_owned() })
}
