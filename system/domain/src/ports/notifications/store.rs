//! All of it.

use super::{Acceptances, Deliveries, Devices, Inbox, MailIntents, MailQueue, PushIntents, Recipients};

/// The store of notifications: whoever implements the parts has it.
pub trait NotificationStore:
    Acceptances + Inbox + Devices + Recipients + PushIntents + MailIntents + MailQueue + Deliveries
{
}

impl<T> NotificationStore for T where
    T: Acceptances + Inbox + Devices + Recipients + PushIntents + MailIntents + MailQueue + Deliveries
{
}
