//! Turning tables into forecasts.
//!
//! [`mapping`] says which column becomes which field, [`rows`] applies it to a CSV and yields [`Item`]s with the line
//! each came from. Both are pure: the command line sends the items over HTTP, the first start hands the [`sample`] to
//! the service of its own process, which is what [`load()`] is for. [`directory`] is another table: people and units.

pub mod directory;
pub mod load;
pub mod mapping;
pub mod rows;
pub mod sample;

pub use directory::{DirectoryTable, read_directory, store_directory};
pub use load::{BatchBody, LoadError, load};
pub use mapping::{Field, Mapping, MappingError};
pub use rows::{Item, Row, RowError, read_rows};
