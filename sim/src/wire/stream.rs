//! A stream that can be cut, stalled, and made to read a few bytes at a time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use super::weather::{Pair, Weather, pair};

/// The dialling end of a connection.
pub struct FaultyStream {
    io: TcpStream,
    of: Pair,
    weather: Arc<Weather>,
    /// The cuts before it was made.
    cuts: u64,
}

impl FaultyStream {
    pub(super) fn new(io: TcpStream, from: &str, to: &str, weather: Arc<Weather>) -> Self {
        let of = pair(from, to);
        let cuts = weather.cuts(&of);
        Self { io, of, weather, cuts }
    }

    fn poll_weather(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let (cuts, is_stalled) = self.weather.of_pair(&self.of, cx.waker());
        if cuts != self.cuts {
            self.weather.hit("connection_cut");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionReset, "cut by the nemesis")));
        }
        if is_stalled { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_weather(cx))?;
        let polled = match self.weather.read_max() {
            None => Pin::new(&mut self.io).poll_read(cx, buf),
            Some(max) => {
                let mut few = [0; 7];
                let room = max.min(buf.remaining()).min(few.len());
                let mut few = ReadBuf::new(&mut few[..room]);
                let polled = Pin::new(&mut self.io).poll_read(cx, &mut few);
                if !few.filled().is_empty() {
                    self.weather.hit("read_short");
                }
                buf.put_slice(few.filled());
                polled
            }
        };
        if polled.is_pending() {
            // A cut must reach a reader that waits.
            self.weather.watch(cx.waker());
        }
        polled
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_weather(cx))?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
