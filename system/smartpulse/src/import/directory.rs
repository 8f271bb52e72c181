//! The directory of people and units as a table: `type,id,name,email`, a row for each.

use std::collections::BTreeMap;
use std::io::Read;

use domain::model::{UnitId, UserId};
use domain::notification::model::{DIRECTORY_BATCH_MAX, MailAddress, Name, UnitEntry, UserEntry};
use domain::ports::{NotificationStore, NotificationStoreError};
use uuid::Uuid;

use super::rows::TableError;

/// The columns that must be there; `email` may be missing.
const COLUMNS: [&str; 3] = ["type", "id", "name"];
const EMAIL: &str = "email";

/// What a table says. Of entries with one id the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryTable {
    /// People, by their ids.
    pub users: BTreeMap<UserId, UserEntry>,
    /// Units, by their ids.
    pub units: BTreeMap<UnitId, UnitEntry>,
    /// Rows, without the header.
    pub rows: u64,
    /// Rows that are no entries: the line, from 1, and what is wrong.
    pub bad: Vec<(u64, String)>,
}

/// Where the columns are.
struct Columns {
    kind: usize,
    id: usize,
    name: usize,
    email: Option<usize>,
}

/// Reads a table. Rows that are no entries are told, the others stand.
///
/// # Errors
/// It has no header, or one without the columns.
pub fn read_directory(table: impl Read) -> Result<DirectoryTable, TableError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(table);
    let header = reader.headers().map_err(|error| TableError::Header(error.to_string()))?;
    let columns = Columns::of(header)?;
    let mut read = DirectoryTable::default();
    for record in reader.records() {
        read.rows += 1;
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                if let Err(wrong) = read.take(&record, &columns) {
                    read.bad.push((line, wrong));
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                read.bad.push((line, format!("the row cannot be read: {error}")));
            }
        }
    }
    Ok(read)
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, TableError> {
        if header.is_empty() || header.iter().all(str::is_empty) {
            return Err(TableError::Empty);
        }
        // Excel begins a file with a byte order mark.
        let named = |name: &str| {
            header.iter().position(|column| column.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
        };
        let missing =
            |name: &str| TableError::Header(format!("there is no column {name:?}; it begins type,id,name,email"));
        let needed = |name: &'static str| named(name).ok_or_else(|| missing(name));
        let [kind, id, name] = COLUMNS;
        Ok(Self { kind: needed(kind)?, id: needed(id)?, name: needed(name)?, email: named(EMAIL) })
    }
}

impl DirectoryTable {
    fn take(&mut self, record: &csv::StringRecord, columns: &Columns) -> Result<(), String> {
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let id: Uuid =
            cell(columns.id).parse().map_err(|_| format!("id must be a UUID, not {:?}", cell(columns.id)))?;
        let name = Name::new(cell(columns.name)).map_err(|wrong| format!("name {wrong}"))?;
        let email = columns.email.map(cell).filter(|email| !email.is_empty());
        match cell(columns.kind) {
            "user" => {
                let address = email.map(MailAddress::new).transpose().map_err(|wrong| format!("email {wrong}"))?;
                let id = UserId(id);
                self.users.insert(id, UserEntry { id, name, address });
            }
            "unit" if email.is_some() => return Err("a unit has no email".to_owned()),
            "unit" => {
                let id = UnitId(id);
                self.units.insert(id, UnitEntry { id, name });
            }
            other => return Err(format!("type must be user or unit, not {other:?}")),
        }
        Ok(())
    }
}

/// Writes the entries over those of the same ids; in parts, each of which is written whole.
///
/// # Errors
/// The store's; the parts before are written.
pub async fn store_directory(
    table: &DirectoryTable,
    store: &dyn NotificationStore,
) -> Result<(), NotificationStoreError> {
    let users: Vec<_> = table.users.values().cloned().collect();
    let units: Vec<_> = table.units.values().cloned().collect();
    for part in users.chunks(DIRECTORY_BATCH_MAX) {
        store.upsert_directory(part.to_vec(), Vec::new()).await?;
    }
    for part in units.chunks(DIRECTORY_BATCH_MAX) {
        store.upsert_directory(Vec::new(), part.to_vec()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "0b5d0000-0000-4000-8000-000000000001";
    const UNIT: &str = "0b5d0000-0000-4000-8000-0000000000de";

    #[test]
    fn people_and_units_with_what_is_wrong_by_its_line() {
        let text = format!(
            "\u{feff}type,id,name,email\nuser,{ANNA},Anna,\nuser,{ANNA}, Anna Berg ,anna@example.com\nunit,{UNIT},\"Park, Süd\",\n\
             unit,{UNIT},Park,x@example.com\nuser,7,Bob,\nuser,{ANNA},Anna,anna\nfish,{ANNA},Anna,\nuser,{ANNA}\n"
        );
        let table = read_directory(text.as_bytes()).unwrap();
        let anna = &table.users[&UserId(ANNA.parse().unwrap())];
        assert_eq!((anna.name.as_str(), anna.address.as_ref().unwrap().as_str()), ("Anna Berg", "anna@example.com"));
        assert_eq!(table.units[&UnitId(UNIT.parse().unwrap())].name.as_str(), "Park, Süd");
        assert_eq!((table.rows, table.users.len(), table.units.len()), (8, 1, 1));
        let lines: Vec<u64> = table.bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [5, 6, 7, 8, 9], "{:?}", table.bad);
        for (bad, word) in table.bad.iter().zip(["a unit has no email", "UUID", "email must", "\"fish\"", "name must"])
        {
            assert!(bad.1.contains(word), "{bad:?}");
        }
    }

    #[test]
    fn a_table_without_its_columns_is_none() {
        assert!(matches!(read_directory(&b""[..]), Err(TableError::Empty)));
        let refused = read_directory(&b"id,name\n"[..]).unwrap_err().to_string();
        assert!(refused.contains("\"type\""), "{refused}");
    }
}
