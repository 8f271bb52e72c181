//! One connection, from its acceptance to its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior};
use tower::{Service, ServiceExt};

use super::accept::ServeLimits;
use super::activity::{Activity, CountedIo, GuardedBody, State};
use super::drain::Drain;
use crate::http::edge::BadHost;
use crate::http::source::Source;

/// How often the one timer of a connection looks, per shorter limit.
const LOOKS_PER_LIMIT: u32 = 4;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By the client, by an error, or after a graceful end.
    Done,
    /// A head took too long, an answer was not taken, or an idle connection would not go.
    TooSlow,
    /// The drain's deadline came first.
    Expired,
}

pub(super) async fn run<I, S>(
    io: I,
    service: S,
    builder: Arc<Builder<TokioExecutor>>,
    limits: ServeLimits,
    drain: Drain,
) -> Ended
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let activity = Arc::new(Activity::default());
    let source = Source::of(&io);
    let io = TokioIo::new(CountedIo { io, activity: Arc::clone(&activity) });
    let counted = Arc::clone(&activity);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let guard = counted.request_started(request.version() == http::Version::HTTP_2);
        let answer = service.clone().oneshot(marked(request.map(Body::new), source));
        async move { Ok::<_, Infallible>(answer.await?.map(|body| GuardedBody { body, guard: guard.answered() })) }
    });
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut watch = Watch::new(&activity, limits);
    let mut looks = tokio::time::interval(watch.interval());
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.tick().await;
    let (mut closing, mut expired) = (pin!(drain.closing()), pin!(drain.expired()));
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            // What a client does not take is no request that we cut off.
            () = &mut expired => return if watch.is_unread() { Ended::TooSlow } else { Ended::Expired },
            () = &mut closing, if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = looks.tick() => match watch.look() {
                Verdict::Stay => {}
                Verdict::AskToLeave => connection.as_mut().graceful_shutdown(),
                Verdict::Drop => return Ended::TooSlow,
            },
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(error, "connection ended");
                }
                return Ended::Done;
            }
        }
    }
}

/// Marks what HTTP/1.1 forbids and hyper lets pass: no `Host`, or two. The edge answers, as it answers everything. And
/// says where the request comes from, where that matters.
fn marked(mut request: Request, source: Option<Source>) -> Request {
    Source::mark(source, &mut request);
    let is_one = || request.headers().get_all(http::header::HOST).iter().count() == 1;
    if request.version() == http::Version::HTTP_11 && !is_one() {
        request.extensions_mut().insert(BadHost);
    }
    request
}

enum Verdict {
    Stay,
    AskToLeave,
    Drop,
}

/// Measures how long a connection has been in its state, in looks of one timer.
struct Watch<'a> {
    activity: &'a Activity,
    limits: ServeLimits,
    progress: u64,
    state: State,
    since: Instant,
    asked: bool,
}

impl<'a> Watch<'a> {
    fn new(activity: &'a Activity, limits: ServeLimits) -> Self {
        Self { activity, limits, progress: 0, state: State::AwaitingHead, since: Instant::now(), asked: false }
    }

    fn interval(&self) -> Duration {
        (self.limits.header_timeout.min(self.limits.idle_timeout) / LOOKS_PER_LIMIT).max(Duration::from_millis(1))
    }

    /// Whether all there is to do is that the client takes its answers, and it does not.
    fn is_unread(&self) -> bool {
        self.state == State::Stuck && !self.activity.is_answering()
    }

    fn look(&mut self) -> Verdict {
        let now = Instant::now();
        let state = self.activity.look(&mut self.progress);
        if state != self.state || state == State::Busy {
            // Counted from the look that saw it, so that a limit is never cut short.
            (self.state, self.since, self.asked) = (state, now, false);
        }
        let age = now.duration_since(self.since);
        match self.state {
            State::Busy => Verdict::Stay,
            State::Stuck if age < self.limits.stuck_timeout => Verdict::Stay,
            State::Stuck => Verdict::Drop,
            State::AwaitingHead if age < self.limits.header_timeout => Verdict::Stay,
            State::AwaitingHead => Verdict::Drop,
            State::Idle if age < self.limits.idle_timeout => Verdict::Stay,
            State::Idle if age < self.limits.idle_timeout + self.limits.header_timeout => {
                if std::mem::replace(&mut self.asked, true) { Verdict::Stay } else { Verdict::AskToLeave }
            }
            // A client that does not read its answer keeps the connection open after it was asked to leave.
            State::Idle => Verdict::Drop,
        }
    }
}
