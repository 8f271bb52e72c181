//! A Redis, wherever it runs: an endpoint from the environment, a container, a local process.

use std::process::Command;

use containers::{Absence, Backend, Server, engine, first_of};
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{Container, GenericImage};

use crate::redis::{self, Options};

const URL: &str = "SMARTPULSE_TEST_REDIS_URL";
const IMAGE: &str = "redis";
const TAG: &str = "7";
const PORT: u16 = 6379;

/// A server that answers.
pub(crate) struct Found {
    url: String,
    _held: Held,
}

/// What keeps it alive.
enum Held {
    Elsewhere,
    Container(#[expect(dead_code, reason = "held for its end")] Box<Container<GenericImage>>),
    Local(#[expect(dead_code, reason = "held for its end")] Box<redis::Server>),
}

impl Found {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The server of the suite, found when a case asks for it.
pub(crate) fn server() -> Server<Found> {
    Server::new(Backend::Redis, || first_of(&[environment, container, local]))
}

fn environment() -> Result<Found, Absence> {
    match std::env::var(URL) {
        Ok(url) => Ok(Found { url, _held: Held::Elsewhere }),
        Err(_) => Err(Absence::Missing(format!("{URL} is not set"))),
    }
}

fn container() -> Result<Found, Absence> {
    engine()?;
    let broken = |error: testcontainers::TestcontainersError| Absence::Broken(format!("{IMAGE}:{TAG}: {error}"));
    let image = GenericImage::new(IMAGE, TAG).with_exposed_port(PORT.tcp());
    let image = image.with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"));
    let container = image.start().map_err(broken)?;
    let port = container.get_host_port_ipv4(PORT.tcp()).map_err(broken)?;
    Ok(Found { url: format!("redis://127.0.0.1:{port}"), _held: Held::Container(Box::new(container)) })
}

fn local() -> Result<Found, Absence> {
    if !Command::new("redis-server").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Err(Absence::Missing("redis-server is not installed".to_owned()));
    }
    let server = redis::Server::start(Options::default());
    Ok(Found { url: server.url(), _held: Held::Local(Box::new(server)) })
}
