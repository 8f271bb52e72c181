//! From a claim and the reports to a verdict.

use std::collections::BTreeMap;

use super::claim::{Claim, Evidence, Source};
use super::reports::{Found, Reports, Trouble};
use crate::figures::{Direction, Limit, Unit, number};

/// Whether a claim holds. The worst of its parts decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All evidence is there, and on the good side.
    Holds,
    /// Some evidence is not there.
    NotMeasured,
    /// Some evidence is against it.
    DoesNotHold,
}

/// One part of the evidence, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What was found, for people.
    pub text: String,
    /// What it says.
    pub verdict: Verdict,
    /// Whose reports it is in, where they are there.
    pub sources: Vec<Source>,
}

/// A claim, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The claim.
    pub claim: Claim,
    /// Its evidence.
    pub parts: Vec<Part>,
    /// The verdict.
    pub verdict: Verdict,
}

impl Verdict {
    /// As the page says it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::NotMeasured => "not measured",
            Self::DoesNotHold => "**does not hold**",
        }
    }
}

/// Reports, as far as they are there.
pub type Read = BTreeMap<Source, Result<Found, Trouble>>;

/// Judges all claims; answers with them the reports that they rest on.
pub fn judge(claims: Vec<Claim>, reports: &Reports) -> (Vec<Judged>, Read) {
    let mut read = Read::new();
    let mut judged = Vec::new();
    for claim in claims {
        let mut parts = Vec::new();
        for evidence in &claim.evidence {
            for source in evidence.sources() {
                read.entry(source).or_insert_with(|| reports.find(source));
            }
            parts.push(part(evidence, &read));
        }
        let verdict = parts.iter().map(|part| part.verdict).max().unwrap_or(Verdict::NotMeasured);
        judged.push(Judged { claim, parts, verdict });
    }
    (judged, read)
}

fn part(evidence: &Evidence, read: &Read) -> Part {
    let sources = evidence.sources();
    let mut found = Vec::new();
    for source in &sources {
        match read.get(source) {
            // Of a run that ended early the figures are those of another run than the one that was planned.
            Some(Ok(Found { aborted: Some(reason), .. })) => {
                let text = format!("the run ended early: {reason}");
                return Part { text, verdict: Verdict::DoesNotHold, sources };
            }
            Some(Ok(report)) => found.push(report),
            Some(Err(trouble)) => {
                return Part { text: trouble.to_string(), verdict: Verdict::NotMeasured, sources: Vec::new() };
            }
            None => {}
        }
    }
    let (text, verdict) = match (evidence, found.as_slice()) {
        (Evidence::Figure { name, direction, limit, unit, .. }, [found]) => {
            figure(found, name, *direction, *limit, *unit)
        }
        (Evidence::Ratio { of, over, at_most }, [one, other]) => ratio((one, of.1), (other, over.1), *at_most),
        (Evidence::Tests { names, .. }, [found]) => tests(found, names),
        (Evidence::Invariant { name, seeds }, [found]) => invariant(found, name, *seeds),
        (Evidence::Caught { name }, [found]) => caught(found, name),
        (Evidence::Missing(why), _) => ((*why).to_owned(), Verdict::NotMeasured),
        _ => ("there is no report to judge by".to_owned(), Verdict::NotMeasured),
    };
    Part { text, verdict, sources }
}

fn holds(holds: bool) -> Verdict {
    if holds { Verdict::Holds } else { Verdict::DoesNotHold }
}

/// A figure, if the report has it and it is a number.
fn value(found: &Found, name: &str) -> Result<f64, String> {
    match found.figures.get(name).copied() {
        Some(value) if value.is_finite() => Ok(value),
        Some(value) => Err(format!("{name} is {value}")),
        None => Err(format!("the report has no figure {name}")),
    }
}

fn figure(found: &Found, name: &str, direction: Direction, limit: f64, unit: Unit) -> (String, Verdict) {
    let value = match value(found, name) {
        Ok(value) => value,
        Err(why) => return (why, Verdict::NotMeasured),
    };
    let bound = Limit { direction, value: limit, source: String::new() };
    let sign = if direction == Direction::AtMost { "<=" } else { ">=" };
    let unit = unit.text();
    let text = format!("{} {unit} ({name} {sign} {})", number(value), number(limit));
    (text.replace("  ", " "), holds(bound.allows(value)))
}

fn ratio((one, of): (&Found, &str), (other, over): (&Found, &str), at_most: f64) -> (String, Verdict) {
    match (value(one, of), value(other, over)) {
        (Ok(of_value), Ok(over_value)) if over_value > 0.0 => {
            let ratio = of_value / over_value;
            let text = format!(
                "{} ({of} {} over {} <= {})",
                number(ratio),
                number(of_value),
                number(over_value),
                number(at_most)
            );
            (text, holds(ratio <= at_most))
        }
        (Ok(_), Ok(_)) => (format!("{over} is not above 0"), Verdict::NotMeasured),
        (Err(why), _) | (_, Err(why)) => (why, Verdict::NotMeasured),
    }
}

/// Of a path its last part is compared: it is what a test is called.
fn is_named(path: &str, name: &str) -> bool {
    path == name || path.strip_suffix(name).is_some_and(|before| before.ends_with("::"))
}

fn tests(found: &Found, names: &[&str]) -> (String, Verdict) {
    let is_among =
        |tests: &std::collections::BTreeSet<String>, name: &str| tests.iter().any(|test| is_named(test, name));
    let failed: Vec<_> = names.iter().filter(|name| is_among(&found.failed, name)).copied().collect();
    if !failed.is_empty() {
        return (format!("failed: {}", failed.join(", ")), Verdict::DoesNotHold);
    }
    let missing: Vec<_> = names.iter().filter(|name| !is_among(&found.passed, name)).copied().collect();
    if !missing.is_empty() {
        return (format!("the suite ran no {}", missing.join(", ")), Verdict::NotMeasured);
    }
    let tests: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    (format!("passed: {}", tests.join(", ")), Verdict::Holds)
}

fn invariant(found: &Found, name: &str, wanted: u64) -> (String, Verdict) {
    let of = |name: &str| found.figures.get(name).copied().unwrap_or(0.0);
    let (seeds, broken, otherwise) = (of("seeds"), of(&format!("broken_{name}")), of("broken_otherwise"));
    let text = format!("broken by {} of {} seeds", number(broken), number(seeds));
    match (broken, otherwise) {
        (0.0, 0.0) if seeds < wanted as f64 => (format!("{text}; {wanted} are wanted"), Verdict::NotMeasured),
        (0.0, 0.0) => (text, Verdict::Holds),
        (0.0, died) => (format!("{text}; {} seeds ended otherwise", number(died)), Verdict::DoesNotHold),
        _ => (text, Verdict::DoesNotHold),
    }
}

fn caught(found: &Found, name: &str) -> (String, Verdict) {
    let name = |what: &str| if name.is_empty() { what.to_owned() } else { format!("{what}_{name}") };
    let of = |what: &str| found.figures.get(&name(what)).copied().unwrap_or(0.0);
    let (planted, caught) = (of("planted"), of("caught"));
    let text = format!("{} of {} planted bugs caught", number(caught), number(planted));
    match planted > 0.0 {
        true => (text, holds(caught >= planted)),
        false => ("no bug was planted against it".to_owned(), Verdict::NotMeasured),
    }
}
