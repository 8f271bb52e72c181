//! Which versions were announced as changes: `DataChanged` fires once for each key and version, whichever road comes
//! first.
//!
//! Floors cannot tell: they live 15 s, and a road may be slower than that, or repeat itself. When an entry must be
//! forgotten for want of room, a late repetition is announced again: rather twice than never.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::key::Key;
use crate::mutant;
use crate::version::Version;

#[derive(Debug, Default)]
struct Table {
    versions: BTreeMap<Key, Version>,
    queue: VecDeque<Key>,
}

/// The bounded memory of announcements.
#[derive(Debug)]
pub(crate) struct Announced {
    table: Mutex<Table>,
    max: usize,
}

impl Announced {
    pub(crate) fn new(max: usize) -> Self {
        Self { table: Mutex::default(), max: max.max(1) }
    }

    /// Whether this version of `key`, or a later one, was announced; of what was forgotten it is not known.
    pub(crate) fn knows(&self, key: &Key, version: Version) -> bool {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.versions.get(key.as_str()).is_some_and(|announced| *announced >= version)
    }

    /// Whether this is news.
    pub(crate) fn announce(&self, key: &Key, version: Version) -> bool {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(announced) = table.versions.get_mut(key.as_str()) {
            let news = version > *announced || mutant!(AnnouncedTwice);
            *announced = version.max(*announced);
            return news;
        }
        table.versions.insert(key.clone(), version);
        table.queue.push_back(key.clone());
        if table.queue.len() > self.max
            && let Some(oldest) = table.queue.pop_front()
        {
            table.versions.remove(oldest.as_str());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_news_once_and_memory_is_bounded() {
        let announced = Announced::new(2);
        let key = |n: u64| Key::prefixed("k", n);
        assert!(!announced.knows(&key(1), Version::new(1, 5)));
        assert!(announced.announce(&key(1), Version::new(1, 5)));
        assert!(announced.knows(&key(1), Version::new(1, 5)) && announced.knows(&key(1), Version::new(1, 4)));
        assert!(!announced.knows(&key(1), Version::new(1, 6)));
        assert!(!announced.announce(&key(1), Version::new(1, 5)));
        assert!(!announced.announce(&key(1), Version::new(1, 4)), "the late message of an older version");
        assert!(announced.announce(&key(1), Version::new(1, 6)));
        assert!(announced.announce(&key(2), Version::new(1, 1)) && announced.announce(&key(3), Version::new(1, 1)));
        assert!(announced.announce(&key(1), Version::new(1, 6)), "forgotten: rather twice than never");
    }
}
