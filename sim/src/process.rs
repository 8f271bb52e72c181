//! Another process, which is ended where it does not end by itself.

use std::io::{self, Read, Write};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

/// No run takes so long, not even unoptimised, with its whole trace, on a machine that is busy with other things.
pub const RUN_MAX: Duration = Duration::from_secs(300);

/// Runs `command` with `input` on its stdin; one that says it has not ended after `limit` is killed.
///
/// # Errors
/// It cannot be started; [`io::ErrorKind::TimedOut`] if it did not end in time.
pub fn run_within(command: &mut Command, input: Vec<u8>, limit: Duration) -> io::Result<Output> {
    let until = Instant::now() + limit;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Closed at once after that, so that the child sees the end. One that reads nothing breaks the pipe.
        spawn(move || drop(stdin.write_all(&input)));
    }
    let (ended, ends) = channel();
    let stdout = child.stdout.take().map(|pipe| all_of(pipe, ended.clone()));
    let stderr = child.stderr.take().map(|pipe| all_of(pipe, ended));
    let in_time = (0..2).all(|_| ends.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok());
    if !in_time {
        child.kill()?;
        child.wait()?;
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no end in {} s", limit.as_secs_f64())));
    }
    let status = child.wait()?;
    let text = |reader: Option<JoinHandle<Vec<u8>>>| reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    Ok(Output { status, stdout: text(stdout), stderr: text(stderr) })
}

/// Everything that comes through `pipe`; `ended` is told when nothing does any more.
fn all_of(mut pipe: impl Read + Send + 'static, ended: Sender<()>) -> JoinHandle<Vec<u8>> {
    spawn(move || {
        let mut bytes = Vec::new();
        // What was read before it broke is all that there is.
        drop(pipe.read_to_end(&mut bytes));
        // Nobody waits for it where its time was over.
        let _ = ended.send(());
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let began = Instant::now();
        let error = run_within(&mut shell("exec sleep 60"), Vec::new(), Duration::from_millis(200)).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::TimedOut, "no end in 0.2 s".to_owned()));
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_ends_has_said_everything() {
        // More than pipes hold, on both, and an input that nobody reads.
        let much = "i=0; while [ $i -lt 3000 ]; do echo 'a line that is long enough to fill a pipe'; i=$((i+1)); done";
        let script = format!("cat; ({much}) >&2; {much}; exit 3");
        let output = run_within(&mut shell(&script), b"given\n".to_vec(), RUN_MAX).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(output.stdout.starts_with(b"given\na line"));
        assert!(output.stdout.len() > 100_000 && output.stderr.len() > 100_000);
        assert!(run_within(&mut shell("exit 0"), vec![b'x'; 1 << 20], RUN_MAX).unwrap().status.success());
    }
}
