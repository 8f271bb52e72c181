//! The database file.

use std::time::Duration;

use adapters::sqlite::{FileExamination, examine_file};

use crate::config::Config;
use crate::doctor::{Finding, Verdict, round_trip};

const BACKEND: &str = "sqlite";
/// What a question to the file takes at most, usually.
const USUAL: Duration = Duration::from_millis(5);

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let path = &config.store.path;
    match examine_file(path).await {
        Ok(None) => {
            vec![Finding::ok(BACKEND, "file", format!("{}: not made yet, the first start makes it", path.display()))]
        }
        Ok(Some(found)) => judge(&found, &path.display().to_string()),
        Err(error) => vec![Finding::error(BACKEND, "file", &error, "is store.path that of our database?")],
    }
}

fn judge(found: &FileExamination, path: &str) -> Vec<Finding> {
    let (schema, known) = found.schema;
    let behind = (schema < known).then_some((Verdict::Warning, "`smartpulse migrate`, or the next start, brings it"));
    let damage = match &found.damage {
        None => Finding::ok(BACKEND, "quick check", "ok"),
        Some(damage) => Finding::failure(
            BACKEND,
            "quick check",
            damage.clone(),
            "stop the service, keep the file, and `smartpulse restore` the last backup",
        ),
    };
    vec![
        Finding::ok(BACKEND, "file", format!("{path}, {} KiB, SQLite {}", found.bytes / 1024, found.version)),
        Finding::judged(BACKEND, "schema", format!("{schema} of {known}"), behind),
        damage,
        round_trip(BACKEND, &found.round_trips, USUAL),
    ]
}
