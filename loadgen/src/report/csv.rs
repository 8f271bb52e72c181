//! CSV, a line for each second.

use std::fmt::Write as _;

use super::types::Report;

/// The seconds of a report.
pub fn csv(report: &Report) -> String {
    let mut text =
        "second,warm_up,due,done,errors,p50_ms,p99_ms,max_ms,l1,l2,l3,l4,not_modified,memory_bytes,lag_ms\n".to_owned();
    for row in &report.seconds {
        let [l1, l2, l3, l4] = row.levels;
        let memory = row.memory_bytes.map_or_else(String::new, |bytes| bytes.to_string());
        let lag = row.lag_ms.map_or_else(String::new, |ms| format!("{ms:.3}"));
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{:.3},{:.3},{:.3},{l1},{l2},{l3},{l4},{},{memory},{lag}",
            row.second,
            row.warm_up,
            row.due,
            row.done,
            row.errors,
            row.p50_ms,
            row.p99_ms,
            row.max_ms,
            row.not_modified
        );
    }
    text
}
