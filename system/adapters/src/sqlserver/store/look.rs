//! What a commit finds before it writes, under the locks of its rows.

use coherence::VersionId;
use domain::model::{ForecastId, Placement};
use domain::ports::{StoreError, WriteSet};
use serde_json::{Value as Json, json};
use tiberius::Row;

use super::reads::key_json;
use crate::sqlserver::connection::{Session, Stop};
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json};
use crate::sqlserver::statement::{text, text_or_null, uuid_or_null};
use crate::sqlserver::statements::STORE_LOOK;

/// What stands under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    /// A row, at this version, filed there.
    Row(VersionId, Placement),
    /// A tombstone.
    Tombstone(VersionId),
    /// Nothing, and there never was.
    Nothing,
}

impl Present {
    const fn version(self) -> VersionId {
        match self {
            Self::Row(version, _) | Self::Tombstone(version) => version,
            Self::Nothing => VersionId(0),
        }
    }
}

/// Reads and locks what the set's rows meet, in the set's order, and refuses what stands against it.
pub(super) async fn look(session: &mut Session, set: &WriteSet) -> Result<Vec<Present>, Stop<StoreError>> {
    let wanted = set.rows.iter().enumerate().map(|(n, write)| {
        let mut wanted = match &write.after {
            Some(after) => key_json(&after.natural_key()),
            None => json!({}),
        };
        wanted["n"] = n.into();
        wanted["id"] = id_json(write.id.0);
        wanted
    });
    let key = set.idempotency.as_ref().map(|record| &record.key);
    let answers = session
        .answers(
            &STORE_LOOK,
            [
                text(Json::Array(wanted.collect()).to_string()),
                uuid_or_null(key.map(|key| key.caller.0)),
                text_or_null(key.map(|key| key.key.clone())),
            ],
        )
        .await?;
    let [meta, rows, tombstones, holders] = answers.as_slice() else {
        return Err(SqlError::Unreadable(format!("{} answers instead of 4", answers.len())).into());
    };
    let meta = meta.first().ok_or_else(|| SqlError::Unreadable("the table dbo.ForecastMeta is empty".to_owned()))?;
    let mut columns = Columns::of(meta);
    let actual = columns.incarnation()?;
    if actual != set.incarnation {
        return Err(Stop::Port(StoreError::IncarnationChanged { actual }));
    }
    if columns.flag()? {
        return Err(Stop::Port(StoreError::IdempotencyKeyTaken));
    }
    let present = present(rows, tombstones, set.rows.len())?;
    for (write, found) in set.rows.iter().zip(&present) {
        // There is nothing to delete, and nothing to write a tombstone for, where there is no row.
        let deletes_nothing = write.after.is_none() && !matches!(found, Present::Row(..));
        if *found == Present::Nothing && write.expected != VersionId(0) {
            // Between the look at the rows and that at the tombstones somebody made a row of the tombstone.
            return Err(Stop::LookAgain);
        }
        if found.version() != write.expected || deletes_nothing {
            return Err(Stop::Port(StoreError::Conflict { id: write.id, actual: found.version() }));
        }
    }
    if let Some(holder) = holders.first() {
        let existing = ForecastId(Columns::of(holder).id()?);
        return Err(Stop::Port(StoreError::NaturalKeyTaken { existing }));
    }
    Ok(present)
}

fn present(rows: &[Row], tombstones: &[Row], wanted: usize) -> Result<Vec<Present>, SqlError> {
    let mut present = vec![Present::Nothing; wanted];
    let mut note = |place: usize, found: Present| {
        if let Some(slot) = present.get_mut(place) {
            *slot = found;
        }
    };
    for row in tombstones {
        let mut columns = Columns::of(row);
        note(columns.place()?, Present::Tombstone(VersionId(columns.counter()?)));
    }
    for row in rows {
        let mut columns = Columns::of(row);
        let (place, version) = (columns.place()?, VersionId(columns.counter()?));
        let placement = columns.placement()?;
        let nowhere = || SqlError::Unreadable("a row is filed nowhere".to_owned());
        note(place, Present::Row(version, placement.ok_or_else(nowhere)?));
    }
    Ok(present)
}

/// Whether `found` is filed elsewhere than `placement`.
pub(super) fn moves(found: Present, placement: &Placement) -> bool {
    matches!(found, Present::Row(_, before) if before != *placement)
}
