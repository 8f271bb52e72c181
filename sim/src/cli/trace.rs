//! Tracing with simulated time: lines that two runs of one seed have in common, to the byte.

use std::fmt;
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

struct SimClock;

impl FormatTime for SimClock {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        match turmoil::in_simulation().then(turmoil::sim_elapsed).flatten() {
            Some(elapsed) => write!(w, "{:>9.6}", elapsed.as_secs_f64()),
            None => w.write_str("        -"),
        }
    }
}

/// Writes what `filter` lets through to stderr.
pub(super) fn install(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(SimClock)
        .with_ansi(false)
        .with_writer(io::stderr)
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())
}
