//! The store of notifications: what was accepted, and how far each channel has got with it.
//!
//! Each method is a whole transaction with plain arguments, durable when it answers. It shares no table with the store of
//! forecasts. Work is handed out by *claims*: whoever claims holds what it got until the claim's life is over; results name
//! the claim, and those of a claim that somebody else has taken over are refused. The store's clock decides.
//!
//! - `accept`: what an event or a request leads to, once; `leads_to`: to which deliveries; `inbox`: the in-app channel
//! - `devices`, `recipients`: whom it reaches, and how
//! - `push`: pushes to send; `mail`: mails to render; `queue`: mails to send (`NheaMailQueue`)
//! - `deliveries`: what became of it

mod accept;
mod claim;
mod deliveries;
mod devices;
mod error;
mod inbox;
mod leads_to;
mod mail;
mod push;
mod queue;
mod recipients;
mod store;

pub use accept::{Acceptance, Acceptances, Accepted, AcceptedUser, ForUser, MailEnqueue, MailFor};
pub use claim::{CLAIM_LIFE_MAX, Claim, ClaimedWork};
pub use deliveries::{Backlog, Deliveries, DeliveryLog, NotificationsPruned, RESEND_MAX, Resend};
pub use devices::{Devices, Registered};
pub use error::NotificationStoreError;
pub use inbox::{Inbox, InboxChanges, InboxPage, InboxQuery, InboxStart};
pub use leads_to::NewDelivery;
pub use mail::{MailIntent, MailIntents, MailsToQueue, QueuedMail};
pub use push::{PushIntent, PushIntents, PushOutcome, PushReport};
pub use queue::{
    ClaimedMails, MailOutcome, MailProgress, MailQueue, MailReport, MailToSend, Suppression, SuppressionCursor,
    SuppressionReason,
};
pub use recipients::{Recipient, Recipients};
pub use store::NotificationStore;
