//! SIGTERM and Ctrl-C.

use std::io;

use crate::serve::Drain;

/// The signals that end an instance. From when this is made they no longer end the process by themselves.
pub(super) struct EndSignals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl EndSignals {
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
impl EndSignals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> &'static str {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be heard; end the process from outside");
            return std::future::pending().await;
        }
        "Ctrl-C"
    }
}

impl EndSignals {
    /// The first signal begins the drain, the second ends it at once.
    pub(super) async fn drive(mut self, drain: Drain) {
        let signal = self.next().await;
        tracing::info!(signal, "draining: running requests finish; a second signal ends them");
        drain.begin();
        let signal = self.next().await;
        tracing::warn!(signal, "ending at once");
        drain.expire();
    }
}
