//! Which endpoints this system sends to.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use domain::ports::{ENDPOINT_BYTES_MAX, PushError, PushOrigin};
use reqwest::Url;

use super::public::is_public;

const HTTPS_PORT: u16 = 443;

/// Endpoints of users must be `https`, on a port of the list (443 alone, unless configured), without user information,
/// at a public address or at a name that may have one; whether it has is seen when a connection is made. Listed private
/// origins are exempt from all of that: they may be `http`, on any port, at any address. They are for tests and sinks.
#[derive(Debug, Clone)]
pub struct AddressPolicy {
    ports: BTreeSet<u16>,
    private_origins: BTreeSet<Arc<str>>,
}

/// An endpoint that the policy let through. `Debug` shows its origin only: the rest is a capability.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    origin: PushOrigin,
    is_listed: bool,
}

/// An endpoint or a setting was refused. Nothing here repeats more of an endpoint than its address or port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is longer than any endpoint.
    #[error("longer than {ENDPOINT_BYTES_MAX} bytes")]
    TooLong,
    /// It is no absolute URL with a host, or holds spaces or control characters.
    #[error("not an absolute URL")]
    NotAUrl,
    /// It names a user or a password.
    #[error("a URL with user information")]
    UserInfo,
    /// It has a fragment, which no server would see.
    #[error("a URL with a fragment")]
    Fragment,
    /// Its scheme is not `https`.
    #[error("not an https URL")]
    NotHttps,
    /// Its port is not one of the allowed.
    #[error("port {0} is not allowed")]
    Port(u16),
    /// Its address is not of the public internet.
    #[error("{0} is no public address")]
    Address(IpAddr),
    /// Its name is one of a local network.
    #[error("the name is a local one")]
    LocalName,
    /// The setting is more than an origin: `scheme://host[:port]`.
    #[error("not an origin, scheme://host[:port]: {0}")]
    NotAnOrigin(String),
}

impl From<AddressError> for PushError {
    fn from(error: AddressError) -> Self {
        let text = error.to_string();
        match error {
            AddressError::TooLong
            | AddressError::NotAUrl
            | AddressError::UserInfo
            | AddressError::Fragment
            | AddressError::NotAnOrigin(_) => Self::Invalid(format!("endpoint: {text}")),
            AddressError::NotHttps | AddressError::Port(_) | AddressError::Address(_) | AddressError::LocalName => {
                Self::Blocked(text)
            }
        }
    }
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self { ports: BTreeSet::from([HTTPS_PORT]), private_origins: BTreeSet::new() }
    }
}

impl AddressPolicy {
    /// Lets these exact origins through (`push.allowed_private_origins`), `http` or private as they are.
    ///
    /// # Errors
    /// One is more or less than an origin.
    pub fn with_private_origins<T: AsRef<str>>(
        mut self,
        origins: impl IntoIterator<Item = T>,
    ) -> Result<Self, AddressError> {
        for text in origins.into_iter() {
            let text = text.as_ref();
            let wrong = || AddressError::NotAnOrigin(text.to_owned());
            let url = Url::parse(text).map_err(|_| wrong())?;
            let origin = url.origin().ascii_serialization();
            let is_http = matches!(url.scheme(), "http" | "https");
            if !is_http || text.trim_end_matches('/') != origin {
                return Err(wrong());
            }
            self.private_origins.insert(origin.into());
        }
        Ok(self)
    }

    /// Allows these ports beside 443: self-hosted push services have others.
    #[must_use]
    pub fn with_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports.extend(ports);
        self
    }

    /// Whether any private origin is let through: health says so (`sinks`), and production refuses it.
    pub fn has_private_origins(&self) -> bool {
        !self.private_origins.is_empty()
    }

    /// Judges a URL, as far as that can be done without asking a name server.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, text: &str) -> Result<Endpoint, AddressError> {
        let endpoint = self.parse(text)?;
        if endpoint.is_listed {
            return Ok(endpoint);
        }
        let url = &endpoint.url;
        if url.scheme() != "https" {
            return Err(AddressError::NotHttps);
        }
        let port = url.port_or_known_default().unwrap_or(HTTPS_PORT);
        if !self.ports.contains(&port) {
            return Err(AddressError::Port(port));
        }
        match literal(url) {
            Some(address) if !is_public(address) => Err(AddressError::Address(address)),
            None if url.host_str().is_none_or(is_local_name) => Err(AddressError::LocalName),
            _ => Ok(endpoint),
        }
    }

    /// Judges a URL that the operator configured (that of Google's API, say): `https` at any address, or a listed
    /// origin. Nobody else can set it, so its addresses are not judged.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check_configured(&self, text: &str) -> Result<Endpoint, AddressError> {
        let endpoint = self.parse(text)?;
        match endpoint.is_listed || endpoint.url.scheme() == "https" {
            true => Ok(endpoint),
            false => Err(AddressError::NotHttps),
        }
    }

    /// The origin of `text`, whether it may be sent to or not.
    pub(crate) fn origin_of(text: &str) -> Option<PushOrigin> {
        let url = Url::parse(text).ok().filter(Url::has_host)?;
        Some(PushOrigin(url.origin().ascii_serialization().into()))
    }

    fn parse(&self, text: &str) -> Result<Endpoint, AddressError> {
        if text.len() > ENDPOINT_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        // A URL parser drops tabs and line ends; what was registered should be what is sent to.
        if text.chars().any(|char| char.is_control() || char.is_whitespace()) {
            return Err(AddressError::NotAUrl);
        }
        let url = Url::parse(text).ok().filter(Url::has_host).ok_or(AddressError::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(AddressError::Fragment);
        }
        let origin: Arc<str> = url.origin().ascii_serialization().into();
        let is_listed = self.private_origins.contains(&origin);
        Ok(Endpoint { url, origin: PushOrigin(origin), is_listed })
    }
}

