//! The port.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use coherence::WallClock;
use domain::ports::{MailError, MailReceipt, MailSession, MailTransport, OutgoingMail};

use super::folder::{Bounds, Folder};
use crate::mime::{Sender, compose};

/// Settings of the outbox. [`OutboxFilesConfig::new`] gives the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxFilesConfig {
    /// The folder; it is made if it is not there.
    pub folder: PathBuf,
    /// How many mails it holds. Of more, the oldest are removed, a tenth of the folder at a time.
    pub mails_max: usize,
    /// How many bytes they may have together, likewise. The newest mail stays, however large.
    pub bytes_max: u64,
}

impl OutboxFilesConfig {
    /// The defaults: 1,000 mails, 256 MiB.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), mails_max: 1_000, bytes_max: 256 << 20 }
    }
}

/// The folder cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the outbox {folder} cannot be used")]
pub struct OutboxFilesError {
    /// Where it should be.
    pub folder: PathBuf,
    /// Why.
    #[source]
    pub source: Arc<std::io::Error>,
}

/// Mails as files.
#[derive(Clone)]
pub struct OutboxFiles {
    folder: Arc<Folder>,
    sender: Sender,
    clock: Arc<dyn WallClock>,
}

impl OutboxFiles {
    /// Opens the folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(
        config: OutboxFilesConfig,
        sender: Sender,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self, OutboxFilesError> {
        let bounds = Bounds { mails_max: config.mails_max, bytes_max: config.bytes_max };
        let folder = Folder::open(config.folder.clone(), bounds);
        let folder = folder.map_err(|error| OutboxFilesError { folder: config.folder, source: Arc::new(error) })?;
        Ok(Self { folder: Arc::new(folder), sender, clock })
    }
}

#[async_trait]
impl MailTransport for OutboxFiles {
    async fn connect(&self) -> Result<Box<dyn MailSession>, MailError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl MailSession for OutboxFiles {
    async fn send(&mut self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        let now = self.clock.now();
        let composed = compose(mail, &self.sender, now).await?;
        let (folder, id) = (Arc::clone(&self.folder), mail.message_id.clone());
        let written = tokio::task::spawn_blocking(move || folder.put(now, &id, &composed.bytes)).await;
        match written {
            Ok(Ok(name)) => Ok(MailReceipt { answer: name }),
            // A file that is not whole has no name. (If only the folder could not be put on disk, a second copy comes.)
            Ok(Err(error)) => Err(MailError::Unreachable(Some(Arc::new(error)))),
            // The process is ending, or the task panicked: the file may be there.
            Err(_) => Err(MailError::Unknown),
        }
    }

    fn is_over(&self) -> bool {
        false
    }

    async fn quit(self: Box<Self>) {}
}
