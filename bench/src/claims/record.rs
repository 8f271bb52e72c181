//! Runs a suite of tests and records which passed.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use origin::{git_ref, machine};
use serde::Deserialize;

use crate::figures::{FORMAT, Figure, Origin, Record, Unit, now, root};

/// In the place of an exit code where a signal ended the command.
const KILLED: i32 = 255;

/// What a test leaves in `FIGURES_DIR`: figures, and whatever else, such as those of a [`Record`].
#[derive(Deserialize)]
struct Left {
    figures: Vec<Figure>,
}

/// The names of tests in what a test program printed: those that passed and those that failed.
pub fn parse_tests<'a>(lines: impl IntoIterator<Item = &'a str>) -> (Vec<String>, Vec<String>) {
    let (mut passed, mut failed) = (Vec::new(), Vec::<String>::new());
    // A harness that does not capture prints the name first, then whatever the test prints, then the outcome on a line of its own.
    let mut open: Option<String> = None;
    for line in lines {
        let line = line.trim();
        if let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            let name = name.trim_end_matches(" - should panic").trim().to_owned();
            open = None;
            match outcome.split(|c: char| !c.is_ascii_alphabetic()).next() {
                Some("ok") => passed.push(name),
                Some("FAILED" | "failed") => failed.push(name),
                Some("ignored") => {}
                _ => open = Some(name),
            }
        } else if let (Some(name), "ok" | "FAILED") = (&open, line) {
            // A test may print "ok" itself: what comes last counts.
            passed.retain(|passed| passed != name);
            if line == "ok" { passed.push(name.clone()) } else { failed.push(name.clone()) }
        }
    }
    (passed, failed)
}

/// Hands over each line of a stream.
fn lines(stream: impl Read + Send + 'static, to: mpsc::Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    })
}

/// The figures that tests left in a folder, by the files' names.
fn left(folder: &Path) -> std::io::Result<Vec<Figure>> {
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let mut figures = Vec::new();
    for file in files {
        let left: Left = serde_json::from_str(&fs::read_to_string(&file)?)?;
        figures.extend(left.figures);
    }
    Ok(figures)
}

/// Runs `command` and records its tests under `name`; answers the record and whether the command succeeded. `shown` sees each
/// line that it prints. `FIGURES_DIR` is a folder of its own, and figures that it leaves there are recorded, too.
///
/// # Errors
/// It cannot be run, or what it left are no figures.
pub fn record(name: &str, command: &[String], shown: &mut dyn FnMut(&str)) -> std::io::Result<(Record, bool)> {
    let machine = machine();
    let (program, arguments) = command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let folder = tempfile::tempdir()?;
    let mut command_line = Command::new(program);
    command_line.args(arguments).env("FIGURES_DIR", folder.path());
    let mut child = command_line.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (tell, told) = mpsc::channel();
    let out = child.stdout.take().map(|stream| lines(stream, tell.clone()));
    let err = child.stderr.take().map(|stream| lines(stream, tell));
    let heard: Vec<String> = told.into_iter().inspect(|line| shown(line)).collect();
    for thread in [out, err].into_iter().flatten() {
        let _ = thread.join();
    }
    let status = child.wait()?;
    let (passed, failed) = parse_tests(heard.iter().map(String::as_str));
    let count = |name: &str, what: &str, tests: &[String]| Figure::new(name, what, tests.len() as f64, Unit::Count);
    let mut figures =
        vec![count("passed", "tests that passed", &passed), count("failed", "tests that failed", &failed)];
    // A program that is aborted prints no test that failed.
    let code = status.code().unwrap_or(KILLED);
    figures.push(Figure::new("exit_code", "what the command ended with", f64::from(code), Unit::Count));
    figures.extend(left(folder.path())?);
    let record = Record {
        format: FORMAT,
        name: name.to_owned(),
        about: "tests by name".to_owned(),
        origin: Origin { git_ref: git_ref(&root()), command: command.join(" "), at: now(), machine },
        figures,
        passed,
        failed,
    };
    Ok((record, status.success()))
}
