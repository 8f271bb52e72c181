//! Request ids: taken from the client when they are well formed, else counted. No random number is drawn per request:
//! that alone cost a fifth of a cache hit.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header of the request id, in both directions.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header that names the answering instance.
pub const X_INSTANCE: HeaderName = HeaderName::from_static("x-instance");

const INCOMING_BYTES_MAX: usize = 64;
const PREFIX_BYTES_MAX: usize = 80;

/// The source of request ids of one instance: `<instance>-<boot>-<n>`.
#[derive(Debug)]
pub struct RequestIds {
    prefix: Box<[u8]>,
    instance: HeaderValue,
    next: AtomicU64,
}

impl RequestIds {
    /// `instance` names the process in the fleet, `boot` tells this start of it from the earlier ones. Characters that
    /// an id may not have become `-`.
    pub fn new(instance: &str, boot: &str) -> Self {
        let clean = |text: &str| -> Vec<u8> {
            let allowed = |byte: u8| if is_allowed(byte) { byte } else { b'-' };
            text.bytes().map(allowed).take(PREFIX_BYTES_MAX / 2).collect()
        };
        let (instance, boot) = (clean(instance), clean(boot));
        let header = HeaderValue::from_bytes(&instance).unwrap_or_else(|_| HeaderValue::from_static("unnamed"));
        let prefix = [&instance[..], b"-", &boot[..], b"-"].concat().into_boxed_slice();
        Self { prefix, instance: header, next: AtomicU64::new(1) }
    }

    /// The value of [`X_INSTANCE`].
    pub fn instance(&self) -> &HeaderValue {
        &self.instance
    }

    /// The id of a request: its own when valid (1 to 64 of `A-Z a-z 0-9 . _ -`), else the next one.
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(X_REQUEST_ID) {
            Some(given) if is_valid(given.as_bytes()) => given.clone(),
            _ => self.next(),
        }
    }

    fn next(&self) -> HeaderValue {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(n);
        let mut id = bytes::BytesMut::with_capacity(self.prefix.len() + digits.len());
        id.extend_from_slice(&self.prefix);
        id.extend_from_slice(digits.as_bytes());
        HeaderValue::from_maybe_shared(id.freeze()).unwrap_or_else(|_| HeaderValue::from(n))
    }
}

fn is_valid(id: &[u8]) -> bool {
    (1..=INCOMING_BYTES_MAX).contains(&id.len()) && id.iter().copied().all(is_allowed)
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(id: &str) -> HeaderMap {
        HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_str(id).unwrap())])
    }

    #[test]
    fn ids_count_up_under_the_instance_and_its_boot() {
        let ids = RequestIds::new("node 1", "b7");
        assert_eq!(ids.of(&HeaderMap::new()), "node-1-b7-1");
        assert_eq!(ids.of(&HeaderMap::new()), "node-1-b7-2");
        assert_eq!(ids.instance(), "node-1");
    }

    #[test]
    fn a_valid_id_of_the_client_is_kept_and_any_other_replaced() {
        let ids = RequestIds::new("n", "b");
        assert_eq!(ids.of(&headers("Trace_1.a-b")), "Trace_1.a-b");
        assert_eq!(ids.of(&headers(&"x".repeat(64))), "x".repeat(64));
        for bad in ["", "a b", "a/b", &"x".repeat(65), "a\"b"] {
            assert!(ids.of(&headers(bad)).to_str().unwrap().starts_with("n-b-"), "{bad:?}");
        }
    }
}
