//! The last documents that a publisher sent: what the next patches are made against.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::key::Key;
use crate::version::Version;

#[derive(Debug)]
struct Base {
    version: Version,
    document: Value,
    bytes: usize,
    serial: u64,
}

/// A bounded map of documents; the one that was put longest ago goes first. Without a base the whole document is sent.
#[derive(Debug)]
pub(super) struct Bases {
    documents: BTreeMap<Key, Base>,
    queue: VecDeque<(u64, Key)>,
    bytes: usize,
    bytes_max: usize,
    serial: u64,
}

impl Bases {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { documents: BTreeMap::new(), queue: VecDeque::new(), bytes: 0, bytes_max, serial: 0 }
    }

    /// The document that a patch to `version` may be made against.
    pub(super) fn below(&self, key: &Key, version: Version) -> Option<(Version, &Value)> {
        let base = self.documents.get(key.as_str())?;
        // Versions of different lives of the database have nothing to do with each other.
        let fits = base.version.incarnation == version.incarnation && base.version < version;
        fits.then_some((base.version, &base.document))
    }

    /// `text_bytes`: the length of the document's text, which its weight is estimated from.
    pub(super) fn put(&mut self, key: &Key, version: Version, document: Value, text_bytes: usize) {
        /// Parsed JSON takes a few times its text.
        const GROWTH: usize = 4;
        const OVERHEAD_BYTES: usize = 256;
        self.remove(key);
        self.serial += 1;
        let bytes = OVERHEAD_BYTES + key.as_str().len() + GROWTH * text_bytes;
        self.bytes += bytes;
        self.documents.insert(key.clone(), Base { version, document, bytes, serial: self.serial });
        self.queue.push_back((self.serial, key.clone()));
        while self.bytes > self.bytes_max || self.queue.len() > 2 * self.documents.len() + 16 {
            let Some((serial, oldest)) = self.queue.pop_front() else { return };
            match self.documents.get(oldest.as_str()) {
                Some(base) if base.serial != serial => {}
                Some(_) if self.bytes > self.bytes_max => self.remove(&oldest),
                Some(_) => self.queue.push_back((serial, oldest)),
                None => {}
            }
        }
    }

    pub(super) fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.documents.remove(key.as_str()) {
            self.bytes -= gone.bytes;
        }
    }

    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.documents.len(), self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_the_oldest_goes_first() {
        let mut bases = Bases::new(10_000);
        let key = |n: u64| Key::prefixed("k:", n);
        for n in 0..1_000 {
            bases.put(&key(n % 100), Version::new(1, n), Value::Null, 10);
        }
        let (held, bytes) = bases.sizes();
        assert!(bytes <= 10_000 && held > 20, "{held} {bytes}");
        assert!(bases.queue.len() <= 2 * held + 17);
        assert!(bases.below(&key(99), Version::new(1, 1_000)).is_some());
        assert!(bases.below(&key(0), Version::new(1, 1_000)).is_none());
        assert!(bases.below(&key(99), Version::new(2, 1)).is_none(), "another life of the database");
        assert!(bases.below(&key(99), Version::new(1, 999)).is_none(), "not below");
    }
}
