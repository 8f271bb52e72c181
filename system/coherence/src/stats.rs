//! Counters of one cache: a value to read, no registry.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! stats {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Counters since the cache was made.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct CacheStats {
            $($(#[$doc])* pub $field: u64,)+
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $field: AtomicU64,)+
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> CacheStats {
                CacheStats { $($field: self.$field.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

stats! {
    /// Reads answered by L1.
    hits_l1,
    /// Reads answered by L2.
    hits_l2,
    /// Reads answered by L3.
    hits_l3,
    /// Reads answered by L4, the source.
    hits_l4,
    /// Queries answered by the output cache.
    hits_output,
    /// Queries built.
    builds,
    /// Reads that joined a fill or a build which somebody else had started.
    joins,
    /// Calls of the loader.
    loads,
    /// Answers marked stale.
    stale,
    /// Fills and builds that were served but not stored.
    refused,
    /// Reads of the source repeated because the cache had learnt of something newer meanwhile.
    rereads,
    /// Values stored in the shared tier.
    shared_stored,
    /// Fills that the shared tier refused.
    shared_refused,
    /// Failures of the shared tier.
    shared_errors,
    /// Changes of the stream that were applied: floor, stamps, and the tracked document where there is one.
    changes_applied,
    /// Of those, tracked documents that were patched.
    patched,
    /// Changes of the stream that were known already.
    duplicates,
    /// Patches that did not fit the tracked document, which is fetched instead.
    pulls,
    /// Jumps of the stream's sequence.
    gaps,
    /// Repairs from the stream.
    replays,
    /// Repairs by comparing all tracked versions.
    resyncs,
    /// Documents fetched after a repair, before anybody asked for them.
    refetched,
    /// Documents that were to be fetched and were not, for want of room in the queue: the next reader does it.
    refetches_dropped,
    /// Heads received.
    heads,
    /// Heads that were refused: from too far in the future, or unreadable.
    heads_refused,
    /// Messages that cannot be read.
    unreadable,
    /// Subscriptions begun, the first one included.
    subscriptions,
    /// Times that the lease was lost.
    suspicions,
    /// Floors forgotten early, for want of room.
    floors_forgotten,
    /// Tag stamps forgotten early, for want of room.
    stamps_forgotten,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
