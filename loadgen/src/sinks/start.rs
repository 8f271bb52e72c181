//! All sinks of a run.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::account::account;
use super::arrivals::Arrivals;
use super::{http, smtp};
use crate::failure::Failure;

/// A point on P-256 and a secret, as a browser has them (the example of RFC 8291, section 5). The sinks open nothing.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// A push service, an FCM and a mail server on this machine. They serve until the program ends.
#[derive(Debug)]
pub struct Sinks {
    /// What has arrived.
    pub arrivals: Arrivals,
    push: SocketAddr,
    mail: SocketAddr,
    /// Where the account's file is.
    dir: TempDir,
}

impl Sinks {
    /// Starts them: the push services at `listen`, the mail server on a free port.
    ///
    /// # Errors
    /// The address is taken, or there is no randomness.
    pub fn start(listen: SocketAddr) -> Result<Self, Failure> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address).map_err(|error| Failure::Usage(format!("the sink at {address}: {error}")))
        };
        let (push, mail) = (bind(listen)?, bind(SocketAddr::from(([127, 0, 0, 1], 0)))?);
        let io = |error: std::io::Error| Failure::Usage(format!("the sinks: {error}"));
        let sinks = Self {
            arrivals: Arrivals::default(),
            push: push.local_addr().map_err(io)?,
            mail: mail.local_addr().map_err(io)?,
            dir: tempfile::Builder::new().prefix("loadgen-sinks-").tempdir().map_err(io)?,
        };
        fs::write(sinks.dir.path().join("account.json"), account(&sinks.origin())?).map_err(io)?;
        http::serve(push, sinks.arrivals.clone());
        smtp::serve(mail, sinks.arrivals.clone());
        Ok(sinks)
    }

    /// The origin of the push services.
    pub fn origin(&self) -> String {
        format!("http://{}", self.push)
    }

    /// The settings that make a server send to them.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let account = self.dir.path().join("account.json").display().to_string();
        [
            ("push.allowed_private_origins", self.origin()),
            ("fcm.service_account_file", account),
            ("fcm.base_url", self.origin()),
            ("mail.host", "127.0.0.1".to_owned()),
            ("mail.port", self.mail.port().to_string()),
            ("mail.tls", "none".to_owned()),
            ("mail.from", "loadgen@loadgen.example".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// What a person's browser registers.
    pub fn browser(&self, person: usize) -> Value {
        json!({
            "integrationType": 0,
            "subscriptionJson": {
                "endpoint": format!("{}/push/{person}", self.origin()), "keys": {"p256dh": P256DH, "auth": AUTH},
            },
            "osVersion": "loadgen",
        })
    }

    /// What a person's app registers.
    pub fn app(person: usize) -> Value {
        json!({"integrationType": 1, "token": http::token_of_person(person), "osVersion": "loadgen"})
    }

    /// A person's address.
    pub fn address(person: usize) -> String {
        smtp::address_of_person(person)
    }
}
