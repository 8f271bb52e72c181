//! The port: from a socket to a session that takes mails.

use std::sync::Arc;

use async_trait::async_trait;
use coherence::WallClock;
use domain::ports::{MailError, MailSession, MailTransport};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::Instant;

use super::auth::log_in;
use super::config::{SmtpConfig, TlsMode};
use super::dial::dial;
use super::error::{SmtpFault, SmtpSetupError};
use super::hello::Extensions;
use super::reply::Command;
use super::session::Session;
use super::tls::client_config;
use super::wire::Wire;
use crate::mime::{Sender, checked_address};

/// The longest host name, ours and theirs (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// The way to one mail server.
pub struct Smtp {
    settings: Arc<Settings>,
}

/// What all sessions share.
pub(super) struct Settings {
    pub(super) config: SmtpConfig,
    pub(super) sender: Sender,
    /// Empty: none.
    pub(super) envelope_sender: String,
    pub(super) clock: Arc<dyn WallClock>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Smtp {
    /// Mails from `sender` over the server that `config` names. Nothing is connected yet.
    ///
    /// # Errors
    /// A setting cannot be used.
    pub fn new(config: SmtpConfig, sender: Sender, clock: Arc<dyn WallClock>) -> Result<Self, SmtpSetupError> {
        let wrong = |field| move |reason| SmtpSetupError::Setting { field, reason };
        name(&config.host).map_err(wrong("host"))?;
        name(&config.hello_name).map_err(wrong("hello_name"))?;
        let envelope_sender = match config.envelope_sender.as_deref() {
            None => sender.address().to_owned(),
            Some("") => String::new(),
            Some(address) => checked_address(address).map_err(wrong("envelope_sender"))?.to_string(),
        };
        let is_plaintext = config.tls == TlsMode::None;
        if is_plaintext && config.login.as_ref().is_some_and(|login| !login.allow_plaintext) {
            return Err(SmtpSetupError::PlaintextLogin);
        }
        let tls = match config.tls {
            TlsMode::None => None,
            TlsMode::StartTls | TlsMode::Implicit => {
                let server = ServerName::try_from(config.host.clone());
                let server = server.map_err(|error| wrong("host")(error.to_string()))?;
                Some((client_config(config.extra_ca.as_deref())?, server))
            }
        };
        Ok(Self { settings: Arc::new(Settings { config, sender, envelope_sender, clock, tls }) })
    }

    async fn open(&self) -> Result<(Wire, Extensions), MailError> {
        let Settings { config, tls, .. } = &*self.settings;
        let mut wire = Wire::new(dial(config).await?);
        if let (TlsMode::Implicit, Some((tls, server))) = (config.tls, tls) {
            wire = wire.encrypt(Arc::clone(tls), server.clone(), config.connect_timeout).await?;
        }
        let greeting = wire.reply("the greeting", Instant::now() + config.command_timeout).await?;
        if !greeting.is_done() {
            return Err(greeting.refusal(Command::Other));
        }
        let mut extensions = self.hello(&mut wire).await?;
        if let (TlsMode::StartTls, Some((tls, server))) = (config.tls, tls) {
            if !extensions.starttls {
                return Err(SmtpFault::NoStartTls.into());
            }
            let reply = wire.ask("STARTTLS", "STARTTLS\r\n", config.command_timeout).await?;
            if !reply.is_done() {
                return Err(reply.refusal(Command::Other));
            }
            wire = wire.encrypt(Arc::clone(tls), server.clone(), config.connect_timeout).await?;
            // What was said before is forgotten: anybody can have said it (RFC 3207, 4.2).
            extensions = self.hello(&mut wire).await?;
        }
        if let Some(login) = &config.login {
            log_in(&mut wire, login, extensions, config.command_timeout).await?;
        }
        Ok((wire, extensions))
    }

    async fn hello(&self, wire: &mut Wire) -> Result<Extensions, MailError> {
        let config = &self.settings.config;
        let reply = wire.ask("EHLO", &format!("EHLO {}\r\n", config.hello_name), config.command_timeout).await?;
        match reply.is_done() {
            true => Ok(Extensions::of(&reply)),
            false => Err(reply.refusal(Command::Other)),
        }
    }
}

#[async_trait]
impl MailTransport for Smtp {
    async fn connect(&self) -> Result<Box<dyn MailSession>, MailError> {
        let (wire, extensions) = self.open().await?;
        Ok(Box::new(Session::new(Arc::clone(&self.settings), wire, extensions)))
    }
}

/// Checks a name that stands in a command.
fn name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    match !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain) {
        true => Ok(()),
        false => Err(format!("{name:?} is neither a host name nor an address")),
    }
}
