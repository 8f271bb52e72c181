//! `sim meta`: the same seed in two processes, byte by byte.

use super::child::Child;

/// What every layer says, down to the frames of HTTP.
const EVERYTHING: &str = "trace";

pub(super) fn run(first: u64, count: u64) -> Result<bool, String> {
    let mut same = true;
    for seed in first..first + count {
        let text = seed.to_string();
        let arguments = ["run", "--log", "--trace", EVERYTHING, "--seed", &text];
        let one = || Child::like_this().spawn(&arguments).map_err(|error| error.to_string());
        let (one, other) = (one()?, one()?);
        // The last line names the wall time.
        let (one_said, other_said) = (without_figures(&one.stderr), without_figures(&other.stderr));
        match first_difference(&one_said, &other_said).or_else(|| {
            first_difference(&String::from_utf8_lossy(&one.stdout), &String::from_utf8_lossy(&other.stdout))
        }) {
            None => {
                println!("seed {seed}: {} bytes of trace and {} of log are equal", one_said.len(), one.stdout.len())
            }
            Some((line, left, right)) => {
                same = false;
                println!("seed {seed}: the runs differ at line {line}:\n  {left}\n  {right}");
            }
        }
    }
    Ok(same)
}

fn without_figures(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines = text.lines().filter(|line| !line.starts_with("seed "));
    lines.collect::<Vec<_>>().join("\n")
}

fn first_difference(one: &str, other: &str) -> Option<(usize, String, String)> {
    if one == other {
        return None;
    }
    let (mut left, mut right) = (one.lines(), other.lines());
    let mut number = 0;
    loop {
        number += 1;
        let (a, b) = (left.next(), right.next());
        if a != b || a.is_none() {
            let text = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
            return Some((number, text(a), text(b)));
        }
    }
}
