//! Mails over a connection, one after the other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{MailError, MailReceipt, MailSession, OutgoingMail};
use tokio::time::Instant;

use super::config::LAST_WORDS_TIMEOUT;
use super::connect::Settings;
use super::error::SmtpFault;
use super::hello::Extensions;
use super::reply::{Command, Reply};
use super::wire::Wire;
use crate::mime::{Composed, compose};

/// The server waits for the message.
const GO_ON: u16 = 354;

/// A message up to this size goes out in one write, its end included.
const ONE_WRITE_BYTES_MAX: usize = 64 * 1024;

/// How long saying good-bye may take: nothing depends on it.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// How the server took what goes before a message.
enum Prelude {
    /// It waits for the message.
    Ready,
    /// It refuses, and can be asked again.
    Refused(MailError),
    /// It refuses, and waits for a message all the same.
    RefusedButReady(MailError),
}

/// A mail was not accepted.
struct Failed {
    error: MailError,
    /// Whether the session can take another mail.
    goes_on: bool,
}

impl From<SmtpFault> for Failed {
    fn from(fault: SmtpFault) -> Self {
        Self { error: fault.into(), goes_on: false }
    }
}

/// A connection that takes mails.
pub(super) struct Session {
    settings: Arc<Settings>,
    wire: Wire,
    extensions: Extensions,
    /// Whether nothing can be sent any more. Also true while a mail is on its way: whoever drops that future half-way
    /// leaves a conversation that nobody can continue.
    over: bool,
}

impl Session {
    pub(super) fn new(settings: Arc<Settings>, wire: Wire, extensions: Extensions) -> Self {
        Self { settings, wire, extensions, over: false }
    }

    fn command_deadline(&self) -> Instant {
        Instant::now() + self.settings.config.command_timeout
    }

    /// Sends one mail.
    async fn transfer(&mut self, mail: &Composed) -> Result<MailReceipt, Failed> {
        match self.prelude(mail).await? {
            Prelude::Ready => self.message(&mail.bytes).await,
            Prelude::Refused(error) => {
                let goes_on = self.reset().await;
                Err(Failed { error, goes_on })
            }
            Prelude::RefusedButReady(error) => {
                // RFC 2920, 3.1: nobody is to get this message, so it is sent empty.
                let ended = self.wire.ask("the end of nothing", ".\r\n", self.settings.config.command_timeout).await;
                let goes_on = ended.is_ok_and(|reply| !reply.is_closing()) && self.reset().await;
                Err(Failed { error, goes_on })
            }
        }
    }

    /// MAIL, RCPT and DATA, together if the server allows that.
    async fn prelude(&mut self, mail: &Composed) -> Result<Prelude, Failed> {
        let size = if self.extensions.size { format!(" SIZE={}", mail.bytes.len()) } else { String::new() };
        let commands = [
            ("MAIL", Command::Other, format!("MAIL FROM:<{}>{size}\r\n", self.settings.envelope_sender)),
            ("RCPT", Command::Recipient, format!("RCPT TO:<{}>\r\n", mail.to)),
            ("DATA", Command::Other, "DATA\r\n".to_owned()),
        ];
        let pipelining = self.extensions.pipelining;
        // One for the three: how long a mail can take must be known.
        let deadline = self.command_deadline();
        if pipelining {
            let all: String = commands.iter().map(|(_, _, line)| line.as_str()).collect();
            self.wire.write("MAIL", all.as_bytes(), deadline).await?;
        }
        let mut refused = None;
        for (what, command, line) in commands {
            if !pipelining {
                self.wire.write(what, line.as_bytes(), deadline).await?;
            }
            // If the server goes away after a refusal, the refusal is what there is to say.
            let reply = match (self.wire.reply(what, deadline).await, refused.take()) {
                (Ok(reply), first) => {
                    refused = first;
                    reply
                }
                (Err(_), Some(first)) => return Err(Failed { error: first, goes_on: false }),
                (Err(fault), None) => return Err(fault.into()),
            };
            let is_data = what == "DATA";
            let is_welcome = if is_data { reply.code == GO_ON } else { reply.is_done() };
            if is_welcome {
                continue;
            }
            let error = refused.take().unwrap_or_else(|| reply.refusal(command));
            let can_continue = reply.code >= 400 && !reply.is_closing();
            match (can_continue, pipelining && !is_data) {
                (false, _) => return Err(Failed { error, goes_on: false }),
                (true, false) => return Ok(Prelude::Refused(error)),
                (true, true) => refused = Some(error),
            }
        }
        Ok(refused.map_or(Prelude::Ready, Prelude::RefusedButReady))
    }

