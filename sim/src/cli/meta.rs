//! `sim meta`: the same seed in two processes, byte by byte.

use std::process::Output;

use super::child::Child;

/// What every layer says, down to the frames of HTTP.
const EVERYTHING: &str = "trace";

/// Two runs that say less than that are not compared: they did not get far enough to differ.
const TRACE_BYTES_MIN: usize = 100_000;
const LOG_LINES_MIN: usize = 500;

pub(super) fn run(first: u64, count: u64) -> Result<bool, String> {
    if count == 0 {
        return Err("no seeds: nothing would be compared".to_owned());
    }
    let mut same = true;
    for seed in first..first.saturating_add(count) {
        match compared(seed) {
            Ok(said) => println!("{said}"),
            Err(why) => {
                same = false;
                println!("{why}");
            }
        }
    }
    Ok(same)
}

/// Runs a seed twice; answers how much both said.
///
/// # Errors
/// They differ, or there is too little to compare.
pub(super) fn compared(seed: u64) -> Result<String, String> {
    let text = seed.to_string();
    let arguments = ["run", "--log", "--trace", EVERYTHING, "--seed", &text];
    let one = || Child::like_this().spawn(&arguments).map_err(|error| format!("seed {seed}: {error}"));
    let (one, other) = (one()?, one()?);
    for output in [&one, &other] {
        is_whole(output).map_err(|why| format!("seed {seed}: {why}: there is nothing to compare"))?;
    }
    // The last line names the wall time.
    let (one_said, other_said) = (without_figures(&one.stderr), without_figures(&other.stderr));
    match first_difference(&one_said, &other_said)
        .or_else(|| first_difference(&String::from_utf8_lossy(&one.stdout), &String::from_utf8_lossy(&other.stdout)))
    {
        None => {
            let (trace, log) = (one_said.len(), one.stdout.len());
            Ok(format!("seed {seed}: {trace} bytes of trace and {log} of log are equal"))
        }
        Some((line, left, right)) => Err(format!("seed {seed}: the runs differ at line {line}:\n  {left}\n  {right}")),
    }
}

/// Whether a run came to a verdict about the services, and said enough on its way.
fn is_whole(output: &Output) -> Result<(), String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let is_violated = || said.lines().any(|line| line.starts_with("seed ") && line.contains(": FAILED: "));
    if !(output.status.success() || (output.status.code() == Some(1) && is_violated())) {
        let last = said.lines().last().unwrap_or_default();
        return Err(format!("it ended without a verdict ({}): {last}", output.status));
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').count();
    if output.stderr.len() < TRACE_BYTES_MIN || lines < LOG_LINES_MIN {
        return Err(format!("{} bytes of trace and {lines} lines of log are too few", output.stderr.len()));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn output(code: i32, log: &str, trace: &str) -> Output {
        let (stdout, stderr) = (log.as_bytes().to_vec(), trace.as_bytes().to_vec());
        Output { status: ExitStatus::from_raw(code << 8), stdout, stderr }
    }

    #[test]
    fn only_whole_runs_are_compared() {
        let (log, trace) = ("{}\n".repeat(LOG_LINES_MIN), "x".repeat(TRACE_BYTES_MIN));
        assert_eq!(is_whole(&output(0, &log, &trace)), Ok(()));
        assert!(is_whole(&output(0, "", "")).is_err(), "it said nothing");
        assert!(is_whole(&output(0, "{}\n", &trace)).is_err() && is_whole(&output(0, &log, "x")).is_err());
        assert!(is_whole(&output(101, &log, &trace)).is_err() && is_whole(&output(1, &log, &trace)).is_err());
        let violated = format!("{trace}\nseed 7: FAILED: C1 monotonic at record 9: it went back");
        assert_eq!(is_whole(&output(1, &log, &violated)), Ok(()));
        assert!(is_whole(&output(1, &log, &format!("{trace}\nseed 7: DIED: no memory"))).is_err());
    }

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(first_difference("a\nb", "a\nb"), None);
        assert_eq!(first_difference("a\nb", "a\nc"), Some((2, "b".to_owned(), "c".to_owned())));
        assert_eq!(first_difference("a", "a\nb"), Some((2, "(the end)".to_owned(), "b".to_owned())));
    }
}
