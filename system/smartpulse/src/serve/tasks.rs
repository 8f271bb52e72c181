//! Supervised background jobs.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::drain::Drain;
use crate::panics::panic_text;

/// What the end of a job means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// The instance is of no use without it: when it ends before it is told to, the instance drains and fails.
    Critical,
    /// Its end is logged, and reported at the end.
    Ordinary,
}

/// The background jobs of one instance. They are told to stop by [`Tasks::shut_down`], after the requests are served.
#[derive(Debug, Clone)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    drain: Drain,
    stop: CancellationToken,
    handles: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
    failed: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Drop for Inner {
    /// Whoever drops an instance in the middle of its work drops its jobs, too.
    fn drop(&mut self) {
        let handles = self.handles.get_mut().unwrap_or_else(PoisonError::into_inner);
        handles.iter().for_each(|(_, handle)| handle.abort());
    }
}

/// How the jobs ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TasksReport {
    /// Jobs that panicked, or were critical and ended early, with the reason.
    pub failed: BTreeMap<&'static str, String>,
    /// Jobs that did not stop in time and were aborted.
    pub aborted: Vec<&'static str>,
}

impl TasksReport {
    /// Whether the process should exit with zero.
    pub fn is_success(&self) -> bool {
        self.failed.is_empty()
    }
}

impl Tasks {
    /// No job yet. A critical job's failure begins this drain.
    pub fn new(drain: Drain) -> Self {
        let (stop, handles, failed) = (CancellationToken::new(), Mutex::default(), Arc::default());
        Self(Arc::new(Inner { drain, stop, handles, failed }))
    }

    /// The sign to stop, for a job's `select!`.
    pub fn stop_token(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// Starts a job. It must end soon after [`Tasks::stop_token`] is cancelled.
    pub fn spawn(&self, name: &'static str, importance: Importance, job: impl Future<Output = ()> + Send + 'static) {
        let (drain, stop, failed) = (self.0.drain.clone(), self.0.stop.clone(), Arc::clone(&self.0.failed));
        let handle = tokio::spawn(async move {
            let ended = AssertUnwindSafe(job).catch_unwind().await;
            let critical = importance == Importance::Critical;
            let reason = match ended {
                Err(payload) => format!("panicked: {}", panic_text(&*payload)),
                Ok(()) if critical && !stop.is_cancelled() => "ended before it was told to".to_owned(),
                Ok(()) => return,
            };
            tracing::error!(job = name, critical, reason, "background job failed");
            failed.lock().unwrap_or_else(PoisonError::into_inner).insert(name, reason);
            if critical {
                drain.begin();
            }
        });
        self.0.handles.lock().unwrap_or_else(PoisonError::into_inner).push((name, handle));
    }

    /// Tells all jobs to stop and waits for them, together at most this long; then aborts the rest.
    pub async fn shut_down(&self, deadline: Duration) -> TasksReport {
        self.0.stop.cancel();
        let until = Instant::now() + deadline;
        let handles = std::mem::take(&mut *self.0.handles.lock().unwrap_or_else(PoisonError::into_inner));
        let mut aborted = Vec::new();
        for (name, mut handle) in handles {
            if tokio::time::timeout_at(until, &mut handle).await.is_err() {
                handle.abort();
                tracing::warn!(job = name, "background job did not stop in time");
                aborted.push(name);
            }
        }
        let failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        TasksReport { failed, aborted }
    }
}
