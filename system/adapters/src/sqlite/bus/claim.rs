//! Which process serves a durable subscription: the one that holds its lock file.
//!
//! A lock of the operating system, and not a lease row with an expiry: it ends in the moment its process dies, however
//! it dies, needs no clock, and an idle bus writes nothing. The database itself is guarded by locks of the same kind.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use domain::ports::Topic;

/// The right to serve a subscription; dropping it lets another process take over.
#[derive(Debug)]
pub(super) struct Claim {
    _lock: File,
}

/// Tries to take the right; `None` if another process (or another opening of the file) has it.
pub(super) fn claim(database: &Path, topic: Topic, name: &str) -> io::Result<Option<Claim>> {
    let folder = folder(database);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(file_name(topic, name));
    // Opening and locking without waiting takes microseconds: no thread of its own.
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Claim { _lock: lock })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn folder(database: &Path) -> PathBuf {
    let mut folder = database.as_os_str().to_owned();
    folder.push(".subscriptions");
    folder.into()
}

/// Readable, and one name for one subscription: what no file name may hold is written as `%` and its byte.
fn file_name(topic: Topic, name: &str) -> String {
    let mut file = String::new();
    for byte in format!("{topic}.{name}").bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => file.push(char::from(byte)),
            // Writing to a String cannot fail. Capitals too: some file systems do not tell them apart.
            other => drop(write!(file, "%{other:02x}")),
        }
    }
    file.push_str(".lock");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_have_different_files() {
        let name = |name| file_name(Topic::CdcForecasts, name);
        assert_eq!(name("a/b"), "cdc%3aforecasts.a%2fb.lock");
        assert_ne!(name("A"), name("a"));
        assert_ne!(name("%41"), name("A"));
    }

    #[test]
    fn one_claim_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("db");
        let take = || claim(&database, Topic::CdcForecasts, "s").unwrap();
        let first = take().unwrap();
        assert!(take().is_none());
        drop(first);
        assert!(take().is_some());
    }
}
