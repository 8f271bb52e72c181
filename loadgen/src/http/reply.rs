//! Replies, parsed where they lie.

use std::fmt;
use std::str::FromStr;

/// The most headers of a reply.
const HEADERS_MAX: usize = 48;
/// The longest head of a reply.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The longest body that is taken.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

/// What cannot be an HTTP/1.1 reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The head is no head.
    #[error("the head of the reply cannot be read")]
    Head,
    /// Its length is not told, or told twice, or too much.
    #[error("the length of the reply's body is not told, or is too much")]
    Length,
    /// A chunk is none.
    #[error("a chunk of the reply cannot be read")]
    Chunk,
}

/// The tier that answered: `X-Cache-Level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Ready responses of the instance.
    L1,
    /// Its tracked documents.
    L2,
    /// The shared tier.
    L3,
    /// The store.
    L4,
}

impl Level {
    /// All of them, nearest first.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::L3, Self::L4];

    /// `L1` to `L4`.
    pub const fn name(self) -> &'static str {
        ["L1", "L2", "L3", "L4"][self as usize]
    }

    fn of(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().as_bytes() == text)
    }
}

/// `X-Version`: the database's life, and the row's version in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Version {
    /// The database's life.
    pub incarnation: u64,
    /// The row's version.
    pub id: u64,
}

impl FromStr for Version {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (incarnation, id) = text.split_once('.').ok_or(Malformed::Head)?;
        let number = |text: &str| text.parse().map_err(|_| Malformed::Head);
        Ok(Self { incarnation: number(incarnation)?, id: number(id)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.id)
    }
}

/// A whole reply.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The status.
    pub status: u16,
    /// `ETag`, with its quotes.
    pub etag: Option<&'a [u8]>,
    /// `X-Cache-Level`.
    pub level: Option<Level>,
    /// `X-Cache-Hit: true`.
    pub is_hit: bool,
    /// `X-Cache-Stale: true`.
    pub is_stale: bool,
    /// `Cache-Status`.
    pub cache_status: Option<&'a [u8]>,
    /// `X-Version`.
    pub version: Option<Version>,
    /// `X-Instance`.
    pub instance: Option<&'a [u8]>,
    /// `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// Whether the connection closes after it.
    pub closes: bool,
    /// The body; in chunks (with their sizes) if `is_chunked`.
    pub body: &'a [u8],
    /// Whether the body is in chunks.
    pub is_chunked: bool,
}

impl Reply<'_> {
    /// The body without its chunks' sizes.
    pub fn whole_body(&self) -> Vec<u8> {
        if !self.is_chunked {
            return self.body.to_vec();
        }
        let (mut rest, mut whole) = (self.body, Vec::new());
        while let Ok(httparse::Status::Complete((at, size))) = httparse::parse_chunk_size(rest) {
            let Some(chunk) = usize::try_from(size).ok().and_then(|size| rest.get(at..at + size)) else { break };
            if chunk.is_empty() {
                break;
            }
            whole.extend_from_slice(chunk);
            rest = rest.get(at + chunk.len() + 2..).unwrap_or_default();
        }
        whole
    }
}

/// Reads one reply from the start of `buffer`: with the bytes that it takes, or `None` while there is more to come.
///
/// # Errors
/// [`Malformed`]: the connection cannot be used any more.
pub fn parse(buffer: &[u8]) -> Result<Option<(Reply<'_>, usize)>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let at = match head.parse(buffer).map_err(|_| Malformed::Head)? {
        httparse::Status::Complete(at) => at,
        httparse::Status::Partial if buffer.len() > HEAD_BYTES_MAX => return Err(Malformed::Head),
        httparse::Status::Partial => return Ok(None),
    };
    let status = head.code.ok_or(Malformed::Head)?;
    let mut reply = Reply {
        status,
        etag: None,
        level: None,
        is_hit: false,
        is_stale: false,
        cache_status: None,
        version: None,
        instance: None,
        retry_after_s: None,
        closes: head.version == Some(0),
        body: &[],
        is_chunked: false,
    };
    let mut length = None;
    for header in head.headers.iter() {
        note(&mut reply, &mut length, header)?;
    }
    let has_no_body = status == 304 || status == 204 || status < 200;
    let size = match length {
        _ if has_no_body => 0,
        _ if reply.is_chunked => match chunks(&buffer[at..])? {
            Some(size) => size,
            None => return Ok(None),
        },
        Some(length) if length <= BODY_BYTES_MAX => length,
        _ => return Err(Malformed::Length),
    };
    let Some(body) = buffer.get(at..at + size) else { return Ok(None) };
    reply.body = body;
    Ok(Some((reply, at + size)))
}

