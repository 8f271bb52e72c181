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

/// Logs in, by PLAIN if the server offers it. What a refusal says goes to logs and mails, and some servers repeat what they
/// did not understand: it holds neither name nor password.
pub(super) async fn log_in(
    wire: &mut Wire,
    login: &SmtpLogin,
    extensions: Extensions,
    limit: Duration,
) -> Result<(), MailError> {
    let (user, password) = (login.user.as_str(), login.password.expose());
    let plain = STANDARD.encode(format!("\0{user}\0{password}"));
    let (user64, password64) = (STANDARD.encode(user), STANDARD.encode(password));
    let secrets = [plain.as_str(), &password64, &user64, password];
    let ask = async |wire: &mut Wire, line: &str| match wire.ask("AUTH", line, limit).await {
        Ok(reply) => Ok(reply.without(&secrets)),
        Err(SmtpFault::Protocol(_)) => Err(SmtpFault::Protocol("the answer to AUTH".to_owned())),
        Err(fault) => Err(fault),
    };
    let last = if extensions.auth_plain {
        ask(wire, &format!("AUTH PLAIN {plain}\r\n")).await?
    } else if extensions.auth_login {
        expect_challenge(&ask(wire, "AUTH LOGIN\r\n").await?)?;
        expect_challenge(&ask(wire, &format!("{user64}\r\n")).await?)?;
        ask(wire, &format!("{password64}\r\n")).await?
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
