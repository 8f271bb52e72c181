//! One conversation.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::script::{Act, Stage};
use super::server::{Received, Shared};
use crate::smtp::wire::Stream;

/// No line of a client of ours is so long.
const LINE_BYTES_MAX: u64 = 1 << 20;

type Wire = BufReader<Box<dyn Stream>>;

struct Conversation<'a> {
    shared: &'a Shared,
    wire: Wire,
    number: usize,
    tls: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

/// Speaks until one of the two goes away.
pub(super) async fn converse(stream: TcpStream, number: usize, shared: &Shared) -> io::Result<()> {
    let (user, from, to) = (None, None, Vec::new());
    let wire = BufReader::new(Box::new(stream) as Box<dyn Stream>);
    let mut this = Conversation { shared, wire, number, tls: false, user, from, to };
    if shared.script.implicit_tls {
        this = this.encrypt().await?;
    }
    this.act(Stage::Greeting, "220 fake.example ESMTP").await?;
    loop {
        let line = this.line().await?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        shared.command(&line);
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" | "HELO" => this.hello().await?,
            "STARTTLS" => {
                if this.act(Stage::StartTls, "220 go ahead").await?.starts_with(b"220") {
                    this = this.encrypt().await?;
                }
            }
            "AUTH" => this.auth(&line).await?,
            "MAIL" => this.mail(&line).await?,
            "RCPT" => this.recipient(&line).await?,
            "DATA" => this.data().await?,
            "RSET" => {
                (this.from, this.to) = (None, Vec::new());
                this.act(Stage::Reset, "250 forgotten").await?;
            }
            "QUIT" => {
                this.act(Stage::Quit, "221 bye").await?;
                return this.wire.shutdown().await;
            }
            _ => this.send(b"502 what?\r\n").await?,
        }
    }
}

fn closed() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

/// What stands between angle brackets.
fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map(|(path, _)| path.to_owned()).unwrap_or_default()
}

impl Conversation<'_> {
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let read = (&mut self.wire).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
        if read == 0 { Err(closed()) } else { Ok(line) }
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes).await?;
        self.wire.flush().await
    }

    /// Does what the script says, or what is usual; answers what was sent.
    async fn act(&mut self, stage: Stage, usual: &str) -> io::Result<Vec<u8>> {
        match self.shared.next(stage) {
            Act::Usual => self.perform(Act::reply(usual)).await,
            other => self.perform(other).await,
        }
    }

    async fn perform(&mut self, act: Act) -> io::Result<Vec<u8>> {
        let bytes = match act {
            Act::Usual => Vec::new(),
            Act::Bytes(bytes) => bytes,
            Act::Flood(length) => vec![b'2'; length],
            Act::Stall => std::future::pending().await,
            Act::Drop | Act::TakeAndDrop => return Err(closed()),
            Act::HalfClose => {
                self.wire.shutdown().await?;
                return Ok(Vec::new());
            }
        };
        self.send(&bytes).await?;
        Ok(bytes)
    }

    async fn encrypt(mut self) -> io::Result<Self> {
        let config = self.shared.script.tls.clone().ok_or_else(closed)?;
        let stream = TlsAcceptor::from(Arc::clone(&config)).accept(self.wire.into_inner()).await?;
        self.wire = BufReader::new(Box::new(stream) as Box<dyn Stream>);
        self.tls = true;
        Ok(self)
    }

    async fn hello(&mut self) -> io::Result<()> {
        let script = &self.shared.script;
        let mut lines = vec!["fake.example".to_owned()];
        lines.extend(script.extensions.iter().cloned());
        if script.tls.is_some() && !self.tls {
            lines.push("STARTTLS".to_owned());
        }
        if script.login.is_some() && (self.tls || script.tls.is_none()) {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        let last = lines.len() - 1;
        let marked = lines.iter().enumerate();
        let marked = marked.map(|(at, line)| format!("250{}{line}", if at == last { ' ' } else { '-' }));
        let usual = marked.collect::<Vec<_>>().join("\r\n");
        self.act(Stage::Hello, &usual).await.map(drop)
    }

    async fn auth(&mut self, line: &str) -> io::Result<()> {
        let mut words = line.split(' ').skip(1);
        let given = match (words.next(), words.next()) {
            (Some("PLAIN"), Some(secret)) => {
                let secret = decoded(secret);
                let mut parts = secret.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            (Some("LOGIN"), None) => {
                self.act(Stage::Auth, "334 VXNlcm5hbWU6").await?;
                let user = self.line().await?;
                self.act(Stage::Auth, "334 UGFzc3dvcmQ6").await?;
                let password = self.line().await?;
                (decoded(&String::from_utf8_lossy(&user)), decoded(&String::from_utf8_lossy(&password)))
            }
            _ => return self.send(b"504 not so\r\n").await,
        };
        let is_right = self.shared.script.login.as_ref() == Some(&given);
        let usual = if is_right { "235 welcome" } else { "535 5.7.8 wrong user or password" };
        if self.act(Stage::Auth, usual).await?.starts_with(b"235") {
            self.user = Some(given.0);
        }
        Ok(())
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        let usual = match (&self.from, self.shared.script.login.is_some() && self.user.is_none()) {
            (_, true) => "530 5.7.0 log in first",
            (Some(_), _) => "503 5.5.1 one at a time",
            _ => "250 ok",
        };
        if self.act(Stage::MailFrom, usual).await?.starts_with(b"2") {
            self.from = Some(path(line));
        }
        Ok(())
    }

    async fn recipient(&mut self, line: &str) -> io::Result<()> {
        let usual = if self.from.is_some() { "250 ok" } else { "503 5.5.1 MAIL first" };
        if self.act(Stage::RcptTo, usual).await?.starts_with(b"2") {
            self.to.push(path(line));
        }
        Ok(())
    }

    async fn data(&mut self) -> io::Result<()> {
        let usual = if self.to.is_empty() { "554 5.5.1 no valid recipients" } else { "354 go on" };
        if !self.act(Stage::Data, usual).await?.starts_with(b"354") {
            return Ok(());
        }
        let (mut data, mut is_first) = (Vec::new(), true);
        loop {
            let line = self.line().await?;
            if line == b".\r\n" {
                break;
            }
            if std::mem::take(&mut is_first) {
                let act = self.shared.next(Stage::Body);
                if act != Act::Usual {
                    self.perform(act).await?;
                }
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let from = self.from.take().unwrap_or_default();
        let (to, user) = (std::mem::take(&mut self.to), self.user.clone());
        let mail = Received { from, to, data, tls: self.tls, user, connection: self.number };
        let usual = if mail.to.is_empty() { "554 5.5.1 no valid recipients" } else { "250 2.0.0 taken" };
        let act = match self.shared.next(Stage::Message) {
            Act::Usual => Act::reply(usual),
            other => other,
        };
        let is_taken = match &act {
            Act::Bytes(bytes) => bytes.starts_with(b"2"),
            act => *act == Act::TakeAndDrop,
        };
        if is_taken {
            self.shared.take(mail);
        }
        self.perform(act).await.map(drop)
    }
}

fn decoded(text: &str) -> String {
    let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