/// Takes what is wanted of a header. Told apart by their length first, which most are known by.
fn note<'a>(reply: &mut Reply<'a>, length: &mut Option<usize>, header: &httparse::Header<'a>) -> Result<(), Malformed> {
    let (name, value) = (header.name, header.value);
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
    let text = || std::str::from_utf8(value).ok().map(str::trim);
    match name.len() {
        4 if is("etag") => reply.etag = Some(value),
        9 if is("x-version") => reply.version = text().and_then(|text| text.parse().ok()),
        10 if is("x-instance") => reply.instance = Some(value),
        10 if is("connection") => reply.closes |= value.eq_ignore_ascii_case(b"close"),
        11 if is("x-cache-hit") => reply.is_hit = value == b"true",
        11 if is("retry-after") => reply.retry_after_s = text().and_then(|text| text.parse().ok()),
        12 if is("cache-status") => reply.cache_status = Some(value),
        13 if is("x-cache-level") => reply.level = Level::of(value),
        13 if is("x-cache-stale") => reply.is_stale = value == b"true",
        14 if is("content-length") => {
            let told = text().and_then(|text| text.parse().ok()).ok_or(Malformed::Length)?;
            if length.is_some_and(|before| before != told) {
                return Err(Malformed::Length);
            }
            *length = Some(told);
        }
        17 if is("transfer-encoding") => {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::Length);
            }
            reply.is_chunked = true;
        }
        _ => {}
    }
    Ok(())
}

/// The bytes of a whole chunked body, its end included.
fn chunks(buffer: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut at = 0;
    loop {
        let rest = buffer.get(at..).ok_or(Malformed::Chunk)?;
        let (head, size) = match httparse::parse_chunk_size(rest).map_err(|_| Malformed::Chunk)? {
            httparse::Status::Complete(found) => found,
            httparse::Status::Partial => return Ok(None),
        };
        let size = usize::try_from(size).ok().filter(|size| *size <= BODY_BYTES_MAX).ok_or(Malformed::Length)?;
        let end = at + head + size + 2;
        if end > BODY_BYTES_MAX {
            return Err(Malformed::Length);
        }
        match buffer.get(end - 2..end) {
            None => return Ok(None),
            // Trailers are not taken: after the last chunk comes the empty line.
            Some(b"\r\n") if size == 0 => return Ok(Some(end)),
            Some(b"\r\n") => at = end,
            Some(_) => return Err(Malformed::Chunk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIT: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"a\"\r\nx-version: 1.42\r\nx-cache-hit: true\r\n\
        x-cache-level: L2\r\ncache-status: SmartPulse; hit; detail=L2\r\nx-instance: i-1\r\n\r\n{}HTTP/1.1 304";

    #[test]
    fn what_is_wanted_of_a_reply_is_taken_whatever_the_case_of_its_names() {
        let (reply, size) = parse(HIT).unwrap().unwrap();
        assert_eq!((reply.status, reply.etag, reply.level), (200, Some(&b"\"a\""[..]), Some(Level::L2)));
        assert_eq!(reply.version, Some(Version { incarnation: 1, id: 42 }));
        assert_eq!((reply.body, reply.is_hit, reply.closes), (&b"{}"[..], true, false));
        assert_eq!(&HIT[size..], b"HTTP/1.1 304");
    }

    #[test]
    fn a_part_of_a_reply_is_waited_for() {
        let whole = HIT.len() - b"HTTP/1.1 304".len();
        for end in 0..whole {
            assert!(parse(&HIT[..end]).unwrap().is_none(), "{end}");
        }
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        for end in 0..chunked.len() {
            assert!(parse(&chunked[..end]).unwrap().is_none(), "{end}");
        }
        let (reply, size) = parse(chunked).unwrap().unwrap();
        assert_eq!((size, reply.whole_body()), (chunked.len(), b"abcde".to_vec()));
    }

    #[test]
    fn a_304_has_no_body_and_the_rest_must_tell_its_length() {
        let (reply, _) = parse(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 400\r\n\r\n").unwrap().unwrap();
        assert!(reply.body.is_empty());
        for bad in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            b"SSH-2.0-x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
