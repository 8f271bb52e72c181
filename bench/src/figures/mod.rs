//! What a bench measured, as a typed file: each figure with its unit and its limit, and where it was measured.
//!
//! A bench makes a [`Sheet`], puts its figures, and finishes it: a table with the verdicts is printed, and the record is
//! written to `target/figures/<bench>.json` (or the folder of `FIGURES_DIR`), from where `claims` gathers it.

mod place;
mod sheet;
mod types;

pub use place::{now, root};
pub use sheet::{Sheet, folder, is_measuring};
pub(crate) use sheet::{number, write};
pub use types::{Direction, FORMAT, Figure, Limit, Origin, Record, Unit, Verdict};
