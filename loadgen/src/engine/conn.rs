//! One connection: what it is doing, and its buffers.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use rustls::ClientConnection;

use super::endpoint::Endpoint;
use super::traffic::Job;

/// A request on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    pub(super) job: Job,
    pub(super) due_ns: u64,
    pub(super) sent_ns: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    /// No connection; the next attempt is at this time.
    Down {
        retry_ns: u64,
    },
    /// On its way; given up at this time.
    Connecting {
        until_ns: u64,
    },
    Idle,
    Busy(InFlight),
}

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// Nothing more now.
    Nothing,
    /// Bytes.
    Bytes(usize),
    /// The peer has closed.
    Closed,
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) target: usize,
    pub(super) state: State,
    pub(super) stream: Option<TcpStream>,
    /// TLS over it, where the target asks for that.
    tls: Option<Box<ClientConnection>>,
    /// The start of a reply that came in parts.
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    written: usize,
    /// Tells events of this stream from those of one before it in the same place.
    pub(super) generation: u32,
}

impl Conn {
    pub(super) fn new(target: usize) -> Self {
        Self {
            target,
            state: State::Down { retry_ns: 0 },
            stream: None,
            tls: None,
            input: Vec::new(),
            output: Vec::with_capacity(1024),
            written: 0,
            generation: 0,
        }
    }

    /// Begins to connect, without waiting.
    pub(super) fn begin(&mut self, endpoint: &Endpoint, until_ns: u64) -> io::Result<()> {
        let address = endpoint.address;
        self.tls = endpoint.tls.as_ref().map(|tls| tls.begin().map(Box::new)).transpose()?;
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        match connect(&socket, &address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        self.stream = Some(stream);
        self.state = State::Connecting { until_ns };
        self.generation = self.generation.wrapping_add(1);
        self.input.clear();
        self.written = 0;
        self.output.clear();
        Ok(())
    }

    /// Whether the connection stands, after an event while it was being made.
    pub(super) fn stands(&self) -> io::Result<bool> {
        let Some(stream) = &self.stream else { return Ok(false) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts the connection away.
    pub(super) fn end(&mut self, retry_ns: u64) {
        self.stream = None;
        self.tls = None;
        self.state = State::Down { retry_ns };
    }

    /// Begins to send what is in `output`.
    pub(super) fn send(&mut self) -> io::Result<()> {
        self.written = 0;
        if let Some(tls) = &mut self.tls {
            // Kept by it until the handshake is over.
            tls.writer().write_all(&self.output)?;
        }
        self.flush()
    }

    /// Sends what is left of `output`, as far as there is room for it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        if let Some(tls) = &mut self.tls {
            return flush_tls(tls, stream);
        }
        while self.written < self.output.len() {
            match stream.write(&self.output[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a read of `count` bytes into a buffer of `room` may have left something behind, of which no event will tell.
    pub(super) fn may_hold_more(&self, count: usize, room: usize) -> bool {
        self.tls.is_some() || count >= room
    }

    /// Reads once.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Input> {
        let Some(stream) = &mut self.stream else { return Ok(Input::Nothing) };
        if let Some(tls) = &mut self.tls {
            return read_tls(tls, stream, scratch);
        }
        loop {
            return match stream.read(scratch) {
                Ok(0) => Ok(Input::Closed),
                Ok(read) => Ok(Input::Bytes(read)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Input::Nothing),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }
}

/// Sends what TLS has to send, as far as there is room for it.
fn flush_tls(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until there is something for us, or nothing more now.
fn read_tls(tls: &mut ClientConnection, stream: &mut TcpStream, scratch: &mut [u8]) -> io::Result<Input> {
    loop {
        match tls.reader().read(scratch) {
            Ok(0) => return Ok(Input::Closed),
            Ok(read) => return Ok(Input::Bytes(read)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        match tls.read_tls(stream) {
            Ok(0) => return Ok(Input::Closed),
            Ok(_) => {
                tls.process_new_packets().map_err(io::Error::other)?;
                // The handshake's next step, and what waited for its end.
                flush_tls(tls, stream)?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Input::Nothing),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
