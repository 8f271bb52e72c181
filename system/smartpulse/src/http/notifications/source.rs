//! Who a source is to a rate limiter.

use std::net::IpAddr;

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::http::source::Source;

/// All requests of one source are one subject: an IPv4 address, or the /64 that an IPv6 address is of, since whoever has
/// one has all of it. Those of unknown sources are one together.
pub(super) fn subject(source: Option<&Source>) -> Uuid {
    let bytes = match source.map(|Source(address)| address.to_canonical()) {
        None => return Uuid::nil(),
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
    };
    // Spread, so that they share the limiter's table evenly.
    Uuid::from_u128(xxh3_128(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_is_one_subject() {
        let of = |text: &str| subject(Some(&Source(text.parse().unwrap())));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(subject(None), Uuid::nil());
    }
}
