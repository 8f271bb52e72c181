//! `notification:changed`: between the instances of the notification service.

use serde::{Deserialize, Serialize};

use super::Event;
use crate::model::UserId;
use crate::ports::Topic;

/// Something happened in a user's inbox; the store says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationChanged {
    /// Whose inbox.
    pub user_id: UserId,
}

impl Event for NotificationChanged {
    const TOPIC: Topic = Topic::NotificationChanged;

    fn key(&self) -> String {
        self.user_id.to_string()
    }
}
