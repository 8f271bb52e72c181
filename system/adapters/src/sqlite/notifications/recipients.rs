//! Preferences and directory.

use async_trait::async_trait;
use domain::model::{CompanyId, UnitId, UserId};
use domain::notification::model::{ChannelSet, Directory, Preference, UnitEntry, UserEntry};
use domain::ports::{NotificationStoreError, Recipient, Recipients};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row};

use super::SqliteNotifications;
use super::columns::{address, name};
use super::handle::{failed, hex_list};
use crate::sqlite::row;

pub(super) const PREFERENCES: &str = "SELECT CompanyId, UnitId, Channels FROM NotificationPreferences \
                                      WHERE UserId = ?1 ORDER BY CompanyId, UnitId";

/// Of one user with both, the preference for the unit is the later one in the index: `max` takes its row.
pub(super) const RECIPIENTS: &str = "SELECT UserId, Channels, max(UnitId) FROM NotificationPreferences \
     WHERE CompanyId = ?1 AND UserId > ?2 AND UnitId IN (x'', ?3) GROUP BY UserId ORDER BY UserId LIMIT ?4";

pub(super) const USERS: &str = "SELECT u.UserId, u.Name, u.Address FROM json_each(?1) j \
                                CROSS JOIN UserDirectory u ON u.UserId = unhex(j.value)";

const UNIT: &str = "SELECT Name FROM UnitDirectory WHERE UnitId = ?1";

fn unit_blob(unit: Option<UnitId>) -> Vec<u8> {
    unit.map(|unit| row::blob(unit.0)).unwrap_or_default()
}

fn channels(found: &SqliteRow, column: usize) -> Result<ChannelSet, sqlx::Error> {
    let bits: i64 = found.try_get_unchecked(column)?;
    Ok(ChannelSet::from_bits(u8::try_from(bits).unwrap_or_default()))
}

fn preference(found: &SqliteRow) -> Result<Preference, sqlx::Error> {
    let unit: &[u8] = found.try_get_unchecked(1)?;
    Ok(Preference {
        company_id: CompanyId(row::id(found, 0)?),
        unit_id: if unit.is_empty() { None } else { Some(UnitId(row::id(found, 1)?)) },
        channels: channels(found, 2)?,
    })
}

fn user_entry(found: &SqliteRow) -> Result<UserEntry, sqlx::Error> {
    let to: Option<String> = found.try_get_unchecked(2)?;
    Ok(UserEntry {
        id: UserId(row::id(found, 0)?),
        name: name(found.try_get_unchecked(1)?)?,
        address: to.map(address).transpose()?,
    })
}

#[async_trait]
impl Recipients for SqliteNotifications {
    async fn preferences(&self, user: UserId) -> Result<Vec<Preference>, NotificationStoreError> {
        let query = sqlx::query(PREFERENCES).bind(row::blob(user.0));
        let rows = query.fetch_all(self.readers()).await.map_err(failed)?;
        rows.iter().map(preference).collect::<Result<_, _>>().map_err(failed)
    }

    async fn set_preferences(&self, user: UserId, preferences: Vec<Preference>) -> Result<(), NotificationStoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let mut sql = QueryBuilder::new("BEGIN IMMEDIATE; DELETE FROM NotificationPreferences WHERE UserId = ");
                sql.push_bind(row::blob(user.0)).push("; ");
                if !preferences.is_empty() {
                    sql.push("INSERT INTO NotificationPreferences (UserId, CompanyId, UnitId, Channels) ");
                    sql.push_values(&preferences, |mut columns, one| {
                        columns
                            .push_bind(row::blob(user.0))
                            .push_bind(row::blob(one.company_id.0))
                            .push_bind(unit_blob(one.unit_id))
                            .push_bind(i64::from(one.channels.bits()));
                    });
                    sql.push("; ");
                }
                sql.push("COMMIT");
                sql.build().persistent(false).execute(connection).await.map(drop).map_err(failed)
            })
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
        let query = sqlx::query(RECIPIENTS)
            .bind(row::blob(company.0))
            .bind(after.map(|after| row::blob(after.0)).unwrap_or_default())
            .bind(unit_blob(unit))
            .bind(i64::from(limit));
        let rows = query.fetch_all(self.readers()).await.map_err(failed)?;
        let recipient =
            |found: &SqliteRow| Ok(Recipient { user_id: UserId(row::id(found, 0)?), channels: channels(found, 1)? });
        rows.iter().map(recipient).collect::<Result<_, _>>().map_err(failed)
    }

    async fn upsert_directory(
        &self,
        users: Vec<UserEntry>,
        units: Vec<UnitEntry>,
    ) -> Result<(), NotificationStoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let mut sql = QueryBuilder::new("BEGIN IMMEDIATE; ");
                if !users.is_empty() {
                    sql.push("INSERT INTO UserDirectory (UserId, Name, Address) ");
                    sql.push_values(&users, |mut columns, user| {
                        columns
                            .push_bind(row::blob(user.id.0))
                            .push_bind(user.name.as_str().to_owned())
                            .push_bind(user.address.as_ref().map(|address| address.as_str().to_owned()));
                    });
                    sql.push(" ON CONFLICT (UserId) DO UPDATE SET Name = excluded.Name, Address = excluded.Address; ");
                }
                if !units.is_empty() {
                    sql.push("INSERT INTO UnitDirectory (UnitId, Name) ");
                    sql.push_values(&units, |mut columns, unit| {
                        columns.push_bind(row::blob(unit.id.0)).push_bind(unit.name.as_str().to_owned());
                    });
                    sql.push(" ON CONFLICT (UnitId) DO UPDATE SET Name = excluded.Name; ");
                }
                sql.push("COMMIT");
                sql.build().persistent(false).execute(connection).await.map(drop).map_err(failed)
            })
        })
        .await
    }

    async fn directory(&self, users: &[UserId], unit: Option<UnitId>) -> Result<Directory, NotificationStoreError> {
        let mut directory = Directory::default();
        if !users.is_empty() {
            let query = sqlx::query(USERS).bind(hex_list(users.iter().map(|user| user.0)));
            for found in query.fetch_all(self.readers()).await.map_err(failed)? {
                let entry = user_entry(&found).map_err(failed)?;
                directory.users.insert(entry.id, entry);
            }
        }
        if let Some(unit) = unit {
            let query = sqlx::query_scalar::<_, String>(UNIT).bind(row::blob(unit.0));
            let found = query.fetch_optional(self.readers()).await.map_err(failed)?;
            directory.unit = found.map(name).transpose().map_err(failed)?;
        }
        Ok(directory)
    }
}
