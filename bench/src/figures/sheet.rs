//! What a bench writes its figures on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use origin::{Machine, git_ref, machine};

use super::place::{now, root};
use super::types::{Direction, FORMAT, Figure, Origin, Record, Unit};

/// The figures of a run; finished, it is a table and a file.
#[derive(Debug)]
pub struct Sheet {
    name: String,
    about: String,
    machine: Machine,
    figures: Vec<Figure>,
}

/// Whether this run measures: `cargo bench -- --test` only shows that everything runs.
pub fn is_measuring() -> bool {
    !std::env::args().any(|argument| argument == "--test" || argument == "--list")
}

/// Where records are written: `FIGURES_DIR`, or `target/figures` of the workspace.
pub fn folder() -> PathBuf {
    match std::env::var_os("FIGURES_DIR") {
        // A bench runs in the folder of its package, and not where it was called.
        Some(folder) => root().join(folder),
        None => root().join("target/figures"),
    }
}

impl Sheet {
    /// A sheet for the bench `name`.
    pub fn new(name: &str, about: &str) -> Self {
        Self { name: name.to_owned(), about: about.to_owned(), machine: machine(), figures: Vec::new() }
    }

    /// Takes a figure.
    pub fn put(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Takes the usual percentiles of latencies in milliseconds, as `<name>_p50` and `<name>_p99`, without limits.
    pub fn put_ms(&mut self, name: &str, what: &str, [p50, p99]: [f64; 2]) {
        self.put(Figure::new(&format!("{name}_p50"), format!("{what}, p50"), p50, Unit::Ms));
        self.put(Figure::new(&format!("{name}_p99"), format!("{what}, p99"), p99, Unit::Ms));
    }

    /// Prints the table, and writes the record where this run measures.
    pub fn finish(self) {
        if !is_measuring() {
            return;
        }
        let record = self.record();
        println!("\n{}", table(&record));
        match write(&folder(), &record) {
            Ok(path) => println!("figures: {}\n", path.display()),
            Err(error) => println!("figures were not written: {}: {error}\n", folder().display()),
        }
    }

    fn record(self) -> Record {
        let command = match std::env::var("FIGURES_COMMAND") {
            Ok(command) => command,
            Err(_) => format!("cargo bench -p bench --bench {}", self.name),
        };
        Record {
            format: FORMAT,
            name: self.name,
            about: self.about,
            origin: Origin { git_ref: git_ref(&root()), command, at: now(), machine: self.machine },
            figures: self.figures,
            passed: Vec::new(),
            failed: Vec::new(),
        }
    }
}

/// Writes a record; what is there before is replaced at once, never half.
pub(crate) fn write(folder: &Path, record: &Record) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let (path, half) =
        (folder.join(format!("{}.json", record.name)), folder.join(format!(".{}.json.part", record.name)));
    let text = serde_json::to_string_pretty(record)?;
    fs::write(&half, text + "\n")?;
    fs::rename(half, &path)?;
    Ok(path)
}

/// A value with three or four digits that matter.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if value.fract() == 0.0 && size < 1e15 => format!("{value:.0}"),
        _ if size >= 1_000.0 => format!("{value:.0}"),
        _ if size >= 100.0 => format!("{value:.1}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn table(record: &Record) -> String {
    let mut text = format!("{}: {}\n", record.name, record.about);
    text.push_str(&format!("{:<64} {:>12} {:>14}  verdict\n", "figure", "value", "limit"));
    for figure in &record.figures {
        let limit = figure.limit.as_ref().map_or_else(String::new, |limit| {
            let sign = if limit.direction == Direction::AtMost { "<=" } else { ">=" };
            format!("{sign} {} {}", number(limit.value), figure.unit.text())
        });
        let value = format!("{} {}", number(figure.value), figure.unit.text());
        let source = figure.limit.as_ref().map_or("", |limit| limit.source.as_str());
        let source = if source.is_empty() { String::new() } else { format!("  ({source})") };
        text.push_str(&format!("{:<64} {value:>12} {limit:>14}  {}{source}\n", figure.what, figure.verdict().text()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut sheet = Sheet::new("x", "about");
        sheet.put(Figure::new("a", "a ratio", 1.2, Unit::Ratio).at_most(1.15, "P1"));
        sheet.put_ms("b", "waits", [0.5, 7.0]);
        let record = sheet.record();
        let path = write(folder.path(), &record).unwrap();
        let read: Record = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(read, record);
        let table = table(&read);
        assert!(table.contains("MISSES  (P1)") && table.contains("<= 1.15 x"), "{table}");
        assert_eq!(read.origin.command, "cargo bench -p bench --bench x");
    }

    #[test]
    fn numbers_keep_the_digits_that_matter() {
        assert_eq!([2.0, 0.000_5, 1.153, 123.45, 5_000.6].map(number), ["2", "0.0005", "1.15", "123.5", "5001"]);
    }
}
