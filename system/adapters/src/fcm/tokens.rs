//! Access tokens (RFC 6749 section 5 by the grant of RFC 7523): one for all, one fetch at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coherence::WallClock;
use domain::ports::PushError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::account::ServiceAccount;
use crate::outgoing::{Answer, Endpoint, post, reason};

/// Google's advice for its clients. It is longer than an attempt: who gave up waiting still helps the next.
const FETCH_DEADLINE: Duration = Duration::from_secs(10);
/// From so long before its end on, a token is fetched anew while the old one is still used.
const REFRESH_AHEAD: Duration = Duration::from_secs(300);
/// So close to its end it is not used any more: the request takes time too.
const UNUSABLE_AHEAD: Duration = Duration::from_secs(30);
/// After a failed fetch everybody gets its error for so long, or each retry of each message would call again.
const FAILURE_KEPT: Duration = Duration::from_secs(1);
/// If the service names a longer time, so long.
const FAILURE_KEPT_MAX: Duration = Duration::from_secs(60);
/// A new token is fetched at most so often because an old one was refused: when Google refuses them all, something else
/// is wrong.
const REFUSAL_INTERVAL: Duration = Duration::from_secs(10);
/// What Google gives if it names no time.
const DEFAULT_LIFE: Duration = Duration::from_secs(3_600);
const LIFE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// `Authorization` for the API, and until when.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    refresh_at: Instant,
    unusable_at: Instant,
}

type Fetched = Result<Arc<Token>, PushError>;
type Flight = Shared<BoxFuture<'static, Fetched>>;

/// Where tokens come from.
pub(super) struct Source {
    pub(super) account: ServiceAccount,
    pub(super) endpoint: Endpoint,
    /// The `aud` of the grant: the URL as Google's file has it.
    pub(super) audience: String,
    pub(super) client: Client,
    pub(super) clock: Arc<dyn WallClock>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    flight: Option<Flight>,
    failure: Option<(Instant, PushError)>,
    refused_at: Option<Instant>,
}

struct Shelf {
    source: Source,
    state: Mutex<State>,
}

/// The token of one account.
#[derive(Clone)]
pub(super) struct Tokens(Arc<Shelf>);

impl Tokens {
    pub(super) fn new(source: Source) -> Self {
        Self(Arc::new(Shelf { source, state: Mutex::default() }))
    }

    /// A token to send with: the one at hand, or that of the one fetch which is under way.
    pub(super) async fn get(&self) -> Fetched {
        let flight = {
            let mut state = self.state();
            let now = Instant::now();
            match state.token.clone() {
                Some(token) if now < token.refresh_at => return Ok(token),
                Some(token) if now < token.unusable_at => {
                    if state.recent_failure(now).is_none() {
                        drop(self.join(&mut state));
                    }
                    return Ok(token);
                }
                _ => {}
            }
            if let Some(error) = state.recent_failure(now) {
                return Err(error);
            }
            self.join(&mut state)
        };
        flight.await
    }

    /// Another token than `refused`; `None` if there was a refusal a moment ago already.
    pub(super) async fn instead_of(&self, refused: &Arc<Token>) -> Option<Fetched> {
        {
            let mut state = self.state();
            if state.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
                let now = Instant::now();
                if state.refused_at.is_some_and(|at| now < at + REFUSAL_INTERVAL) {
                    return None;
                }
                state.refused_at = Some(now);
                state.token = None;
            }
        }
        Some(self.get().await)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fetch under way, or a new one, on a task of its own: a caller that gives up cancels nobody else's.
    fn join(&self, state: &mut State) -> Flight {
        // One that ended without clearing itself (its task panicked) must not be joined for ever.
        state.flight.take_if(|flight| flight.peek().is_some());
        let start = || {
            let tokens = self.clone();
            let task = tokio::spawn(async move { tokens.fetch_and_keep().await });
            let landed =
                task.map(|joined| joined.unwrap_or_else(|error| Err(PushError::Unreachable(Some(Arc::new(error))))));
            landed.boxed().shared()
        };
        state.flight.get_or_insert_with(start).clone()
    }

    async fn fetch_and_keep(&self) -> Fetched {
        let fetched = timeout(FETCH_DEADLINE, self.0.source.fetch()).await.unwrap_or(Err(PushError::Timeout));
        let mut state = self.state();
        state.flight = None;
        match &fetched {
            Ok(token) => (state.token, state.failure) = (Some(Arc::clone(token)), None),
            Err(error) => {
                let kept = error.retry_after().unwrap_or_default().clamp(FAILURE_KEPT, FAILURE_KEPT_MAX);
                state.failure = Some((Instant::now() + kept, error.clone()));
            }
        }
        fetched
    }
}

impl State {
    fn recent_failure(&self, now: Instant) -> Option<PushError> {
        self.failure.as_ref().filter(|(until, _)| now < *until).map(|(_, error)| error.clone())
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Source {
    async fn fetch(&self) -> Fetched {
        // Counted from before the request: what it took is not added to the token's life.
        let asked_at = Instant::now();
        let grant = self.account.grant(&self.audience, self.clock.now()).ok_or(PushError::Unreachable(None))?;
        let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={grant}");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let answer = post(&self.client, &self.endpoint, headers, form.into_bytes(), &*self.clock).await?;
        granted(&answer, asked_at)
    }
}

fn granted(answer: &Answer, asked_at: Instant) -> Fetched {
    let (status, retry_after) = (answer.status, answer.retry_after);
    match status {
        200..=299 => {}
        429 => return Err(PushError::Throttled { status, retry_after }),
        408 | 500..=599 => return Err(PushError::Failing { status, retry_after }),
        _ => {
            let reason = format!("no access token: {}", reason(&answer.text, []));
            return Err(PushError::Unauthorized { status, reason });
        }
    }
    // An answer that is none comes from something in front of the service.
    let broken = PushError::Failing { status, retry_after: None };
    let granted: Granted = serde_json::from_str(&answer.text).map_err(|_| broken.clone())?;
    let mut header = HeaderValue::try_from(format!("Bearer {}", granted.access_token)).map_err(|_| broken)?;
    header.set_sensitive(true);
    let life = granted.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs).min(LIFE_MAX);
    // Short lives (an emulator's) have the same two steps, nearer to their end.
    let left = |ahead: Duration, share: u32| asked_at + life.saturating_sub(ahead.min(life / share));
    let (refresh_at, unusable_at) = (left(REFRESH_AHEAD, 2), left(UNUSABLE_AHEAD, 4));
    Ok(Arc::new(Token { header, refresh_at, unusable_at }))
}
