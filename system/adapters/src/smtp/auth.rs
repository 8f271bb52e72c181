//! Logging in (RFC 4954). Only called where a password may travel.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ports::MailError;

use super::config::SmtpLogin;
use super::error::SmtpFault;
use super::hello::Extensions;
use super::reply::{Command, Reply};
use super::wire::Wire;

/// The server waits for the next answer.
const CONTINUE: u16 = 334;

/// Logs in, by PLAIN if the server offers it.
pub(super) async fn log_in(
    wire: &mut Wire,
    login: &SmtpLogin,
    extensions: Extensions,
    limit: Duration,
) -> Result<(), MailError> {
    let (user, password) = (login.user.as_str(), login.password.expose());
    let last = if extensions.auth_plain {
        let secret = STANDARD.encode(format!("\0{user}\0{password}"));
        wire.ask("AUTH", &format!("AUTH PLAIN {secret}\r\n"), limit).await?
    } else if extensions.auth_login {
        let asked = wire.ask("AUTH", "AUTH LOGIN\r\n", limit).await?;
        expect_challenge(&asked)?;
        let asked = wire.ask("AUTH", &format!("{}\r\n", STANDARD.encode(user)), limit).await?;
        expect_challenge(&asked)?;
        wire.ask("AUTH", &format!("{}\r\n", STANDARD.encode(password)), limit).await?
    } else {
        return Err(SmtpFault::NoAuth.into());
    };
    match last.is_done() {
        true => Ok(()),
        false => Err(last.refusal(Command::Other)),
    }
}

fn expect_challenge(reply: &Reply) -> Result<(), MailError> {
    match reply.code {
        CONTINUE => Ok(()),
        _ => Err(reply.refusal(Command::Other)),
    }
}
