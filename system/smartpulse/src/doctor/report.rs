//! All findings, for people and for programs.

use std::fmt::Write as _;

use super::finding::{Finding, Verdict};

/// Findings in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report(pub Vec<Finding>);

impl Report {
    /// How many have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// A line for each finding, and one for what to do about it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Finding { backend, what, verdict, found, advice } in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:<8} {backend:<10} {what:<16} {found}", verdict.name());
            if let Some(advice) = advice {
                let _ = writeln!(text, "{:<36} -> {advice}", "");
            }
        }
        let _ = writeln!(
            text,
            "{} ok, {} to be sorry about, {} wrong",
            self.count(Verdict::Ok),
            self.count(Verdict::Warning),
            self.count(Verdict::Failure)
        );
        text
    }

    /// A JSON object `{findings: [...]}`.
    pub fn json(&self) -> String {
        let value = serde_json::json!({ "findings": self.0 });
        // Texts and numbers always have a form in JSON.
        serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    }
}
