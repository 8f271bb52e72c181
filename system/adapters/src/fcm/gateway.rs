//! The gateway.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::WallClock;
use domain::ports::{PushError, PushGateway, PushMessage, PushOrigin, PushReceipt, PushTarget};
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};

use super::account::ServiceAccount;
use super::errors::{Outcome, outcome};
use super::message::message;
use super::tokens::{Source, Token, Tokens};
use crate::outgoing::{AddressError, AddressPolicy, Answer, ClientError, Dns, Endpoint, operator_client, post};

const BASE_URL: &str = "https://fcm.googleapis.com";
/// Registration tokens have about 160 characters; Google promises no length.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 16..=4_096;

/// What makes a gateway.
pub struct FcmConfig {
    /// The account that sends.
    pub account: ServiceAccount,
    /// Google's API, unless it is another's: `https://fcm.googleapis.com`.
    pub base_url: Option<String>,
    /// The token service, unless it is the one that the account's file names.
    pub token_uri: Option<String>,
}

/// A gateway cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FcmError {
    /// A URL is none, or not `https`.
    #[error("{setting}: {source}")]
    Url {
        /// Which.
        setting: &'static str,
        /// Why.
        source: AddressError,
    },
    /// The client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// FCM. One attempt is one POST, and a second one if Google refuses the access token of the first.
pub struct FcmGateway {
    endpoint: Endpoint,
    client: Client,
    tokens: Tokens,
    clock: Arc<dyn WallClock>,
}

impl FcmGateway {
    /// A gateway. Of `policy` only the listed private origins count: they may be `http`.
    ///
    /// # Errors
    /// A URL is wrong, or the client cannot be made.
    pub fn new(
        config: FcmConfig,
        policy: &AddressPolicy,
        dns: Arc<dyn Dns>,
        tls: rustls::ClientConfig,
        clock: Arc<dyn WallClock>,
    ) -> Result<Self, FcmError> {
        let FcmConfig { account, base_url, token_uri } = config;
        let judge =
            |setting, url: &str| policy.check_configured(url).map_err(|source| FcmError::Url { setting, source });
        let base = base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/');
        let endpoint = judge("base_url", &format!("{base}/v1/projects/{}/messages:send", account.project))?;
        let audience = token_uri.unwrap_or_else(|| account.token_uri.clone());
        let client = operator_client(dns, tls)?;
        let source = Source {
            endpoint: judge("token_uri", &audience)?,
            account,
            audience,
            client: client.clone(),
            clock: Arc::clone(&clock),
        };
        Ok(Self { endpoint, client, tokens: Tokens::new(source), clock })
    }

    async fn send(&self, token: &Token, body: Vec<u8>) -> Result<Answer, PushError> {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(AUTHORIZATION, token.header.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        post(&self.client, &self.endpoint, headers, body, &*self.clock).await
    }
}

fn registration(target: &PushTarget) -> Result<&str, PushError> {
    let wrong = |what: &str| Err(PushError::Invalid(what.to_owned()));
    let PushTarget::Fcm { token } = target else { return wrong("not a registration of FCM") };
    if !TOKEN_BYTES.contains(&token.len()) {
        return wrong("a registration token has 16 to 4,096 characters");
    }
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.')) {
        return wrong("a registration token holds letters, digits and -_:. only");
    }
    Ok(token)
}

#[async_trait]
impl PushGateway for FcmGateway {
    fn check(&self, target: &PushTarget) -> Result<(), PushError> {
        registration(target).map(|_| ())
    }

    fn origin(&self, _target: &PushTarget) -> PushOrigin {
        self.endpoint.origin().clone()
    }

    async fn attempt(&self, target: &PushTarget, push: &PushMessage) -> Result<PushReceipt, PushError> {
        let registration = registration(target)?;
        let body = message(registration, push, self.clock.now());
        let body = body.map_err(|error| PushError::Unreachable(Some(Arc::new(error))))?;
        let token = self.tokens.get().await?;
        let answer = self.send(&token, body.clone()).await?;
        let Outcome::Done(done) = outcome(&answer, registration) else {
            return self.again(&token, &answer, registration, body).await;
        };
        done
    }
}

impl FcmGateway {
    /// With another access token, once.
    async fn again(
        &self,
        refused: &Arc<Token>,
        answer: &Answer,
        registration: &str,
        body: Vec<u8>,
    ) -> Result<PushReceipt, PushError> {
        let unauthorized = |answer: &Answer| PushError::Unauthorized {
            status: answer.status,
            reason: crate::outgoing::reason(&answer.text, [registration]),
        };
        let Some(token) = self.tokens.instead_of(refused).await else { return Err(unauthorized(answer)) };
        let answer = self.send(&*token?, body).await?;
        match outcome(&answer, registration) {
            Outcome::Done(done) => done,
            Outcome::TokenRefused => Err(unauthorized(&answer)),
        }
    }
}
