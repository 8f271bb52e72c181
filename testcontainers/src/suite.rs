//! A suite: its cases, and what becomes of them where the server is missing.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::{Absence, Server};

/// The cases of one test program. Add them, then [`run`](Self::run). `cargo test`'s filters and options work as usual.
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
    one_at_a_time: bool,
}

impl Suite {
    /// A suite without cases.
    pub fn new() -> Self {
        Self::default()
    }

    /// For cases that break their server: one after the other.
    #[must_use]
    pub fn one_at_a_time(mut self) -> Self {
        self.one_at_a_time = true;
        self
    }

    /// A case. `run` gets the server, on a thread without a runtime; it fails by panicking. Without the server the case is
    /// ignored, or fails if the server is required or broken.
    #[must_use]
    pub fn case<S: Send + Sync + 'static>(
        self,
        name: &str,
        server: &Server<S>,
        run: impl FnOnce(&S) + Send + 'static,
    ) -> Self {
        self.fallible(name, server, |server| {
            run(server);
            Ok(())
        })
    }

    /// The same for a case that this server may not serve, such as one that kills a server which is not ours: an
    /// [`Absence`] ignores it.
    #[must_use]
    pub fn fallible<S: Send + Sync + 'static>(
        mut self,
        name: &str,
        server: &Server<S>,
        run: impl FnOnce(&S) -> Result<(), Absence> + Send + 'static,
    ) -> Self {
        let server = server.clone();
        self.trials.push(Trial::ignorable_test(name, move || {
            let done = server.get().and_then(run);
            completion(done, server.backend().is_required())
        }));
        self
    }

    /// The same for a case that takes minutes: it runs with `--ignored` or `--include-ignored` alone.
    #[must_use]
    pub fn long<S: Send + Sync + 'static>(
        mut self,
        name: &str,
        server: &Server<S>,
        run: impl FnOnce(&S) -> Result<(), Absence> + Send + 'static,
    ) -> Self {
        self = self.fallible(name, server, run);
        if let Some(trial) = self.trials.pop() {
            self.trials.push(trial.with_ignored_flag(true));
        }
        self
    }

    /// Runs the cases that the command line names.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        if self.one_at_a_time {
            arguments.test_threads = Some(1);
        }
        libtest_mimic::run(&arguments, self.trials).exit_code()
    }
}

fn completion(done: Result<(), Absence>, is_required: bool) -> Result<Completion, Failed> {
    match done {
        Ok(()) => Ok(Completion::Completed),
        Err(Absence::Missing(reason)) if !is_required => Ok(Completion::ignored_with(reason)),
        Err(absence) => Err(absence.reason().into()),
    }
}

/// What a suite is without the feature `production`: one ignored test that names the command.
pub fn without_production(suite: &'static str) -> ExitCode {
    let command = format!("needs `cargo test -p containers --features production --test {suite}`");
    let trial = Trial::ignorable_test(suite, move || Ok(Completion::ignored_with(command)));
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_ignored_unless_it_is_required() {
        let missing = || Err(Absence::Missing("not here".to_owned()));
        let reason = |completion| match completion {
            Ok(Completion::Ignored { reason }) => reason,
            _ => None,
        };
        assert_eq!(reason(completion(missing(), false)), Some("not here".to_owned()));
        assert_eq!(
            completion(missing(), true).err().and_then(|failed| failed.message().map(str::to_owned)),
            Some("not here".to_owned())
        );
        assert!(completion(Err(Absence::Broken("ends".to_owned())), false).is_err());
        assert!(matches!(completion(Ok(()), true), Ok(Completion::Completed)));
    }
}
