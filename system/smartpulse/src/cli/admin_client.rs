//! Sends one request to the admin routes of an instance.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use super::batch_client::{SendError, words_of};
use crate::auth::https_client;
use crate::auth::jwks::ClientError;
use crate::config::Secret;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A client of one instance.
#[derive(Debug)]
pub(super) struct AdminClient {
    http: reqwest::Client,
    base: String,
    token: Option<Secret<String>>,
}

impl AdminClient {
    /// A client of the internal address `base` (`http://127.0.0.1:9090`).
    pub(super) fn new(base: &str, token: Option<Secret<String>>) -> Result<Self, ClientError> {
        Ok(Self { http: https_client()?, base: format!("{}/admin", base.trim_end_matches('/')), token })
    }

    /// The answer; `None` to an order that has none.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, SendError> {
        let url = format!("{}/{path}", self.base);
        let unreachable = |error| SendError::Unreachable { url: url.clone(), source: Arc::new(error) };
        let mut request = self.http.request(method, &url).timeout(REQUEST_TIMEOUT);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        match status {
            StatusCode::NO_CONTENT => Ok(None),
            status if status.is_success() => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                let problem = format!("the answer is not JSON ({error}); is this the internal address?");
                SendError::Refused { url: url.clone(), status, problem }
            }),
            StatusCode::UNAUTHORIZED => Err(SendError::Unauthorized { url: url.clone(), problem: words_of(&bytes) }),
            status => Err(SendError::Refused { url: url.clone(), status, problem: words_of(&bytes) }),
        }
    }
}
