//! Frames: fixed length behind a length prefix.

use std::io;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but life.
    Ping = 1,
    /// A call with an answer.
    Call = 2,
    /// Begins the session of this connection.
    Open = 3,
    /// Something for the session.
    Settle = 4,
    /// An answer.
    Reply = 5,
    /// What the session yields.
    Push = 6,
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Ties an answer to its call.
    pub(super) id: u64,
    /// Where the arguments wait.
    pub(super) handle: u64,
}

const BODY_BYTES: usize = 20;

impl Frame {
    pub(super) const PING: Self = Self { kind: Kind::Ping, id: 0, handle: 0 };

    pub(super) async fn write(self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut bytes = [0; 4 + BODY_BYTES];
        bytes[..4].copy_from_slice(&(BODY_BYTES as u32).to_be_bytes());
        bytes[4..8].copy_from_slice(&(self.kind as u32).to_be_bytes());
        bytes[8..16].copy_from_slice(&self.id.to_be_bytes());
        bytes[16..].copy_from_slice(&self.handle.to_be_bytes());
        to.write_all(&bytes).await
    }

    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let refused = || io::Error::new(io::ErrorKind::InvalidData, "not a frame");
        let mut bytes = [0; 4 + BODY_BYTES];
        // All at once: each read looks at the weather.
        from.read_exact(&mut bytes).await?;
        let mut bytes = &bytes[..];
        if bytes.get_u32() as usize != BODY_BYTES {
            return Err(refused());
        }
        let kind = match bytes.get_u32() {
            1 => Kind::Ping,
            2 => Kind::Call,
            3 => Kind::Open,
            4 => Kind::Settle,
            5 => Kind::Reply,
            6 => Kind::Push,
            _ => return Err(refused()),
        };
        Ok(Self { kind, id: bytes.get_u64(), handle: bytes.get_u64() })
    }
}
