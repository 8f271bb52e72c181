//! A change of the stream is applied to the tiers: floor and stamps first, then the tracked document.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use crate::cache::Cache;
use crate::core::{FOREVER, Reason, after};
use crate::document::{Document, Render};
use crate::event::CacheEvent;
use crate::flight::Departure;
use crate::history::Mutation;
use crate::key::Key;
use crate::mutant;
use crate::stats::count;
use crate::stream::{ChangeMessage, apply, document_hash};
use crate::tiers::Entry;
use crate::version::Version;

/// How long an absence that the stream told is tracked.
const ABSENCE_TRACKED: std::time::Duration = std::time::Duration::from_secs(5);

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The tracked document is at the new version.
    Patched,
    /// The tiers hold this version, or a later one, already.
    Known,
    /// Nobody here tracks it.
    Untracked,
    /// It does not fit the tracked document, which went: fetch it.
    Pull,
}

impl<R: Render> Cache<R> {
    /// Applies one change. Whatever becomes of the document, no tier answers less than its version afterwards, and every
    /// query that could show it is outdated.
    pub(crate) fn apply(&self, key: &Key, message: &ChangeMessage) -> Applied {
        let core = &self.inner.core;
        let version = message.version(core.incarnation());
        core.observe(version.incarnation);
        let departure = core.depart();
        let news = core.raise(key, version, Reason::Changed, false);
        if message.sequence.is_some() {
            // L3 was written before the message was: it holds nothing below.
            core.floors.settle(key, version);
        }
        core.evict_tags(&message.cache_tags(), core.next_ordinal());
        if !message.tags_complete && !mutant!(ListStampNotRaised) {
            core.evict_queries();
        }
        let applied = self.patch(key, version, departure, message);
        count(&core.counters.changes_applied);
        match applied {
            Applied::Patched => {
                count(&core.counters.patched);
                core.note(key, Mutation::Patched { version });
            }
            Applied::Known => count(&core.counters.duplicates),
            Applied::Untracked => {}
            Applied::Pull => {
                count(&core.counters.pulls);
                core.note(key, Mutation::Pulled { version });
                // It is below its floor, so nobody sees it; as a base it is of no use either.
                core.l2.remove_if(key, |entry| entry.version < version);
            }
        }
        core.reached.notify_waiters();
        if news {
            core.emit(CacheEvent::DataChanged { key: key.clone(), version: Some(version) });
        }
        applied
    }

    fn patch(&self, key: &Key, version: Version, departure: Departure, message: &ChangeMessage) -> Applied {
        let core = &self.inner.core;
        let Some(held) = core.l2.get(key.as_str()) else { return Applied::Untracked };
        if held.version == version || (held.version > version && !mutant!(ApplyOlderVersion)) {
            return Applied::Known;
        }
        let needs = message.base_version_id.map(|id| Version { incarnation: version.incarnation, id });
        let fits = needs.is_none_or(|base| base == held.version) || mutant!(PatchToWrongBase);
        if message.pull || !fits {
            return Applied::Pull;
        }
        let Some(body) = self.patched_body(key, held.value.body.as_ref(), needs.is_some(), message) else {
            return Applied::Pull;
        };
        let document = Document { version, body, tags: Arc::clone(&held.value.tags) };
        let now = Instant::now();
        let life = if document.is_absent() { ABSENCE_TRACKED } else { FOREVER };
        // A tag that was evicted since the document was read is not undone by a patch, which may be older than that.
        let (started, read_at) =
            if held.tags.is_empty() { (core.next_ordinal(), now) } else { (held.started, held.read_at) };
        let mut entry = Entry::new(document, version, started, read_at, after(now, life));
        entry.tags = Arc::clone(&held.tags);
        entry.absent = entry.value.is_absent();
        entry.weight = held.weight.max(u32::try_from(entry.value.weight_bytes()).unwrap_or(u32::MAX));
        // Its floor may be higher already: then it is unseen, and the base of the patch that is on its way.
        let put = core.patch_in(departure, || {
            core.l2
                .put_if(key, entry, |present| present.is_some_and(|present| std::ptr::eq(present, Arc::as_ptr(&held))))
        });
        match put {
            Some(true) => Applied::Patched,
            // Somebody was faster: a fill, a later change, a new generation. What is held is judged by its floor.
            _ => Applied::Known,
        }
    }

    /// The document's text after the patch; `None` where it does not come out as its writer says.
    fn patched_body(
        &self,
        key: &Key,
        held: Option<&Bytes>,
        needs_base: bool,
        message: &ChangeMessage,
    ) -> Option<Option<Bytes>> {
        let base = match held.filter(|_| needs_base) {
            Some(body) => Some(serde_json::from_slice::<Value>(body).ok()?),
            None => None,
        };
        // An end needs something to end; whatever is held will do.
        let ends =
            matches!(message.patch_items.as_slice(), [crate::stream::PatchItem::Remove { path }] if path.is_empty());
        if ends {
            return Some(None);
        }
        let after = apply(base.as_ref(), &message.patch_items).ok()??;
        let text = Bytes::from(serde_json::to_vec(&after).ok()?);
        let body = self.inner.render.normalise(key, text).ok()?;
        let as_told = message.document_hash.as_ref().is_none_or(|hash| *hash == document_hash(&body));
        (as_told || mutant!(PatchToWrongBase)).then_some(Some(body))
    }
}
