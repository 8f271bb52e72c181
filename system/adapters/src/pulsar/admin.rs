//! The admin API, as far as it is used: retention, and deleting subscriptions.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{BusError, Topic};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize};

use super::PulsarConfig;
use super::examine::setting;
use super::names::segment;
use crate::outgoing::{ClientError, SystemDns, operator_client, tls_of_platform};

/// What is shown of an answer that is a refusal.
const SHOWN_CHARS_MAX: usize = 200;

/// How long a namespace keeps what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    retention_time_in_minutes: i64,
    /// Both must be set for either to count.
    #[serde(rename = "retentionSizeInMB")]
    retention_size_in_mb: i64,
}

/// As long as it says, however much that is.
const UNLIMITED: i64 = -1;

impl Retention {
    fn of(retention: Duration) -> Self {
        let minutes = i64::try_from(retention.as_secs().div_ceil(60)).unwrap_or(i64::MAX);
        Self { retention_time_in_minutes: minutes, retention_size_in_mb: UNLIMITED }
    }

    /// A broker's default for namespaces on which nothing is set.
    fn of_broker(settings: &str) -> Option<Self> {
        Some(Self {
            retention_time_in_minutes: setting(settings, "defaultRetentionTimeInMinutes")?,
            retention_size_in_mb: setting(settings, "defaultRetentionSizeInMB")?,
        })
    }

    /// How long that is; `None`: for ever. Both must be set for either to count.
    fn kept(self) -> Option<Duration> {
        match (self.retention_time_in_minutes, self.retention_size_in_mb) {
            (_, 0) => Some(Duration::ZERO),
            (UNLIMITED, _) => None,
            (minutes, _) => Some(Duration::from_secs(minutes.max(0).unsigned_abs().saturating_mul(60))),
        }
    }

    /// Whether this keeps at least what `wanted` would.
    fn covers(self, wanted: Self) -> bool {
        let at_least = |own: i64, wanted: i64| own == UNLIMITED || (wanted != UNLIMITED && own >= wanted);
        at_least(self.retention_time_in_minutes, wanted.retention_time_in_minutes)
            && at_least(self.retention_size_in_mb, wanted.retention_size_in_mb)
    }
}

/// The admin API of a broker, for one namespace.
#[derive(Clone)]
pub struct PulsarAdmin {
    client: Client,
    config: Arc<PulsarConfig>,
}

impl PulsarAdmin {
    /// A client for `config.admin_url`. Connects when it is used.
    ///
    /// # Errors
    /// TLS or the client cannot be set up.
    pub fn new(config: Arc<PulsarConfig>) -> Result<Self, ClientError> {
        let client = operator_client(Arc::new(SystemDns::default()), tls_of_platform()?)?;
        Ok(Self { client, config })
    }

    /// Sees to it that the namespace retains as long as `config.retention`; more is left as it is. Answers whether it had to
    /// change anything. Topics keep what is set on them.
    ///
    /// # Errors
    /// The admin API is away, or refuses.
    pub async fn ensure_retention(&self) -> Result<bool, BusError> {
        let path = self.retention_path();
        let wanted = Retention::of(self.config.retention);
        let set = self.retention_set(&path).await?;
        if set.is_some_and(|set| set.covers(wanted)) {
            return Ok(false);
        }
        self.send(self.request(Method::POST, &path).json(&wanted)).await?;
        Ok(true)
    }

    /// For how long the namespace keeps what was acknowledged, `None` for ever: what is set on it, or else the default among
    /// the broker's settings.
    pub(super) async fn retention(&self, settings: &str) -> Result<Option<Duration>, BusError> {
        let set = self.retention_set(&self.retention_path()).await?;
        Ok(set.or_else(|| Retention::of_broker(settings)).map_or(Some(Duration::ZERO), Retention::kept))
    }

    fn retention_path(&self) -> String {
        format!("namespaces/{}/retention", self.config.namespace)
    }

    async fn retention_set(&self, path: &str) -> Result<Option<Retention>, BusError> {
        let answer = self.send(self.request(Method::GET, path)).await?;
        // Nothing, where it was never set.
        Ok(serde_json::from_str::<Option<Retention>>(&answer).unwrap_or_default())
    }

    pub(super) fn namespace(&self) -> &str {
        &self.config.namespace
    }

