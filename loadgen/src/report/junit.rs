//! JUnit: a test case for each threshold, and one for the run itself.

use std::fmt::Write as _;

use super::types::{Report, Threshold};

/// Text as it may stand in XML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            // Other control characters are not allowed in XML at all.
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// What a threshold says.
pub(super) fn wording(threshold: &Threshold) -> String {
    match (threshold.min, threshold.max) {
        (Some(min), Some(max)) => format!("between {min} and {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "nothing".to_owned(),
    }
}

/// The report as JUnit.
pub fn junit(report: &Report) -> String {
    let missed = report.thresholds.iter().filter(|threshold| !threshold.holds).count();
    let failures = missed + usize::from(report.aborted.is_some());
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"loadgen {}\" tests=\"{}\" failures=\"{failures}\" \
         time=\"{:.3}\" timestamp=\"{}\">\n  <testcase classname=\"{0}\" name=\"the plan was run to its end\">",
        escape(&report.scenario),
        report.thresholds.len() + 1,
        report.elapsed_s,
        escape(&report.started_at)
    );
    if let Some(reason) = &report.aborted {
        let _ = write!(xml, "<failure message=\"{}\"/>", escape(reason));
    }
    xml.push_str("</testcase>\n");
    for threshold in &report.thresholds {
        let name = format!("{} is {}", threshold.metric, wording(threshold));
        let _ = write!(xml, "  <testcase classname=\"{}\" name=\"{}\">", escape(&report.scenario), escape(&name));
        if !threshold.holds {
            let is =
                threshold.figure.map_or_else(|| "no such figure in this run".to_owned(), |is| format!("it is {is}"));
            let _ = write!(xml, "<failure message=\"{}\"/>", escape(&is));
        }
        xml.push_str("</testcase>\n");
    }
    xml.push_str("</testsuite>\n");
    xml
}
