//! Conditional requests (RFC 9110 section 13): entity tags and the headers that name them.

use coherence::Version;
use domain::model::ForecastId;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::problem::Problem;

/// Raised when the same version of a forecast is written differently (a new field): the tag must differ then, too. The
/// golden test of the document says when.
const REPRESENTATION: u8 = 1;

/// The most entity tags that one header may name.
const TAGS_MAX: usize = 64;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The strong entity tag of a forecast at a version. It depends on nothing else, so all instances make the same, before
/// and after a restart (table 7 row 29 of the research).
pub fn forecast_etag(id: ForecastId, version: Version) -> HeaderValue {
    let mut name = [0; 33];
    name[..16].copy_from_slice(id.0.as_bytes());
    name[16..24].copy_from_slice(&version.incarnation.0.to_le_bytes());
    name[24..32].copy_from_slice(&version.id.0.to_le_bytes());
    name[32] = REPRESENTATION;
    quoted(xxh3_128(&name))
}

/// The strong entity tag of a body that has no version of its own (a list): a hash of its bytes.
pub fn body_etag(body: &[u8]) -> HeaderValue {
    quoted(xxh3_128(body) ^ u128::from(xxh3_64(&body.len().to_le_bytes())))
}

fn quoted(hash: u128) -> HeaderValue {
    let mut text = [b'"'; 34];
    for (at, byte) in hash.to_be_bytes().into_iter().enumerate() {
        text[1 + 2 * at] = HEX[usize::from(byte >> 4)];
        text[2 + 2 * at] = HEX[usize::from(byte & 15)];
    }
    // Hex digits and quotes are always a valid header value.
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether `If-None-Match` names this tag: then the answer is 304. The comparison is weak, as the RFC asks.
pub fn none_match(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    // The usual case is one header with one tag, as we wrote it.
    headers.get_all(header::IF_NONE_MATCH).iter().any(|given| {
        given == etag
            || tags(given.as_bytes())
                .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
    })
}

/// The least version that the caller wants to see, in the form of `X-Version`.
pub const X_MIN_VERSION: HeaderName = HeaderName::from_static("x-min-version");

/// `X-Min-Version`, if it is there.
///
/// # Errors
/// 400 naming the header, if it is not one version.
pub fn min_version(headers: &HeaderMap) -> Result<Option<Version>, Problem> {
    let mut all = headers.get_all(X_MIN_VERSION).iter();
    let Some(given) = all.next() else { return Ok(None) };
    let version = given.to_str().ok().and_then(|text| text.parse().ok()).filter(|_| all.next().is_none());
    let wrong =
        || Problem::invalid_field("X-Min-Version", "must be one version in the form of X-Version, such as 1.42");
    version.map(Some).ok_or_else(wrong)
}

/// `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version.
    Any,
    /// One of these tags. A weak one never matches here, so it is not among them.
    OneOf(Vec<Vec<u8>>),
}

impl IfMatch {
    /// Reads the header, if it is there.
    ///
    /// # Errors
    /// 400 naming the header, if it is not a list of at most 64 quoted entity tags.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut named = Vec::new();
        let mut present = false;
        for given in headers.get_all(header::IF_MATCH) {
            present = true;
            for tag in tags(given.as_bytes()) {
                match tag {
                    b"*" => return Ok(Some(Self::Any)),
                    [b'"', .., b'"'] => named.push(tag.to_vec()),
                    [b'W', b'/', b'"', .., b'"'] => {}
                    _ => return Err(Problem::invalid_field("If-Match", "must be * or quoted entity tags")),
                }
            }
        }
        if named.len() > TAGS_MAX {
            return Err(Problem::invalid_field("If-Match", format!("names at most {TAGS_MAX} entity tags")));
        }
        Ok(present.then_some(Self::OneOf(named)))
    }

    /// Whether a forecast with this tag may be changed.
    pub fn accepts(&self, etag: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|tag| tag == etag.as_bytes()),
        }
    }
}

/// The members of a comma-separated header. Our own tags hold no comma, so a foreign one that does only fails to match.
fn tags(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn tags_differ_by_id_incarnation_and_version_and_by_nothing_else() {
        let tag = |id, incarnation, version| {
            forecast_etag(ForecastId(Uuid::from_u128(id)), Version::new(incarnation, version))
        };
        assert_eq!(tag(1, 1, 1), tag(1, 1, 1));
        assert_eq!(tag(1, 1, 1).as_bytes().len(), 34);
        for other in [tag(2, 1, 1), tag(1, 2, 1), tag(1, 1, 2)] {
            assert_ne!(
                tag(1, 1, 1),
                other,
                "a restored database may repeat a version: the incarnation tells them apart"
            );
        }
        assert_ne!(body_etag(b"a"), body_etag(b"b"));
    }

    #[test]
    fn if_none_match_is_a_list_compared_weakly() {
        let etag = body_etag(b"a");
        let text = etag.to_str().unwrap();
        for good in [text.to_owned(), format!("W/{text}"), format!("\"x\", {text}"), "*".to_owned()] {
            assert!(none_match(&headers(header::IF_NONE_MATCH, &good), &etag), "{good}");
        }
        for bad in ["\"x\"", "", "W/", &text[1..]] {
            assert!(!none_match(&headers(header::IF_NONE_MATCH, bad), &etag), "{bad}");
        }
    }

    #[test]
    fn if_match_is_compared_strongly() {
        let etag = body_etag(b"a");
        let text = etag.to_str().unwrap();
        let accepts = |value: &str| IfMatch::read(&headers(header::IF_MATCH, value)).unwrap().unwrap().accepts(&etag);
        assert!(accepts(text) && accepts("*") && accepts(&format!("\"x\",{text}")));
        assert!(!accepts("\"x\"") && !accepts(&format!("W/{text}")) && !accepts(""));
        assert!(IfMatch::read(&headers(header::IF_MATCH, "abc")).is_err());
        assert!(IfMatch::read(&headers(header::IF_MATCH, &vec!["\"x\""; TAGS_MAX + 1].join(","))).is_err());
        assert_eq!(IfMatch::read(&HeaderMap::new()).unwrap(), None);
    }
}