impl Endpoint {
    /// Scheme, host and port, the port only if it is not the scheme's: what a VAPID token is for (RFC 8292 section 2).
    pub fn origin(&self) -> &PushOrigin {
        &self.origin
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// The parts that make it a capability.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.url.path_segments().into_iter().flatten().chain(self.url.query())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.origin.0).finish()
    }
}

/// The address, if the host is one: a URL parser has brought `0x7f.1` and its like into their plain form.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Names that no public name server should know; asking for them tells who listens on the local network what is sought.
fn is_local_name(host: &str) -> bool {
    let ends = [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".onion", "."];
    !host.contains('.') || ends.iter().any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> AddressError {
        AddressPolicy::default().check(text).unwrap_err()
    }

    #[test]
    fn what_push_services_give_passes() {
        for text in [
            "https://fcm.googleapis.com/fcm/send/abc:def",
            "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
            "https://web.push.apple.com/QGuQ",
            "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAB%3d",
            "https://8.8.8.8/x",
            "https://[2001:4860:4860::8888]/x",
            "https://push.example.com:443/x",
        ] {
            AddressPolicy::default().check(text).unwrap();
        }
    }

    #[test]
    fn addresses_in_every_spelling() {
        for text in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[64:ff9b::10.0.0.1]/",
            "https://[2002:a00:1::]/",
            "https://[fe80::1]/",
            "https://１２７.0.0.1/",
        ] {
            assert!(matches!(refused(text), AddressError::Address(_)), "{text}: {:?}", refused(text));
        }
    }

    #[test]
    fn each_rule_has_its_error() {
        assert_eq!(refused("http://push.example.com/x"), AddressError::NotHttps);
        assert_eq!(refused("ftp://push.example.com/x"), AddressError::NotHttps);
        assert_eq!(refused("https://push.example.com:8443/x"), AddressError::Port(8443));
        assert_eq!(refused("https://a:b@push.example.com/x"), AddressError::UserInfo);
        assert_eq!(refused("https://push.example.com@127.0.0.1/x"), AddressError::UserInfo);
        assert_eq!(refused("https://push.example.com/x#y"), AddressError::Fragment);
        for text in [
            "",
            "push.example.com/x",
            "https://",
            "mailto:a@b.example",
            "https://push.example.com/\r\nx",
            " https://a.b/",
        ] {
            assert_eq!(refused(text), AddressError::NotAUrl, "{text}");
        }
        for text in
            ["https://redis/", "https://localhost/", "https://a.localhost/", "https://db.internal/", "https://a.b./"]
        {
            assert_eq!(refused(text), AddressError::LocalName, "{text}");
        }
        assert_eq!(refused(&format!("https://push.example.com/{}", "x".repeat(3_000))), AddressError::TooLong);
    }

    #[test]
    fn a_listed_origin_is_exact() {
        let policy = AddressPolicy::default().with_private_origins(["http://127.0.0.1:9900"]).unwrap();
        assert!(policy.has_private_origins());
        assert_eq!(&*policy.check("http://127.0.0.1:9900/push/1").unwrap().origin().0, "http://127.0.0.1:9900");
        assert_eq!(policy.check("http://127.0.0.1:9901/x").unwrap_err(), AddressError::NotHttps);
        assert!(policy.check("https://127.0.0.1:9900/x").is_err());
        assert!(policy.check("http://127.0.0.1:9900@10.0.0.1/x").is_err());
        for text in
            ["127.0.0.1:9900", "http://a.example/path", "http://*.example", "ftp://a.example", "http://u@a.example"]
        {
            let listed = AddressPolicy::default().with_private_origins([text]);
            assert!(text.contains('*') || listed.is_err(), "{text}");
        }
    }

    #[test]
    fn more_ports_by_configuration() {
        let policy = AddressPolicy::default().with_ports([8443]);
        assert_eq!(
            &*policy.check("https://push.example.com:8443/x").unwrap().origin().0,
            "https://push.example.com:8443"
        );
        assert_eq!(policy.check("https://push.example.com:22/x").unwrap_err(), AddressError::Port(22));
    }

    #[test]
    fn configured_urls_are_https_or_listed() {
        let policy = AddressPolicy::default();
        assert!(policy.check_configured("https://10.0.0.1:8443/v1").is_ok());
        assert_eq!(policy.check_configured("http://10.0.0.1/").unwrap_err(), AddressError::NotHttps);
    }

    #[test]
    fn debug_and_errors_hold_no_capability() {
        let endpoint = AddressPolicy::default().check("https://push.example.com/secret-token?and=more").unwrap();
        assert_eq!(format!("{endpoint:?}"), r#"Endpoint("https://push.example.com")"#);
        assert_eq!(endpoint.secrets().collect::<Vec<_>>(), ["secret-token", "and=more"]);
        assert!(!format!("{} {0:?}", refused("https://127.0.0.1/secret-token")).contains("secret-token"));
    }
}
