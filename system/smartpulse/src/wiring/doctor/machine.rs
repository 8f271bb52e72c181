//! What of the machine a service needs.

use crate::config::{Config, Profile};
use crate::doctor::{Finding, Verdict};

const BACKEND: &str = "machine";
/// What a process has open besides its clients: connections to backends, files.
const FILES_BESIDE: u64 = 512;

/// Looks at this machine.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut found = vec![Finding::ok(BACKEND, "profile", config.profile.as_str())];
    if let Some(limit) = std::fs::read_to_string("/proc/self/limits").ok().and_then(|text| open_files(&text)) {
        let needed = (config.http.max_connections as u64).saturating_mul(2) + FILES_BESIDE;
        let advice = format!("raise it (ulimit -n, LimitNOFILE) to {needed}, or lower http.max_connections");
        let otherwise = (limit < needed).then_some((Verdict::Warning, advice.as_str()));
        found.push(Finding::judged(BACKEND, "open files", format!("{limit} at most"), otherwise));
    }
    if config.profile == Profile::Production {
        found.push(plaintext(config));
    }
    found
}

/// What travels in the clear between machines.
fn plaintext(config: &Config) -> Finding {
    let mut clear = Vec::new();
    if config.bus.url.starts_with("pulsar://") {
        clear.push("bus.url");
    }
    if config.bus.admin_url.starts_with("http://") {
        clear.push("bus.admin_url");
    }
    let shared = config.shared.url.as_ref().map(|url| url.expose().as_str()).unwrap_or_default();
    if shared.starts_with("redis://") || shared.starts_with("redis+cluster://") {
        clear.push("shared.url");
    }
    match clear.is_empty() {
        true => Finding::ok(BACKEND, "encryption", "bus and shared tier are reached by TLS"),
        false => Finding::warning(
            BACKEND,
            "encryption",
            format!("without TLS: {}", clear.join(", ")),
            "use pulsar+ssl://, https:// and rediss://, unless the network between them is trusted",
        ),
    }
}

/// The soft limit, of the line `Max open files  1024  4096  files`.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_soft_limit_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 4096                 files\n";
        assert_eq!(super::open_files(limits), Some(1024));
        assert_eq!(super::open_files("Max open files  unlimited  unlimited  files"), Some(u64::MAX));
        assert_eq!(super::open_files(""), None);
    }
}
