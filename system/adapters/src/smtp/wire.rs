//! Lines over a stream, each wait with a deadline.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::error::SmtpFault;
use super::reply::{LINE_BYTES_MAX, Reply};

/// What a conversation runs over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One end of a conversation.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    /// What was read and is not yet used: less than one line, or the replies to commands that were sent together.
    unread: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), unread: Vec::new() }
    }

    /// Sends a command and reads its reply.
    pub(super) async fn ask(&mut self, what: &'static str, line: &str, within: Duration) -> Result<Reply, SmtpFault> {
        let deadline = Instant::now() + within;
        self.write(what, line.as_bytes(), deadline).await?;
        self.reply(what, deadline).await
    }

    /// Writes all of `bytes` to the network.
    pub(super) async fn write(&mut self, what: &'static str, bytes: &[u8], until: Instant) -> Result<(), SmtpFault> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        within(what, until, written).await
    }

    /// Reads one reply.
    pub(super) async fn reply(&mut self, what: &'static str, until: Instant) -> Result<Reply, SmtpFault> {
        let mut reply = Reply::default();
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = line.strip_suffix(b"\r\n").unwrap_or(&line[..end]);
                if line.len() > LINE_BYTES_MAX {
                    return Err(SmtpFault::Protocol("a line that is too long".to_owned()));
                }
                if reply.push(line)? {
                    return Ok(reply);
                }
                continue;
            }
            if self.unread.len() > LINE_BYTES_MAX {
                return Err(SmtpFault::Protocol("a line that is too long".to_owned()));
            }
            self.unread.reserve(LINE_BYTES_MAX);
            if within(what, until, self.stream.read_buf(&mut self.unread)).await? == 0 {
                return Err(SmtpFault::Closed);
            }
        }
    }

    /// Encrypts what follows. Whatever was sent before the handshake came from whoever stands in between (CVE-2011-0411
    /// and its kin).
    pub(super) async fn encrypt(
        self,
        config: Arc<ClientConfig>,
        server: ServerName<'static>,
        limit: Duration,
    ) -> Result<Self, SmtpFault> {
        if !self.unread.is_empty() {
            return Err(SmtpFault::Injected);
        }
        let handshake = TlsConnector::from(config).connect(server, self.stream);
        match timeout_at(Instant::now() + limit, handshake).await {
            Ok(Ok(stream)) => Ok(Self::new(stream)),
            Ok(Err(error)) => Err(SmtpFault::Tls(Arc::new(error))),
            Err(_) => Err(SmtpFault::Timeout("the TLS handshake")),
        }
    }

    /// Says so to the other end; what it makes of that does not matter any more.
    pub(super) async fn close(mut self, limit: Duration) {
        if let Ok(Err(error)) = timeout_at(Instant::now() + limit, self.stream.shutdown()).await {
            tracing::trace!(%error, "the mail server was gone already");
        }
    }
}

async fn within<T>(
    what: &'static str,
    until: Instant,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, SmtpFault> {
    match timeout_at(until, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(SmtpFault::Closed),
        Ok(Err(error)) => Err(SmtpFault::Broken(Arc::new(error))),
        Err(_) => Err(SmtpFault::Timeout(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    fn wire(sent: &'static [u8]) -> Wire {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            theirs.write_all(sent).await.unwrap();
            tokio::time::sleep(SOON * 4).await;
        });
        Wire::new(ours)
    }

    #[tokio::test]
    async fn replies_that_come_together_are_told_apart() {
        let mut wire = wire(b"250-a\r\n250 b\r\n354 go\n\xe9");
        let until = Instant::now() + SOON;
        assert_eq!(wire.reply("a", until).await.unwrap().lines, ["a", "b"]);
        assert_eq!(wire.reply("b", until).await.unwrap().code, 354);
        assert!(matches!(wire.reply("c", until).await, Err(SmtpFault::Timeout("c"))));
    }

    #[tokio::test]
    async fn words_of_any_encoding_are_read() {
        let reply = wire(b"550 bo\xeete inconnue\r\n").reply("a", Instant::now() + SOON).await.unwrap();
        assert_eq!((reply.code, reply.answer().as_str()), (550, "bo\u{fffd}te inconnue"));
    }
}
