//! What becomes of a document that was fetched: rendered, stored where nothing newer is known, and told to L3.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::cache::Inner;
use crate::core::{FOREVER, Reason, after};
use crate::document::{Document, Render};
use crate::error::ReadError;
use crate::event::CacheEvent;
use crate::fill::{Fetched, Filled};
use crate::flight::Departure;
use crate::history::Mutation;
use crate::key::Key;
use crate::options::{Freshness, ReadOptions};
use crate::shared::{FillOutcome, FillToken, SharedError, SharedValue};
use crate::stats::count;
use crate::tiers::Entry;
use crate::version::{StreamEpoch, Version};

impl<R: Render> Inner<R> {
    /// Renders what was fetched, raises the floor to it, since it is about to be shown, and stores it in L2 and L1 if
    /// nothing newer became known since its read began. Answers whether it was stored.
    pub(crate) fn keep(
        &self,
        key: &Key,
        departure: Departure,
        fetched: &Fetched,
        options: &ReadOptions,
    ) -> Result<(Filled<R::View>, bool), ReadError> {
        let document = &fetched.document;
        let view = self.render.render(key, document).map_err(ReadError::Corrupt)?;
        let (version, started) = (document.version, fetched.started);
        self.core.raise(key, version, Reason::Shown, false);
        let now = Instant::now();
        let ready = self.view_entry(&view, fetched, options, now);
        let tracked = self.document_entry(fetched, options);
        let stored = self.core.store_in(departure, || {
            if !tracked.is_expired(now) {
                self.core.track(key, tracked);
            }
            self.l1.put_if(key, ready, |held| {
                held.is_none_or(|held| held.version <= version) && self.core.floors.admits(key, version, started)
            })
        });
        let stored = stored.unwrap_or(false);
        if stored {
            self.core.note(key, Mutation::Filled { version, level: fetched.level });
        } else {
            count(&self.core.counters.refused);
            self.core.emit(CacheEvent::FillRefused { key: key.clone() });
        }
        Ok((fetched.filled(view), stored))
    }

    /// Fills L3. `miss` is the token left there, and the epoch in which it was left: a fill that spans a resync is none of
    /// the new epoch.
    pub(crate) async fn share(
        &self,
        key: &Key,
        miss: (FillToken, StreamEpoch),
        fetched: &Fetched,
        options: &ReadOptions,
    ) {
        let age = fetched.read_at.elapsed();
        let ttl = options.shared_ttl.min(self.core.config.shared_ttl_max).checked_sub(age);
        let (Some(body), Some(ttl)) = (&fetched.document.body, ttl) else { return };
        let (version, tags) = (fetched.document.version, Arc::clone(&fetched.document.tags));
        let (token, epoch) = miss;
        let value = SharedValue { version, body: body.clone(), tags, age, epoch };
        let filling = tokio::time::timeout(options.shared_timeout, self.shared.fill(key, token, value, ttl));
        match filling.await.unwrap_or(Err(SharedError::Timeout)) {
            Ok(FillOutcome::Stored) => {
                self.core.floors.settle(key, version);
                count(&self.core.counters.shared_stored);
            }
            Ok(FillOutcome::Refused) => count(&self.core.counters.shared_refused),
            Err(error) => self.note(key, Err(error)),
        }
    }

    /// Tells L3 that the key has reached `version`. Until it is told, the key's floor stays for as long as a value may live
    /// there.
    pub(crate) async fn raise_shared(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        let raising = tokio::time::timeout(self.core.config.shared_timeout, self.shared.raise(key, version));
        let raised = raising.await.unwrap_or(Err(SharedError::Timeout));
        if raised.is_ok() {
            self.core.floors.settle(key, version);
        }
        self.note(key, raised.clone());
        raised
    }

    /// Counts a failure of the shared tier; reads go on without it. A log that told each of them would be full of nothing
    /// else while it is away: the first one is a warning.
    pub(crate) fn note(&self, key: &Key, result: Result<(), SharedError>) {
        let fails = &self.core.shared_fails;
        let Err(error) = result else {
            if fails.swap(false, Ordering::Relaxed) {
                tracing::info!("the shared tier answers again");
            }
            return;
        };
        count(&self.core.counters.shared_errors);
        match fails.swap(true, Ordering::Relaxed) {
            false => {
                tracing::warn!(%key, %error, "shared tier failed; until it answers again, failures are only counted")
            }
            true => tracing::debug!(%key, %error, "shared tier failed"),
        }
        self.core.emit(CacheEvent::SharedTierFailed { key: key.clone(), error: error.to_string() });
    }

    pub(crate) fn view_entry(
        &self,
        view: &R::View,
        fetched: &Fetched,
        options: &ReadOptions,
        now: Instant,
    ) -> Entry<R::View> {
        let document = &fetched.document;
        let life = if document.is_absent() { options.negative_ttl } else { options.ttl };
        let expires = after(now, self.core.jittered(life, options));
        fetched.entry(view.clone(), expires, self.render.weight_bytes(view))
    }

    fn document_entry(&self, fetched: &Fetched, options: &ReadOptions) -> Entry<Document> {
        let document = &fetched.document;
        let life = match self.core.config.freshness {
            _ if document.is_absent() => options.negative_ttl,
            Freshness::TtlOnly { l2_ttl } => l2_ttl,
            // Valid while the lease holds.
            Freshness::Backplane | Freshness::EndToEnd => Duration::MAX,
        };
        let expires = after(fetched.read_at, self.core.jittered(life.min(FOREVER), options));
        fetched.entry(document.clone(), expires, document.weight_bytes())
    }
}

impl Fetched {
    fn entry<T>(&self, value: T, expires: Instant, weight_bytes: usize) -> Entry<T> {
        /// Key, entry and moka's own bookkeeping, about.
        const OVERHEAD_BYTES: usize = 320;
        let mut entry = Entry::new(value, self.document.version, self.started, self.read_at, expires);
        entry.tags = Arc::clone(&self.document.tags);
        entry.absent = self.document.is_absent();
        entry.weight = u32::try_from(weight_bytes + OVERHEAD_BYTES).unwrap_or(u32::MAX);
        entry
    }

    pub(crate) fn filled<V>(&self, view: V) -> Filled<V> {
        Filled {
            view,
            version: self.document.version,
            level: self.level,
            read_at: self.read_at,
            started: self.started,
            absent: self.document.is_absent(),
        }
    }
}
