//! The broker's admin API, for suites: blocking, plain HTTP, without authentication.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

use crate::Absence;

const CALL_MAX: Duration = Duration::from_secs(30);
/// Health and statistics are shorter.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// The admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    url: String,
    authority: String,
}

impl Admin {
    /// The API at `http://host:port`.
    ///
    /// # Errors
    /// It is another kind of URL.
    pub fn new(url: String) -> Result<Self, Absence> {
        match url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/').to_owned()) {
            Some(authority) if authority.contains(':') => Ok(Self { url, authority }),
            _ => Err(Absence::Broken(format!("{url}: suites speak to http://host:port"))),
        }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the broker serves, and has the tenant of the suites: it makes that after it calls itself healthy.
    pub fn is_healthy(&self) -> bool {
        let is_ok = matches!(self.call("GET", "brokers/health", ""), Ok((200, body)) if body.trim() == "ok");
        is_ok && matches!(self.call("GET", "namespaces/public", ""), Ok((200, _)))
    }

    /// A new namespace `public/<name>`.
    pub fn make_namespace(&self, name: &str) -> String {
        let namespace = format!("public/{name}");
        self.expect("PUT", &format!("namespaces/{namespace}"), "{}");
        namespace
    }

    /// Any call that must succeed; its answer, where that is JSON.
    #[track_caller]
    pub fn expect(&self, method: &str, path: &str, body: &str) -> Value {
        match self.call(method, path, body) {
            Ok((200..=299, answer)) => serde_json::from_str(&answer).unwrap_or(Value::Null),
            other => panic_with(method, path, &format!("{other:?}")),
        }
    }

    /// One call: status and body.
    ///
    /// # Errors
    /// The broker is away.
    pub fn call(&self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
        let mut addresses = self.authority.to_socket_addrs()?;
        let address = addresses.next().ok_or_else(|| std::io::Error::other("no address"))?;
        let mut stream = TcpStream::connect_timeout(&address, CALL_MAX)?;
        stream.set_read_timeout(Some(CALL_MAX))?;
        let (host, length) = (&self.authority, body.len());
        // HTTP/1.0: the answer ends with the connection.
        write!(
            stream,
            "{method} /admin/v2/{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| std::io::Error::other("no HTTP"))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.ok_or_else(|| std::io::Error::other("no status"))?, body.to_owned()))
    }
}

#[expect(clippy::panic, reason = "a case fails by panicking")]
#[track_caller]
fn panic_with(method: &str, path: &str, what: &str) -> ! {
    panic!("{method} {path}: {what}")
}
