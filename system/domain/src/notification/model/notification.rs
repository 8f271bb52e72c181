//! What a user is told.

use std::fmt;

use coherence::Timestamp;
use serde::Serialize;

use super::{Body, NotificationId, Title};
use crate::model::UserId;

/// Why a user is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum NotificationType {
    /// A forecast was completed.
    ForecastCompleted,
    /// Somebody, or something, wants attention.
    Alert,
}

impl NotificationType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ForecastCompleted, Self::Alert];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForecastCompleted => "ForecastCompleted",
            Self::Alert => "Alert",
        }
    }
}

/// One notification of one user, as the in-app channel keeps it (specification 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Names it.
    pub id: NotificationId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it says first.
    pub title: Title,
    /// What it says.
    pub body: Body,
    /// Why it is told.
    #[serde(rename = "type")]
    pub kind: NotificationType,
    /// When it was first marked as read.
    pub read_at: Option<Timestamp>,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// A place in what happened to one user's notifications: each new one, and each that is read, takes the next number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxPosition(pub u64);

impl fmt::Display for InboxPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for InboxPosition {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A place in the list of a user's notifications, newest first: the last item shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InboxCursor {
    /// When the item was stored.
    pub created_at: Timestamp,
    /// The item, which breaks ties.
    pub id: NotificationId,
}

impl InboxCursor {
    /// The place of `notification`.
    pub const fn of(notification: &Notification) -> Self {
        Self { created_at: notification.created_at, id: notification.id }
    }
}

/// The text of a cursor: the time in microseconds and the id. It grants nothing: whose notifications are listed is the
/// caller's token's to say.
impl fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.as_microsecond(), self.id.0.as_simple())
    }
}

impl std::str::FromStr for InboxCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const MESSAGE: &str = "is not a cursor that this service gave";
        let (micros, id) = text.split_once('.').ok_or(MESSAGE)?;
        let micros: i64 = micros.parse().map_err(|_| MESSAGE)?;
        Ok(Self {
            created_at: Timestamp::from_microsecond(micros).map_err(|_| MESSAGE)?,
            id: id.parse().map_err(|_| MESSAGE)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back() {
        let id = NotificationId(uuid::Uuid::from_u128(7));
        let cursor = InboxCursor { created_at: Timestamp::from_microsecond(1_762_943_400_123_456).unwrap(), id };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "1", "x.y", "1.2", "99999999999999999999.00000000000000000000000000000007"] {
            assert!(bad.parse::<InboxCursor>().is_err(), "{bad}");
        }
    }
}
