//! Who is told of what, and who they are.

use async_trait::async_trait;

use super::NotificationStoreError;
use crate::model::{CompanyId, UnitId, UserId};
use crate::notification::model::{ChannelSet, Directory, Preference, UnitEntry, UserEntry};

/// Somebody with a preference for a company and unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub user_id: UserId,
    /// How; no channel: not at all.
    pub channels: ChannelSet,
}

/// Preferences and directory.
#[async_trait]
pub trait Recipients: Send + Sync + 'static {
    /// A user's preferences, ordered by company and unit; that for the whole company first.
    ///
    /// # Errors
    /// The store's.
    async fn preferences(&self, user: UserId) -> Result<Vec<Preference>, NotificationStoreError>;

    /// Puts these in the place of all of the user's preferences.
    ///
    /// # Errors
    /// The store's; they may have been written.
    async fn set_preferences(&self, user: UserId, preferences: Vec<Preference>) -> Result<(), NotificationStoreError>;

    /// Those with a preference for the company, or for this unit of it, ordered by their ids; those after `after`, at most
    /// `limit`. Of one with both, that for the unit counts.
    ///
    /// # Errors
    /// The store's.
    async fn recipients(
        &self,
        company: CompanyId,
        unit: Option<UnitId>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Recipient>, NotificationStoreError>;

    /// Writes these entries over those of the same ids. At most
    /// [`DIRECTORY_BATCH_MAX`](crate::notification::model::DIRECTORY_BATCH_MAX) of each.
    ///
    /// # Errors
    /// The store's; they may have been written.
    async fn upsert_directory(
        &self,
        users: Vec<UserEntry>,
        units: Vec<UnitEntry>,
    ) -> Result<(), NotificationStoreError>;

    /// The entries of these users and of this unit, as far as there are any.
    ///
    /// # Errors
    /// The store's.
    async fn directory(&self, users: &[UserId], unit: Option<UnitId>) -> Result<Directory, NotificationStoreError>;
}
