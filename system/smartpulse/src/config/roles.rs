//! `roles` and `instances`: what a process does, and how many instances it holds.

use std::collections::BTreeSet;

use super::reader::Reader;

/// The most instances of one process: their addresses count up by ten, and must not run into the internal ones.
pub const INSTANCES_MAX: usize = 32;

/// What an instance can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceRole {
    /// Serve forecasts through the caches, and follow the stream of changes.
    ForecastApi,
    /// Read the store's change feed and publish `cdc:forecasts`; one instance at a time does, the others stand by.
    Tracker,
    /// Write what comes over `cdc:forecasts` to the shared tier; one instance at a time does, the others stand by.
    Sync,
    /// Publish the events that a crash left in the outbox, where the bus is not the store.
    Relay,
    /// Compare samples of the caches with the store.
    Monitor,
    /// Serve notifications, with their live streams.
    NotificationApi,
    /// Turn completed forecasts into notifications, send pushes, render mails; all instances with it share the work.
    NotificationWorker,
    /// Hand the queued mails to the mail server; all instances with it share the work.
    MailSend,
}

impl InstanceRole {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ForecastApi,
        Self::Tracker,
        Self::Sync,
        Self::Relay,
        Self::Monitor,
        Self::NotificationApi,
        Self::NotificationWorker,
        Self::MailSend,
    ];

    /// As written in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForecastApi => "forecast-api",
            Self::Tracker => "tracker",
            Self::Sync => "sync",
            Self::Relay => "relay",
            Self::Monitor => "monitor",
            Self::NotificationApi => "notification-api",
            Self::NotificationWorker => "notification-worker",
            Self::MailSend => "mail-send",
        }
    }
}

/// The roles of each instance of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(BTreeSet<InstanceRole>);

impl Roles {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let known = |name: &String| InstanceRole::ALL.into_iter().find(|role| role.name() == name);
        let names = r.list("roles");
        let roles: BTreeSet<InstanceRole> = names.iter().filter_map(known).collect();
        let unknown = names.iter().find(|name| known(name).is_none());
        if unknown.is_some() || roles.is_empty() {
            let all = InstanceRole::ALL.map(|role| format!("{:?}", role.name())).join(", ");
            let what = unknown.map_or_else(String::new, |name| format!(" ({name:?} is none)"));
            r.bad("roles", format!("at least one of {all}{what}"));
        }
        Self(roles)
    }

    /// Whether the instance does this.
    pub fn has(&self, role: InstanceRole) -> bool {
        self.0.contains(&role)
    }

    /// Whether the instance has any part of the notification service.
    pub fn has_notifications(&self) -> bool {
        [InstanceRole::NotificationApi, InstanceRole::NotificationWorker, InstanceRole::MailSend]
            .into_iter()
            .any(|role| self.has(role))
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|role| role.name()).collect()
    }
}
