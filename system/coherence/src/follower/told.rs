//! What listeners were told of each key. A tracker that takes over tells the last changes once more, under sequences of
//! their own: whoever follows must not hear of an older version after a newer one.

use std::collections::BTreeMap;

use crate::key::Key;
use crate::version::Version;

/// Of so many keys, and at most of as many again, it is remembered.
const KEYS_MAX: usize = 4_096;

/// The highest version of each key that was told lately.
#[derive(Debug, Default)]
pub(super) struct Told {
    recent: BTreeMap<Key, Version>,
    before: BTreeMap<Key, Version>,
}

impl Told {
    /// Whether `version` is news to listeners; it is told then.
    pub(super) fn is_news(&mut self, key: &Key, version: Version) -> bool {
        let known = self.recent.get(key).or_else(|| self.before.get(key));
        if known.is_some_and(|known| version <= *known) {
            return false;
        }
        if self.recent.len() >= KEYS_MAX && !self.recent.contains_key(key) {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key.clone(), version);
        true
    }

    /// Listeners load anew: whatever comes now is news.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
        self.before.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Key {
        Key::new(format!("row:{n}")).unwrap()
    }

    #[test]
    fn what_was_told_or_is_older_is_no_news() {
        let mut told = Told::default();
        assert!(told.is_news(&key(1), Version::new(1, 24)));
        assert!(told.is_news(&key(1), Version::new(1, 25)));
        assert!(!told.is_news(&key(1), Version::new(1, 24)), "told again by the next tracker");
        assert!(!told.is_news(&key(1), Version::new(1, 25)));
        assert!(told.is_news(&key(2), Version::new(1, 24)), "another one");
        assert!(told.is_news(&key(1), Version::new(2, 1)), "another life");
        told.forget();
        assert!(told.is_news(&key(1), Version::new(1, 25)));
    }

    #[test]
    fn it_grows_up_to_its_bound() {
        let mut told = Told::default();
        for n in 0..3 * KEYS_MAX {
            assert!(told.is_news(&key(n), Version::new(1, 2)));
        }
        assert!(told.recent.len() + told.before.len() <= 2 * KEYS_MAX);
        assert!(!told.is_news(&key(3 * KEYS_MAX - 1), Version::new(1, 1)));
    }
}