    /// The message and its answer. Until the write with the final dot begins, the server cannot have taken it.
    async fn message(&mut self, bytes: &[u8]) -> Result<MailReceipt, Failed> {
        let deadline = Instant::now() + self.settings.config.data_timeout;
        let message = dotted(bytes);
        let (front, end) = message.split_at(message.len().saturating_sub(ONE_WRITE_BYTES_MAX));
        if let Err(fault) = self.wire.write("the message", front, deadline).await {
            return Err(self.interrupted().await.unwrap_or_else(|| fault.into()));
        }
        let unknown = |fault: SmtpFault| {
            tracing::debug!(%fault, "nobody knows whether the mail server took a message");
            Failed { error: MailError::Unknown, goes_on: false }
        };
        if let Err(fault) = self.wire.write("the message", end, deadline).await {
            return Err(self.interrupted().await.unwrap_or_else(|| unknown(fault)));
        }
        let reply = self.wire.reply("the message", deadline).await.map_err(unknown)?;
        match reply.code {
            200..300 => Ok(MailReceipt { answer: reply.answer() }),
            400..600 => Err(Failed { error: reply.refusal(Command::Other), goes_on: !reply.is_closing() }),
            _ => Err(unknown(SmtpFault::Protocol(format!("{} to a message", reply.code)))),
        }
    }

    /// What a server said that does not want the rest of a message, before it closed the connection. It is not taken then.
    async fn interrupted(&mut self) -> Option<Failed> {
        let reply = self.wire.reply("the message", Instant::now() + LAST_WORDS_TIMEOUT).await.ok()?;
        (reply.code >= 400).then(|| Failed { error: reply.refusal(Command::Other), goes_on: false })
    }

    /// Forgets the mail that was refused; answers whether the session can go on.
    async fn reset(&mut self) -> bool {
        let reset = self.wire.ask("RSET", "RSET\r\n", self.settings.config.command_timeout).await;
        reset.as_ref().is_ok_and(Reply::is_done)
    }
}

#[async_trait]
impl MailSession for Session {
    async fn send(&mut self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        if self.over {
            return Err(SmtpFault::Over.into());
        }
        let composed = compose(mail, &self.settings.sender, self.settings.clock.now()).await?;
        self.over = true;
        let sent = self.transfer(&composed).await;
        self.over = sent.as_ref().is_err_and(|failed| !failed.goes_on);
        sent.map_err(|failed| failed.error)
    }

    fn is_over(&self) -> bool {
        self.over
    }

    async fn quit(mut self: Box<Self>) {
        if self.over {
            return;
        }
        if let Err(fault) = self.wire.ask("QUIT", "QUIT\r\n", QUIT_TIMEOUT).await {
            tracing::trace!(%fault, "no good-bye from the mail server");
        }
        self.wire.close(QUIT_TIMEOUT).await;
    }
}

/// The message as it travels: a dot before each line that begins with one, and the dot that ends it (RFC 5321, 4.5.2).
fn dotted(message: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(message.len() + message.len() / 64 + 8);
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            sent.push(b'.');
        }
        sent.extend_from_slice(line);
    }
    if !sent.ends_with(b"\r\n") {
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b".\r\n");
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_at_the_start_of_lines_are_doubled() {
        assert_eq!(dotted(b".a\r\nb.\r\n..\r\n"), b"..a\r\nb.\r\n...\r\n.\r\n");
        assert_eq!(dotted(b"a"), b"a\r\n.\r\n");
        assert_eq!(dotted(b""), b"\r\n.\r\n");
    }
}
