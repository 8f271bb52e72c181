//! What a run leaves behind: typed JSON with a schema, JUnit, CSV by second, and one page.

mod build;
mod compare;
mod csv;
mod junit;
mod page;
mod svg;
mod text;
mod types;
mod write;

pub use build::{Circumstances, build};
pub use compare::{Change, Direction, compare, render as render_comparison};
pub use csv::csv;
pub use junit::junit;
pub use page::page;
pub use text::summary;
pub use types::{
    Errors, Latency, Levels, Model, NotificationReport, Part, PropagationReport, Quantiles, Report, SCHEMA_VERSION,
    SecondRow, ServerCounts, Threshold, schema,
};
pub use write::{clear, read, write};
