//! What a connection has done lately, told by its reads and its requests to the one timer that watches it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counters of one connection. They cost a request a few uncontended atomic additions and no look at a clock.
#[derive(Debug, Default)]
pub(super) struct Activity {
    reads: AtomicU64,
    started: AtomicU64,
    /// Requests whose handler is done.
    answered: AtomicU64,
    /// Pieces of answers' bodies that were taken.
    frames: AtomicU64,
    finished: AtomicU64,
    /// `reads` when the last request finished: bytes that came since belong to a head that is not complete.
    reads_at_finish: AtomicU64,
    http2: AtomicBool,
}

/// What the timer sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A request began, was answered, got on or ended since the last look.
    Busy,
    /// A request runs, but nothing happened to any since the last look: its handler is slow, or its client does not take
    /// the answer.
    Stuck,
    /// A head has begun, or the first one is awaited.
    AwaitingHead,
    /// Between requests.
    Idle,
}

impl Activity {
    pub(super) fn request_started(self: &Arc<Self>, http2: bool) -> RequestGuard {
        self.started.fetch_add(1, Relaxed);
        if http2 {
            self.http2.store(true, Relaxed);
        }
        RequestGuard { activity: Arc::clone(self), answered: false }
    }

    /// Whether a handler runs.
    pub(super) fn is_answering(&self) -> bool {
        self.answered.load(Relaxed) != self.started.load(Relaxed)
    }

    /// The state, given the progress at the last look; updates it.
    pub(super) fn look(&self, progress_before: &mut u64) -> State {
        let (started, finished) = (self.started.load(Relaxed), self.finished.load(Relaxed));
        // Each of them only rises, so any change changes the sum.
        let steps = self.answered.load(Relaxed).wrapping_add(self.frames.load(Relaxed));
        let progress = started.wrapping_add(finished).wrapping_add(steps);
        if std::mem::replace(progress_before, progress) != progress {
            return State::Busy;
        }
        if started != finished {
            return State::Stuck;
        }
        // HTTP/2 sends more than heads between requests (settings, pings), so there bytes prove nothing.
        let head_begun = !self.http2.load(Relaxed) && self.reads.load(Relaxed) != self.reads_at_finish.load(Relaxed);
        if started == 0 || head_begun { State::AwaitingHead } else { State::Idle }
    }
}

/// A running request, until the last byte of its answer is handed over.
#[derive(Debug)]
pub(super) struct RequestGuard {
    activity: Arc<Activity>,
    answered: bool,
}

impl RequestGuard {
    /// The handler is done: its answer's head is there.
    pub(super) fn answered(mut self) -> Self {
        self.answered = true;
        self.activity.answered.fetch_add(1, Relaxed);
        self
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if !self.answered {
            self.activity.answered.fetch_add(1, Relaxed);
        }
        self.activity.reads_at_finish.store(self.activity.reads.load(Relaxed), Relaxed);
        self.activity.finished.fetch_add(1, Relaxed);
    }
}

pin_project! {
    /// A stream that counts its reads.
    pub(super) struct CountedIo<I> {
        #[pin]
        pub(super) io: I,
        pub(super) activity: Arc<Activity>,
    }
}

impl<I: AsyncRead> AsyncRead for CountedIo<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buf.filled().len();
        let polled = this.io.poll_read(cx, buf);
        if buf.filled().len() > before {
            this.activity.reads.fetch_add(1, Relaxed);
        }
        polled
    }
}

impl<I: AsyncWrite> AsyncWrite for CountedIo<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

pin_project! {
    /// A body that keeps its request running until it is sent or dropped: an event stream is a running request.
    pub(super) struct GuardedBody<B> {
        #[pin]
        pub(super) body: B,
        pub(super) guard: RequestGuard,
    }
}

impl<B: Body> Body for GuardedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = this.body.poll_frame(cx);
        if polled.is_ready() {
            this.guard.activity.frames.fetch_add(1, Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
