//! The answers kept for requests that may be repeated.

use bytes::Bytes;
use domain::ports::{IdempotencyKey, IdempotencyRecord};
use sqlx::{QueryBuilder, Row, Sqlite};

use crate::sqlite::database::Shared;
use crate::sqlite::row;

const READ: &str = "SELECT fingerprint, response, expires_at FROM idempotency \
                    WHERE caller = ? AND key = ? AND expires_at > ?";

pub(super) async fn read(shared: &Shared, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, sqlx::Error> {
    let found = sqlx::query(READ)
        .bind(row::blob(key.caller.0))
        .bind(&key.key)
        .bind(shared.clock.now().as_microsecond())
        .fetch_optional(&shared.readers)
        .await?;
    let Some(found) = found else { return Ok(None) };
    let fingerprint: &[u8] = found.try_get_unchecked(0)?;
    let response: Vec<u8> = found.try_get_unchecked(1)?;
    Ok(Some(IdempotencyRecord {
        key: key.clone(),
        // The schema checks the length.
        fingerprint: fingerprint.try_into().map(u128::from_be_bytes).unwrap_or_default(),
        response: Bytes::from(response),
        expires_at: row::time(found.try_get_unchecked(2)?)?,
    }))
}

/// Appends the statement that keeps `record`; whether the key is free was checked in the same transaction.
pub(super) fn push_insert(sql: &mut QueryBuilder<Sqlite>, record: &IdempotencyRecord) {
    sql.push("INSERT INTO idempotency (caller, key, fingerprint, response, expires_at) VALUES (")
        .push_bind(row::blob(record.key.caller.0))
        .push(", ")
        .push_bind(record.key.key.clone())
        .push(", ")
        .push_bind(record.fingerprint.to_be_bytes().to_vec())
        .push(", ")
        .push_bind(record.response.to_vec())
        .push(", ")
        .push_bind(record.expires_at.as_microsecond())
        .push(
            ") ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint, \
             response = excluded.response, expires_at = excluded.expires_at; ",
        );
}
