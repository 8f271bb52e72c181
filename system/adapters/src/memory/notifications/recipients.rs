//! Preferences and directory.

use std::ops::Bound;

use async_trait::async_trait;
use domain::model::{CompanyId, UnitId, UserId};
use domain::notification::model::{Directory, Preference, UnitEntry, UserEntry};
use domain::ports::{NotificationStoreError, Recipient, Recipients};

use super::MemoryNotifications;

#[async_trait]
impl Recipients for MemoryNotifications {
    async fn preferences(&self, user: UserId) -> Result<Vec<Preference>, NotificationStoreError> {
        self.call("preferences", |tables, _| Ok(tables.preferences.get(&user).cloned().unwrap_or_default())).await
    }

    async fn set_preferences(
        &self,
        user: UserId,
        mut preferences: Vec<Preference>,
    ) -> Result<(), NotificationStoreError> {
        preferences.sort();
        self.call("set_preferences", |tables, _| {
            tables.preferences.insert(user, preferences);
            Ok(())
        })
        .await
    }

    async fn recipients(
        &self,
        company: CompanyId,
        unit: Option<UnitId>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Recipient>, NotificationStoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let of = |wanted: Option<UnitId>, preferences: &[Preference]| {
            let fits = |one: &&Preference| one.company_id == company && one.unit_id == wanted;
            preferences.iter().find(fits).map(|one| one.channels)
        };
        self.call("recipients", |tables, _| {
            let found = tables.preferences.range((start, Bound::Unbounded)).filter_map(|(user_id, preferences)| {
                let own = unit.and_then(|unit| of(Some(unit), preferences));
                let channels = own.or_else(|| of(None, preferences))?;
                Some(Recipient { user_id: *user_id, channels })
            });
            Ok(found.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
        })
        .await
    }

    async fn upsert_directory(
        &self,
        users: Vec<UserEntry>,
        units: Vec<UnitEntry>,
    ) -> Result<(), NotificationStoreError> {
        self.call("upsert_directory", |tables, _| {
            tables.users.extend(users.into_iter().map(|user| (user.id, user)));
            tables.units.extend(units.into_iter().map(|unit| (unit.id, unit.name)));
            Ok(())
        })
        .await
    }

    async fn directory(&self, users: &[UserId], unit: Option<UnitId>) -> Result<Directory, NotificationStoreError> {
        self.call("directory", |tables, _| {
            let found = users.iter().filter_map(|id| tables.users.get(id).map(|user| (*id, user.clone())));
            Ok(Directory { users: found.collect(), unit: unit.and_then(|unit| tables.units.get(&unit).cloned()) })
        })
        .await
    }
}
