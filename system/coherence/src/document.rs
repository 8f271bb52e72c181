//! A document: what the source holds for a key at one version.

use std::sync::Arc;

use bytes::Bytes;

use crate::key::{Key, Tag};
use crate::version::Version;

/// What the source (L4) holds for a key at one version; also the absence of the key, which is cached like any other
/// state and carries the tombstone's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The version at which the source held this.
    pub version: Version,
    /// The document as JSON text; `None` if the source has no such key.
    pub body: Option<Bytes>,
    /// Tags beside the key's own, by which the entry can be evicted.
    pub tags: Arc<[Tag]>,
}

impl Document {
    /// A document without extra tags.
    pub fn present(version: Version, body: impl Into<Bytes>) -> Self {
        Self { version, body: Some(body.into()), tags: Arc::from([]) }
    }

    /// The key does not exist; `version` is its tombstone's, or `(incarnation, 0)` if it never was.
    pub fn absent(version: Version) -> Self {
        Self { version, body: None, tags: Arc::from([]) }
    }

    /// The same with tags.
    #[must_use]
    pub fn with_tags(mut self, tags: impl Into<Arc<[Tag]>>) -> Self {
        self.tags = tags.into();
        self
    }

    /// Whether the source has no such key.
    pub fn is_absent(&self) -> bool {
        self.body.is_none()
    }

    /// About how many bytes of memory the document takes.
    pub fn weight_bytes(&self) -> usize {
        const OVERHEAD_BYTES: usize = 160;
        let tags: usize = self.tags.iter().map(|tag| tag.as_str().len() + 16).sum();
        OVERHEAD_BYTES + tags + self.body.as_ref().map_or(0, Bytes::len)
    }
}

/// Turns a document into what L1 holds: ready to send, so that a hit computes nothing.
pub trait Render: Send + Sync + 'static {
    /// The ready form. Clones must be cheap (share their content).
    type View: Clone + Send + Sync + 'static;

    /// Builds the ready form, once per fill.
    ///
    /// # Errors
    /// A text, if the document cannot be read; the read then fails with [`crate::ReadError::Corrupt`].
    fn render(&self, key: &Key, document: &Document) -> Result<Self::View, String>;

    /// About how many bytes of memory the ready form takes.
    fn weight_bytes(&self, view: &Self::View) -> usize;

    /// Gives a document that was patched the one form that the source's loader gives it (order of members, spelling of
    /// numbers), so that all instances hold the same bytes under one version. The default keeps it as it is: right where
    /// loaders write members in alphabetical order.
    ///
    /// # Errors
    /// A text, if the document cannot be read; it is then fetched instead.
    fn normalise(&self, key: &Key, body: Bytes) -> Result<Bytes, String> {
        let _ = key;
        Ok(body)
    }
}

/// The trivial form: L1 holds the document itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Render for Plain {
    type View = Document;

    fn render(&self, _key: &Key, document: &Document) -> Result<Document, String> {
        Ok(document.clone())
    }

    fn weight_bytes(&self, view: &Document) -> usize {
        view.weight_bytes()
    }
}
