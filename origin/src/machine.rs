//! Which machine.

use std::fs;

use serde::{Deserialize, Serialize};

/// A machine on which something is measured (of the generator and, if it was spawned, of the server).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

fn unknown() -> String {
    "unknown".to_owned()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").ok();
    load.and_then(|text| text.split(' ').next().map(str::to_owned)).unwrap_or_else(unknown)
}

/// This one; what `/proc` does not tell is `unknown`, or 0.
pub fn machine() -> Machine {
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
