//! Whom and what the ids name: brought in from outside (`smartpulse import-directory`).

use std::collections::BTreeMap;

use super::{MailAddress, Name};
use crate::model::{UnitId, UserId};

/// The most entries of one import call.
pub const DIRECTORY_BATCH_MAX: usize = 1_000;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEntry {
    /// The person.
    pub id: UserId,
    /// How mails address them.
    pub name: Name,
    /// Where mails go; `None`: nowhere.
    pub address: Option<MailAddress>,
}

/// A production unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEntry {
    /// The unit.
    pub id: UnitId,
    /// What people call it.
    pub name: Name,
}

/// A part of the directory. Who is not in it has no name and gets no mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Users that were asked for.
    pub users: BTreeMap<UserId, UserEntry>,
    /// The unit that was asked for.
    pub unit: Option<Name>,
}
