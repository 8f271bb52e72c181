//! `CLAIMS.md`.

use std::collections::BTreeMap;

use origin::Machine;

use super::claim::{Section, Source};
use super::judge::{Judged, Part, Read, Verdict};
use super::reports::{Found, Trouble};
use super::stale::{Counts, is_stale, rests_on_stale};

/// The page. `git_ref` is that of the code as it is now: a report of another one is marked as stale.
pub fn page(judged: &[Judged], read: &Read, git_ref: Option<&str>, at: &str) -> String {
    let machines = machines(read);
    let mut text = String::from("# Claims\n\n");
    let counts = Counts::of(judged, read, git_ref);
    text.push_str(&format!(
        "Written by `cargo run -p bench --bin claims` from the files in `reports/data`; do not edit. Code: {}. At: {at}.\n\n\
         {} claims: {} hold, {} do not hold, {} are not measured, {} would hold by reports of other code.\n",
        git_ref.map_or_else(|| "no repository".to_owned(), |git_ref| format!("`{git_ref}`")),
        judged.len(),
        counts.hold,
        counts.do_not_hold,
        counts.not_measured,
        counts.stale,
    ));
    let stale: Vec<_> = read.values().flatten().filter(|found| is_stale(found, git_ref)).collect();
    if !stale.is_empty() {
        text.push_str(&format!("\n{} of the reports are **stale**: they are of other code than this.\n", stale.len()));
    }
    for section in Section::ALL {
        let claims: Vec<_> = judged.iter().filter(|judged| judged.claim.section == section).collect();
        if claims.is_empty() {
            continue;
        }
        text.push_str(&format!("\n## {}\n\n", section.title()));
        text.push_str("| | Claim | Measured | Verdict | Machine, command, commit |\n| --- | --- | --- | --- | --- |\n");
        for judged in claims {
            text.push_str(&row(judged, read, &machines, git_ref));
        }
    }
    text.push_str(&legend(&machines));
    text
}

/// What a machine is, its load aside.
fn kind(machine: &Machine) -> (String, u64, u64, String) {
    (machine.cpu.clone(), machine.cpus, machine.memory_bytes, machine.kernel.clone())
}

type Machines = BTreeMap<(String, u64, u64, String), char>;

fn machines(read: &Read) -> Machines {
    let mut machines = Machines::new();
    for machine in read.values().flatten().filter_map(|found| found.machine.as_ref()) {
        let next = char::from(b'A' + u8::try_from(machines.len()).unwrap_or(25).min(25));
        machines.entry(kind(machine)).or_insert(next);
    }
    machines
}

fn legend(machines: &Machines) -> String {
    let mut text = String::from(
        "\n## Machines\n\nThe load behind a machine's letter is that of the minute before the run: above 0 neighbours were at \
         work, and times are theirs as much as ours.\n\n",
    );
    for ((cpu, cpus, memory_bytes, kernel), letter) in machines {
        let gib = memory_bytes >> 30;
        text.push_str(&format!("- {letter}: {cpu}, {cpus} processors, {gib} GiB, Linux {kernel}\n"));
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn row(judged: &Judged, read: &Read, machines: &Machines, git_ref: Option<&str>) -> String {
    let mut measured: Vec<_> = judged.parts.iter().map(|part| measured(part, judged)).collect();
    measured.dedup();
    let mut sources: Vec<Source> = judged.parts.iter().flat_map(|part| part.sources.clone()).collect();
    sources.sort_unstable();
    sources.dedup();
    let wheres: Vec<_> =
        sources.iter().filter_map(|source| Some(origin(read.get(source)?, machines, git_ref))).collect();
    format!(
        "| {} | {} | {} | {} | {} |\n",
        judged.claim.id,
        cell(judged.claim.text),
        cell(&measured.join("<br>")),
        verdict(judged, read, git_ref),
        cell(&wheres.join("<br>"))
    )
}

fn verdict(judged: &Judged, read: &Read, git_ref: Option<&str>) -> String {
    match rests_on_stale(judged, read, git_ref) {
        true => format!("{}, **stale**", judged.verdict.text()),
        false => judged.verdict.text().to_owned(),
    }
}

/// Where several parts say different things, each says its own.
fn measured(part: &Part, judged: &Judged) -> String {
    let is_mixed = judged.parts.iter().any(|other| other.verdict != judged.verdict);
    if is_mixed && part.verdict != Verdict::Holds {
        return format!("{}: {}", part.verdict.text(), part.text);
    }
    part.text.clone()
}

fn origin(found: &Result<Found, Trouble>, machines: &Machines, git_ref: Option<&str>) -> String {
    let Ok(found) = found else { return String::new() };
    let machine = found.machine.as_ref().map_or_else(String::new, |machine| {
        let letter = machines.get(&kind(machine)).copied().unwrap_or('?');
        format!("{letter} (load {}), ", machine.load_before)
    });
    let of = found.git_ref.as_deref().unwrap_or("unknown");
    let stale = if is_stale(found, git_ref) { " **stale**" } else { "" };
    format!("{machine}`{}`, `{of}`{stale}", found.command)
}
