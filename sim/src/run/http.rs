//! HTTP to one instance, over one connection that is made anew when it breaks.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;

use crate::wire::Net;
use crate::world::{API_PORT, instance_name};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// An answer with its body.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A request.
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) min: Option<String>,
    pub(super) body: String,
}

/// A client of one instance.
pub(super) struct HttpClient {
    net: Net,
    instance: String,
    token: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl HttpClient {
    pub(super) fn new(net: Net, instance: usize, token: String) -> Self {
        Self { net, instance: instance_name(instance), token, sender: None }
    }

    /// Asks.
    ///
    /// # Errors
    /// There is no answer; whether the request took effect is unknown. The connection is given up.
    pub(super) async fn ask(&mut self, question: Question) -> Result<Reply, String> {
        let asked = tokio::time::timeout(PATIENCE, self.ask_patiently(question)).await;
        let reply = asked.map_err(|_| "no answer in time".to_owned()).and_then(|reply| reply);
        if reply.is_err() {
            self.sender = None;
        }
        reply
    }

    async fn ask_patiently(&mut self, question: Question) -> Result<Reply, String> {
        self.net.weather.walk(&self.net.host, &self.instance);
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        let mut request = Request::builder()
            .method(question.method)
            .uri(question.path)
            .header("host", self.instance.as_str())
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token));
        if let Some(min) = question.min {
            request = request.header("x-min-version", min);
        }
        let request = request.body(Full::new(Bytes::from(question.body))).map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        self.sender = Some(sender);
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = self.net.dial(&self.instance, API_PORT).await.map_err(|error| error.kind().to_string())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a client's connection ended");
            }
        });
        Ok(sender)
    }
}
