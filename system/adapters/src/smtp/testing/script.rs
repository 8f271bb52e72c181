//! What the server is to do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustls::ServerConfig;

/// A point of the conversation at which the server acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// A client connected.
    Greeting,
    /// EHLO came.
    Hello,
    /// STARTTLS came.
    StartTls,
    /// AUTH came, or the next line of it.
    Auth,
    /// MAIL came.
    MailFrom,
    /// RCPT came.
    RcptTo,
    /// DATA came.
    Data,
    /// The first line of a message came, and not its end.
    Body,
    /// A whole message came, its final dot included.
    Message,
    /// RSET came.
    Reset,
    /// QUIT came.
    Quit,
}

/// What the server does at a stage, in place of what is usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// What is usual.
    Usual,
    /// Sends these bytes. At [`Stage::Message`] the mail counts as taken if they begin with 2.
    Bytes(Vec<u8>),
    /// Sends so many bytes without a line's end.
    Flood(usize),
    /// Never answers, and keeps the connection.
    Stall,
    /// Closes the connection.
    Drop,
    /// Closes its own half, and goes on reading.
    HalfClose,
    /// Counts the message as taken, and closes the connection without an answer: what RFC 1047 is about.
    TakeAndDrop,
}

impl Act {
    /// Sends a reply; the end of its last line is added.
    pub fn reply(text: &str) -> Self {
        Self::Bytes(format!("{text}\r\n").into_bytes())
    }
}

/// What the server does. Each act happens once, in the order given; then everything is as usual.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) acts: BTreeMap<Stage, VecDeque<Act>>,
    pub(super) extensions: Vec<String>,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) implicit_tls: bool,
    pub(super) login: Option<(String, String)>,
    pub(super) keeps_mails: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Script {
    /// A server that takes every mail, and offers PIPELINING, SIZE and 8BITMIME.
    pub fn new() -> Self {
        Self {
            acts: BTreeMap::new(),
            extensions: ["PIPELINING", "SIZE 33554432", "8BITMIME"].map(str::to_owned).to_vec(),
            tls: None,
            implicit_tls: false,
            login: None,
            keeps_mails: true,
        }
    }

    /// Adds an act.
    #[must_use]
    pub fn on(mut self, stage: Stage, act: Act) -> Self {
        self.acts.entry(stage).or_default().push_back(act);
        self
    }

    /// Sets what EHLO is answered with; STARTTLS and AUTH are added by [`tls`](Self::tls) and [`login`](Self::login).
    #[must_use]
    pub fn extensions(mut self, extensions: &[&str]) -> Self {
        self.extensions = extensions.iter().map(|&extension| extension.to_owned()).collect();
        self
    }

    /// Offers STARTTLS.
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Speaks TLS from the first byte.
    #[must_use]
    pub fn implicit_tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.implicit_tls = true;
        self.tls(config)
    }

    /// Wants this login before it takes mails. Offers PLAIN and LOGIN once the connection is encrypted, or if it never
    /// can be.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Only counts the mails that it takes.
    #[must_use]
    pub fn counting(mut self) -> Self {
        self.keeps_mails = false;
        self
    }
}
