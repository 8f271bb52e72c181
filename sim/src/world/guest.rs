//! Who calls the use cases of an instance on its own host.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use smartpulse::app::NotificationParts;

use crate::wire::Net;

/// What such a caller gets, at each start of the instance.
pub struct Visit {
    /// The use cases.
    pub parts: NotificationParts,
    /// The host.
    pub net: Net,
    /// Which start it is.
    pub boot: u64,
}

/// Such a caller. It dies with its host.
pub type Guest = Arc<dyn Fn(Visit) -> BoxFuture<'static, ()> + Send + Sync>;
