//! VAPID tokens (RFC 8292 section 2), kept as RFC 8292 advises: signing one for each message would cost more than
//! encrypting it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use coherence::WallClock;
use domain::ports::PushOrigin;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Serialize;

use super::vapid_key::{VapidKey, VapidKeyError};
use crate::outgoing::Jwt;

/// How long a token is valid. RFC 8292 allows 24 h; half of it leaves room for clocks that differ.
const VALID_SECONDS: i64 = 12 * 3_600;
/// From half its life on it is made anew: nothing is ever sent with a token that ends soon.
const RENEW_SECONDS: i64 = VALID_SECONDS / 2;
/// Push services whose token is kept. There are a handful; users may name more.
const ORIGINS_MAX: usize = 1_024;

/// Who answers for the messages: push services write to it when something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VapidSubject(Arc<str>);

/// A subject is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no contact of push services: mailto:somebody@a.domain or https://a.domain (Apple refuses localhost)")]
pub struct SubjectError(String);

impl VapidSubject {
    /// Checks what `sub` must be (RFC 8292 section 2.1) and what services refuse.
    ///
    /// # Errors
    /// It is neither an address nor a page that could be reached.
    pub fn parse(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError(text.to_owned());
        let url = Url::parse(text).map_err(|_| wrong())?;
        let host = match url.scheme() {
            "mailto" => url.path().split_once('@').filter(|(name, _)| !name.is_empty()).map(|(_, host)| host),
            "https" => url.host_str(),
            _ => None,
        };
        let is_real = |host: &str| host.contains('.') && !host.contains('@') && !host.ends_with(".localhost");
        let has_space = text.chars().any(|char| char.is_whitespace() || char.is_control());
        if has_space || !host.is_some_and(is_real) {
            return Err(wrong());
        }
        Ok(Self(text.into()))
    }
}

#[derive(Serialize)]
struct Header {
    typ: &'static str,
    alg: &'static str,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

struct Kept {
    made_at: i64,
    header: HeaderValue,
}

/// The tokens of one key.
pub(super) struct Tokens {
    key: VapidKey,
    subject: VapidSubject,
    clock: Arc<dyn WallClock>,
    kept: Mutex<BTreeMap<PushOrigin, Kept>>,
}

impl Tokens {
    pub(super) fn new(key: VapidKey, subject: VapidSubject, clock: Arc<dyn WallClock>) -> Self {
        Self { key, subject, clock, kept: Mutex::default() }
    }

    pub(super) fn key(&self) -> &VapidKey {
        &self.key
    }

    /// `Authorization` for `origin`: `vapid t=<token>, k=<public key>` (RFC 8292 section 3).
    pub(super) fn authorization(&self, origin: &PushOrigin) -> Result<HeaderValue, VapidKeyError> {
        let now = self.clock.now().as_second();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not keep a token alive for longer.
        let is_fresh = |kept: &&Kept| (0..RENEW_SECONDS).contains(&(now - kept.made_at));
        if let Some(kept) = kept.get(origin).filter(is_fresh) {
            return Ok(kept.header.clone());
        }
        let header = self.sign(origin, now)?;
        if kept.len() >= ORIGINS_MAX && !kept.contains_key(origin) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.made_at).map(|(origin, _)| origin.clone());
            oldest.and_then(|origin| kept.remove(&origin));
        }
        kept.insert(origin.clone(), Kept { made_at: now, header: header.clone() });
        Ok(header)
    }

    fn sign(&self, origin: &PushOrigin, now: i64) -> Result<HeaderValue, VapidKeyError> {
        let claims = Claims { aud: &origin.0, exp: now + VALID_SECONDS, sub: &self.subject.0 };
        let jwt = Jwt::new(&Header { typ: "JWT", alg: "ES256" }, &claims).map_err(|_| VapidKeyError::Crypto)?;
        let signature = self.key.sign(jwt.signing_input())?;
        let text = format!("vapid t={}, k={}", jwt.signed(signature.as_ref()), self.key.public_key());
        let mut header = HeaderValue::try_from(text).map_err(|_| VapidKeyError::Crypto)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use coherence::Timestamp;
    use serde_json::Value;

    use super::*;

    struct Hands(AtomicI64);

    impl WallClock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
        }
    }

    const START: i64 = 1_760_000_000;

    fn tokens() -> (Tokens, Arc<Hands>) {
        let clock = Arc::new(Hands(AtomicI64::new(START)));
        let subject = VapidSubject::parse("mailto:ops@smartpulse.example").unwrap();
        (Tokens::new(VapidKey::generate().unwrap(), subject, Arc::clone(&clock) as _), clock)
    }

    fn origin(text: &str) -> PushOrigin {
        PushOrigin(text.into())
    }

    /// The claims of a header whose signature is right.
    fn claims(header: &HeaderValue) -> Value {
        let (token, key) = header.to_str().unwrap().strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key));
        key.verify(signed.as_bytes(), &decode(signature)).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        assert_eq!(decode(header), br#"{"typ":"JWT","alg":"ES256"}"#);
        serde_json::from_slice(&decode(claims)).unwrap()
    }

    #[test]
    fn the_claims_of_rfc_8292() {
        let (tokens, _) = tokens();
        let header = tokens.authorization(&origin("https://push.example.com:8443")).unwrap();
        let expected = serde_json::json!({
            "aud": "https://push.example.com:8443", "exp": START + 43_200, "sub": "mailto:ops@smartpulse.example",
        });
        assert_eq!(claims(&header), expected);
        assert!(header.is_sensitive());
    }

    #[test]
    fn one_signature_in_half_a_life() {
        let (tokens, clock) = tokens();
        let first = tokens.authorization(&origin("https://a.example")).unwrap();
        assert_ne!(tokens.authorization(&origin("https://b.example")).unwrap(), first);
        clock.0.store(START + RENEW_SECONDS - 1, Ordering::Relaxed);
        assert_eq!(tokens.authorization(&origin("https://a.example")).unwrap(), first);
        clock.0.store(START + RENEW_SECONDS, Ordering::Relaxed);
        let second = tokens.authorization(&origin("https://a.example")).unwrap();
        assert_eq!(claims(&second)["exp"], START + RENEW_SECONDS + VALID_SECONDS);
        clock.0.store(START, Ordering::Relaxed);
        let back = tokens.authorization(&origin("https://a.example")).unwrap();
        assert_eq!(claims(&back)["exp"], START + VALID_SECONDS, "a clock set back: never more than 24 h ahead");
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let (tokens, clock) = tokens();
        for number in 0..ORIGINS_MAX + 10 {
            clock.0.fetch_add(1, Ordering::Relaxed);
            tokens.authorization(&origin(&format!("https://{number}.example"))).unwrap();
        }
        let kept = tokens.kept.lock().unwrap();
        assert_eq!(kept.len(), ORIGINS_MAX);
        assert!(!kept.contains_key(&origin("https://9.example")) && kept.contains_key(&origin("https://10.example")));
    }

    #[test]
    fn subjects_that_services_take() {
        for text in ["mailto:ops@example.com", "https://example.com/contact"] {
            VapidSubject::parse(text).unwrap();
        }
        for text in [
            "",
            "ops@example.com",
            "mailto:ops",
            "mailto:@example.com",
            "mailto:ops@localhost",
            "https://localhost",
            "http://example.com",
            "mailto:a@b.example\r\nX: y",
            "mailto:a@b@c.example",
        ] {
            assert!(VapidSubject::parse(text).is_err(), "{text}");
        }
    }
}
