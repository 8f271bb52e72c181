//! Tracing with simulated time: lines that two runs of one seed have in common, to the byte.

use std::fmt;
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::world::Millis;

struct SimClock(Millis);

impl FormatTime for SimClock {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        let ms = self.0.get();
        write!(w, "{:>4}.{:03}", ms / 1_000, ms % 1_000)
    }
}

/// Writes what `filter` lets through to stderr.
pub(super) fn install(filter: &str, now: Millis) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(SimClock(now))
        .with_ansi(false)
        .with_writer(io::stderr)
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())
}
