//! Preferences and directory.

use async_trait::async_trait;
use domain::model::{CompanyId, UnitId, UserId};
use domain::notification::model::{Directory, MailAddress, Name, Preference, UnitEntry, UserEntry};
use domain::ports::{NotificationStoreError, Recipient, Recipients};
use serde_json::{Value as Json, json};
use tiberius::Row;

use super::SqlServerNotifications;
use super::handle::failed;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json, id_list, value};
use crate::sqlserver::statement::{small_int, text, uuid, uuid_or_null};
use crate::sqlserver::statements::{
    NOTIFICATIONS_PREFERENCES, NOTIFICATIONS_RECIPIENTS, NOTIFICATIONS_SET_PREFERENCES, NOTIFICATIONS_UNIT,
    NOTIFICATIONS_UPSERT_DIRECTORY, NOTIFICATIONS_USERS,
};

fn preference(row: &Row) -> Result<Preference, SqlError> {
    let mut columns = Columns::of(row);
    Ok(Preference {
        company_id: CompanyId(columns.id()?),
        unit_id: columns.optional_id()?.map(UnitId),
        channels: columns.channels()?,
    })
}

fn user_entry(row: &Row) -> Result<UserEntry, SqlError> {
    let mut columns = Columns::of(row);
    Ok(UserEntry {
        id: UserId(columns.id()?),
        name: value(Name::new(columns.string()?))?,
        address: columns.optional_text()?.map(|to| value(MailAddress::new(to.to_owned()))).transpose()?,
    })
}

#[async_trait]
impl Recipients for SqlServerNotifications {
    async fn preferences(&self, user: UserId) -> Result<Vec<Preference>, NotificationStoreError> {
        let rows = self.shared.rows(&NOTIFICATIONS_PREFERENCES, [uuid(user.0)]).await.map_err(failed)?;
        rows.iter().map(preference).collect::<Result<_, _>>().map_err(failed)
    }

    async fn set_preferences(&self, user: UserId, preferences: Vec<Preference>) -> Result<(), NotificationStoreError> {
        let list = preferences.iter().map(|one| {
            json!({
                "company": id_json(one.company_id.0),
                "unit": one.unit_id.map(|unit| id_json(unit.0)),
                "channels": one.channels.bits(),
            })
        });
        let values = [uuid(user.0), text(Json::Array(list.collect()).to_string())];
        self.shared.rows(&NOTIFICATIONS_SET_PREFERENCES, values).await.map(drop).map_err(failed)
    }

    async fn recipients(
        &self,
        company: CompanyId,
        unit: Option<UnitId>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Recipient>, NotificationStoreError> {
        let values = [
            uuid(company.0),
            uuid_or_null(unit.map(|unit| unit.0)),
            uuid_or_null(after.map(|after| after.0)),
            small_int(limit),
        ];
        let rows = self.shared.rows(&NOTIFICATIONS_RECIPIENTS, values).await.map_err(failed)?;
        let recipient = |row: &Row| {
            let mut columns = Columns::of(row);
            Ok(Recipient { user_id: UserId(columns.id()?), channels: columns.channels()? })
        };
        rows.iter().map(recipient).collect::<Result<_, _>>().map_err(failed)
    }

    async fn upsert_directory(
        &self,
        users: Vec<UserEntry>,
        units: Vec<UnitEntry>,
    ) -> Result<(), NotificationStoreError> {
        let users = users.iter().map(|user| {
            json!({
                "id": id_json(user.id.0),
                "name": user.name.as_str(),
                "address": user.address.as_ref().map(|address| address.as_str()),
            })
        });
        let units = units.iter().map(|unit| json!({ "id": id_json(unit.id.0), "name": unit.name.as_str() }));
        let values = [text(Json::Array(users.collect()).to_string()), text(Json::Array(units.collect()).to_string())];
        self.shared.rows(&NOTIFICATIONS_UPSERT_DIRECTORY, values).await.map(drop).map_err(failed)
    }

    async fn directory(&self, users: &[UserId], unit: Option<UnitId>) -> Result<Directory, NotificationStoreError> {
        let mut directory = Directory::default();
        if !users.is_empty() {
            let list = text(id_list(users.iter().map(|user| user.0)));
            for row in self.shared.rows(&NOTIFICATIONS_USERS, [list]).await.map_err(failed)? {
                let entry = user_entry(&row).map_err(failed)?;
                directory.users.insert(entry.id, entry);
            }
        }
        if let Some(unit) = unit {
            let rows = self.shared.rows(&NOTIFICATIONS_UNIT, [uuid(unit.0)]).await.map_err(failed)?;
            let name = rows.first().map(|row| value(Name::new(Columns::of(row).string()?))).transpose();
            directory.unit = name.map_err(failed)?;
        }
        Ok(directory)
    }
}