    /// Deletes a subscription, whoever sits on it. One that is not there is no error.
    pub(super) async fn delete_subscription(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        let (namespace, topic) = (&self.config.namespace, segment(topic.name()));
        let path = format!("persistent/{namespace}/{topic}/subscription/{}?force=true", segment(name));
        match self.call(self.request(Method::DELETE, &path)).await? {
            (StatusCode::NOT_FOUND, _) => Ok(()),
            (status, body) => accepted(status, body).map(drop),
        }
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/admin/v2/{path}", self.config.admin_url.trim_end_matches('/'));
        let request = self.client.request(method, url).timeout(self.config.operation_timeout);
        match &self.config.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Result<String, BusError> {
        let (status, body) = self.call(request).await?;
        accepted(status, body)
    }

    /// The same with what the answer's head says of the time.
    pub(super) async fn dated(&self, request: RequestBuilder) -> Result<(String, Option<String>), BusError> {
        let (status, body, date) = self.answer(request).await?;
        Ok((accepted(status, body)?, date))
    }

    async fn call(&self, request: RequestBuilder) -> Result<(StatusCode, String), BusError> {
        let (status, body, _) = self.answer(request).await?;
        Ok((status, body))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, String, Option<String>), BusError> {
        let answer = async {
            let response = request.send().await?;
            let date = response.headers().get(reqwest::header::DATE);
            let date = date.and_then(|date| date.to_str().ok()).map(str::to_owned);
            let status = response.status();
            Ok((status, response.text().await?, date))
        };
        answer.await.map_err(|error: reqwest::Error| match error.is_timeout() {
            true => BusError::Timeout,
            false => BusError::Unavailable(Some(Arc::new(error.without_url()))),
        })
    }
}

fn accepted(status: StatusCode, body: String) -> Result<String, BusError> {
    if status.is_success() {
        return Ok(body);
    }
    let shown: String = body.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
    let said = format!("the admin API says {status}: {shown}");
    match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        true => Err(BusError::Unavailable(Some(Arc::new(std::io::Error::other(said))))),
        false => Err(BusError::Refused(said)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_has_pulsars_form() {
        let week = Retention::of(Duration::from_secs(7 * 24 * 60 * 60));
        let json = serde_json::to_string(&week).unwrap();
        assert_eq!(json, r#"{"retentionTimeInMinutes":10080,"retentionSizeInMB":-1}"#);
        assert_eq!(Retention::of(Duration::from_millis(1)).retention_time_in_minutes, 0);
    }

    #[test]
    fn more_is_left_as_it_is() {
        let of = |retention_time_in_minutes, retention_size_in_mb| Retention {
            retention_time_in_minutes,
            retention_size_in_mb,
        };
        let wanted = of(10_080, -1);
        for enough in [of(10_080, -1), of(20_000, -1), of(-1, -1)] {
            assert!(enough.covers(wanted), "{enough:?}");
        }
        for short in [of(0, 0), of(10_079, -1), of(10_080, 100), of(-1, 0)] {
            assert!(!short.covers(wanted), "{short:?}");
        }
    }

    #[test]
    fn what_is_kept_follows_from_both_numbers() {
        let week = Some(Duration::from_secs(7 * 24 * 60 * 60));
        let of = |minutes, megabytes| {
            Retention { retention_time_in_minutes: minutes, retention_size_in_mb: megabytes }.kept()
        };
        assert_eq!(
            (of(10_080, -1), of(-1, -1), of(-1, 0), of(0, -1)),
            (week, None, Some(Duration::ZERO), Some(Duration::ZERO))
        );
        let broker = r#"{"defaultRetentionTimeInMinutes":"10080","defaultRetentionSizeInMB":"-1"}"#;
        assert_eq!(Retention::of_broker(broker).map(Retention::kept), Some(week));
        assert_eq!(Retention::of_broker("{}"), None);
    }

    #[test]
    fn refusals_and_troubles_are_told_apart() {
        let said = |status| accepted(status, "no\n".to_owned()).unwrap_err();
        assert!(!said(StatusCode::UNAUTHORIZED).is_retryable());
        assert!(said(StatusCode::SERVICE_UNAVAILABLE).is_retryable());
        assert!(said(StatusCode::CONFLICT).to_string().ends_with("409 Conflict: no"));
    }
}
