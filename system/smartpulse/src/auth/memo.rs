//! Tokens already verified. A signature costs 3 to 60 us, a look into this table 0.15.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::caller::Caller;
use super::claims::Validity;
use super::error::AuthError;

/// Room made at the start; the table grows from there to its bound.
const ENTRIES_EXPECTED: usize = 1_024;

/// Verified tokens by the seeded hash of their bytes; bounded.
#[derive(Debug)]
pub(super) struct Memo {
    entries: Cache<u128, Arc<Entry>, UnitWeighter, Passthrough>,
    seed: u64,
}

#[derive(Debug)]
struct Entry {
    token: Box<[u8]>,
    validity: Validity,
    key_epoch: u64,
    caller: Arc<Caller>,
}

impl Memo {
    pub(super) fn new(entries_max: u64, seed: u64) -> Self {
        let expected = usize::try_from(entries_max).unwrap_or(usize::MAX).min(ENTRIES_EXPECTED);
        // Not moka: its log of reads costs more than the rest of this lookup, and nothing here needs what it gives.
        let entries = Cache::with(expected, entries_max, UnitWeighter, Passthrough, DefaultLifecycle::default());
        Self { entries, seed }
    }

    /// The caller of a token seen before, if the keys are still those it was verified with. The hash only finds the
    /// entry; the whole token decides.
    pub(super) fn get(&self, token: &[u8], key_epoch: u64, now: i64) -> Option<Result<Arc<Caller>, AuthError>> {
        let hash = xxh3_128_with_seed(token, self.seed);
        let entry = self.entries.get(&hash)?;
        if entry.key_epoch != key_epoch || verify_slices_are_equal(&entry.token, token).is_err() {
            return None;
        }
        if let Err(error) = entry.validity.check(now) {
            if error == AuthError::Expired {
                self.entries.remove(&hash);
            }
            return Some(Err(error));
        }
        Some(Ok(Arc::clone(&entry.caller)))
    }

    pub(super) fn put(&self, token: &[u8], validity: Validity, key_epoch: u64, caller: Arc<Caller>) {
        let hash = xxh3_128_with_seed(token, self.seed);
        self.entries.insert(hash, Arc::new(Entry { token: token.into(), validity, key_epoch, caller }));
    }

    #[cfg(test)]
    fn len(&self) -> u64 {
        self.entries.weight()
    }
}

/// The keys are seeded hashes already.
#[derive(Debug, Clone, Copy)]
struct Passthrough;

impl BuildHasher for Passthrough {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(0)
    }
}

struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Identity, Scope};
    use domain::model::UserId;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn the_table_is_bounded() {
        let memo = Memo::new(10, 7);
        let validity: Validity = serde_json::from_value::<super::super::claims::Claims>(serde_json::json!({
            "sub": Uuid::nil(), "companies": "*", "exp": 100,
        }))
        .unwrap()
        .validity(0);
        let (user, roles) = (UserId(Uuid::nil()), BTreeSet::new());
        let identity = Identity { user, scope: Scope::All, roles, traceparent: None };
        let caller = Arc::new(Caller { identity, expires_at_unix_s: 100 });
        for n in 0..1000_u32 {
            memo.put(&n.to_le_bytes(), validity, 0, Arc::clone(&caller));
        }
        assert!(memo.len() <= 10, "{}", memo.len());
        memo.put(b"kept", validity, 0, Arc::clone(&caller));
        assert_eq!(memo.get(b"kept", 0, 99), Some(Ok(caller)));
        assert_eq!(memo.get(b"kept", 1, 99), None, "verified with keys that no longer count");
        assert_eq!(memo.get(b"kept", 0, 100), Some(Err(AuthError::Expired)));
    }
}
