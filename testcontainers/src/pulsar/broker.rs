//! A broker, wherever it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use testcontainers::{Container, GenericImage};

use super::{Admin, LocalBroker, container, environment, local};
use crate::{Absence, Backend, Server, first_of};

/// How long a broker may take until it is healthy. Nine seconds on an idle machine.
pub(super) const START_MAX: Duration = Duration::from_secs(180);

/// A broker that answers.
pub struct Broker {
    url: String,
    admin: Admin,
    held: Held,
}

/// What keeps it alive.
enum Held {
    /// Somebody else's.
    Elsewhere,
    /// Ends when it is dropped.
    Container(#[expect(dead_code, reason = "held for its end")] Box<Container<GenericImage>>),
    Local(Mutex<LocalBroker>),
}

impl Broker {
    /// The broker of a suite, found when a case asks for it.
    pub fn server() -> Server<Self> {
        Server::new(Backend::Pulsar, || first_of(&[environment::find, container::find, local::find]))
    }

    /// A local process of its own, for cases that break it.
    pub fn breakable() -> Server<Self> {
        Server::new(Backend::Pulsar, local::find)
    }

    pub(super) fn elsewhere(url: String, admin_url: String) -> Result<Self, Absence> {
        let admin = Admin::new(admin_url)?;
        healthy(&admin)?;
        Ok(Self { url, admin, held: Held::Elsewhere })
    }

    pub(super) fn container(
        url: String,
        admin_url: String,
        container: Container<GenericImage>,
    ) -> Result<Self, Absence> {
        let admin = Admin::new(admin_url)?;
        healthy(&admin)?;
        Ok(Self { url, admin, held: Held::Container(Box::new(container)) })
    }

    pub(super) fn local(local: LocalBroker) -> Result<Self, Absence> {
        Ok(Self { url: local.url(), admin: Admin::new(local.admin_url())?, held: Held::Local(Mutex::new(local)) })
    }

    /// The broker's address, `pulsar://...`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its admin API.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The process, where it is ours to break.
    ///
    /// # Errors
    /// It is not.
    pub fn process(&self) -> Result<MutexGuard<'_, LocalBroker>, Absence> {
        match &self.held {
            Held::Local(local) => Ok(local.lock().unwrap_or_else(PoisonError::into_inner)),
            Held::Elsewhere | Held::Container(_) => {
                Err(Absence::Missing("only a local broker can be killed and frozen".to_owned()))
            }
        }
    }
}

fn healthy(admin: &Admin) -> Result<(), Absence> {
    let begun = Instant::now();
    while !admin.is_healthy() {
        if begun.elapsed() > START_MAX {
            return Err(Absence::Broken(format!("{} is not healthy", admin.url())));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
