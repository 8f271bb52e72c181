//! A stall in the middle of a run: the spawned server is stopped by signal, or a command of the user's does it.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::file::Stall;
use crate::failure::Failure;

/// Slices in which the end of a run is noticed.
const SLICE: Duration = Duration::from_millis(20);

/// Who is asked for the stall.
#[derive(Debug, Clone)]
pub enum Staller {
    /// A process of ours: SIGSTOP, SIGCONT.
    Process(u32),
    /// A shell command, called with `start` and with `stop` as its last word.
    Command(String),
}

impl Staller {
    fn ask(&self, starts: bool) -> Result<(), String> {
        match self {
            Self::Process(pid) => {
                let pid = i32::try_from(*pid).ok().and_then(Pid::from_raw).ok_or("no such process")?;
                let signal = if starts { Signal::STOP } else { Signal::CONT };
                kill_process(pid, signal).map_err(|error| error.to_string())
            }
            Self::Command(command) => {
                let word = if starts { "start" } else { "stop" };
                let status = Command::new("sh").args(["-c", &format!("{command} {word}")]).status();
                match status {
                    Ok(status) if status.success() => Ok(()),
                    Ok(status) => Err(format!("{command} {word}: {status}")),
                    Err(error) => Err(format!("{command}: {error}")),
                }
            }
        }
    }
}

/// Asks for the stall in its time; whatever happens, its end is asked for, too.
pub(super) fn stall_later(
    staller: Staller,
    stall: Stall,
    over: std::sync::Arc<AtomicBool>,
) -> JoinHandle<Result<(), Failure>> {
    let begun = Instant::now();
    thread::spawn(move || {
        let wait_until = |at_s: f64| {
            while begun.elapsed().as_secs_f64() < at_s && !over.load(Ordering::SeqCst) {
                thread::sleep(SLICE);
            }
        };
        wait_until(stall.at_s);
        if over.load(Ordering::SeqCst) {
            return Ok(());
        }
        let failed = |reason| Failure::Target(format!("the stall: {reason}"));
        let started = staller.ask(true);
        wait_until(stall.at_s + stall.seconds);
        let ended = staller.ask(false);
        started.map_err(failed)?;
        ended.map_err(failed)
    })
}
