//! What can happen to notifications.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who carries mails.
pub const MAIL: &str = "mail";

/// One way of a notification to its user, beside the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its delivery.
    pub delivery: Uuid,
    /// Who carries it: the origin of a push service, or [`MAIL`](crate::log::MAIL).
    pub carrier: String,
    /// Where it stands, as the delivery log says it.
    pub status: String,
    /// Whether nothing more happens to it by itself.
    pub is_final: bool,
}

/// What one user was told, as the store accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The event that it was accepted under.
    pub event: Uuid,
    /// The user.
    pub user: Uuid,
    /// The notification.
    pub notification: Uuid,
    /// The number in its text, by which people tell events apart.
    pub about: Option<u64>,
    /// Whether it is in the inbox.
    pub in_app: bool,
    /// Its other ways.
    pub parts: Vec<Part>,
}

/// A row of an inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxRow {
    /// The notification.
    pub notification: Uuid,
    /// The number in its text.
    pub about: Option<u64>,
    /// Whether it is marked as read.
    pub read: bool,
}

/// A piece of work that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The delivery.
    pub delivery: Uuid,
    /// Of a push: where it goes, and its tag.
    pub push: Option<(String, String)>,
    /// Of a mail: whether it is sent again where nobody knows what became of it.
    pub resend: bool,
}

/// What came of a piece of work, as its holder says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is there.
    Sent,
    /// It is tried again.
    Later,
    /// It is given up, or its device is gone.
    Over,
    /// Nobody knows whether the mail server has it.
    Unknown,
}

/// What a provider answered, when that has reached the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It has it.
    Taken,
    /// Not now.
    Later,
    /// Never: it is of no use to ask again.
    Never,
    /// Nothing that says whether it has it.
    Nothing,
}

/// What happened to notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notified {
    /// Somebody publishes an event that these users are to be told of.
    Telling {
        /// The event.
        event: Uuid,
        /// Who.
        users: Vec<Uuid>,
    },
    /// The bus took an event.
    Told {
        /// The event.
        event: Uuid,
    },
    /// A consumer is done with an event.
    Acknowledged {
        /// The event.
        event: Uuid,
    },
    /// The store accepted what a user is told.
    Accepted(Acceptance),
    /// A caller was told that its message is sent.
    SendAnswered {
        /// The notification.
        notification: Uuid,
        /// The number in its text.
        about: u64,
    },
    /// A caller was told that a notification is marked as read.
    ReadAnswered {
        /// Whose.
        user: Uuid,
        /// The notification.
        notification: Uuid,
    },
    /// The store gave work to an instance.
    Claimed {
        /// The claim.
        claim: Uuid,
        /// The instance.
        by: String,
        /// The claim's end, in simulated milliseconds.
        until_ms: u64,
        /// The work.
        work: Vec<Work>,
    },
    /// Mails stand as being sent.
    Marked {
        /// The claim.
        claim: Uuid,
        /// The mails.
        mails: Vec<Uuid>,
    },
    /// The store wrote down what came of a delivery.
    Reported {
        /// The claim.
        claim: Uuid,
        /// The delivery.
        delivery: Uuid,
        /// What.
        outcome: Outcome,
    },
    /// An instance sends a push.
    PushAttempted {
        /// Names the attempt.
        attempt: u64,
        /// Where to.
        address: String,
        /// What it replaces on the device.
        tag: String,
        /// The number in its text.
        about: Option<u64>,
    },
    /// The push service has it: the device shows it.
    PushTaken {
        /// The attempt.
        attempt: u64,
    },
    /// The answer reached the instance.
    PushAnswered {
        /// The attempt.
        attempt: u64,
        /// What it says.
        reply: Reply,
        /// How long it asks to be left alone, in milliseconds.
        wait_ms: Option<u64>,
    },
    /// An instance hands a mail over.
    MailHanded {
        /// Names the attempt.
        attempt: u64,
        /// The mail.
        mail: Uuid,
        /// Where to.
        to: String,
        /// The number in its text.
        about: Option<u64>,
    },
    /// The mail server has it.
    MailTaken {
        /// The attempt.
        attempt: u64,
    },
    /// The answer reached the instance.
    MailAnswered {
        /// The attempt.
        attempt: u64,
        /// What it says.
        reply: Reply,
    },
    /// An open stream of a user begins.
    StreamOpened {
        /// Whose.
        user: Uuid,
        /// Where the inbox stood.
        position: u64,
    },
    /// It tells of a notification.
    StreamTold {
        /// Whose.
        user: Uuid,
        /// Which.
        notification: Uuid,
        /// Its place.
        position: u64,
    },
    /// Something is wrong with a carrier, from now on or for a while.
    Troubled {
        /// The origin of a push service, or [`MAIL`](crate::log::MAIL).
        carrier: String,
    },
    /// From now on nothing is broken but these carriers, or nothing else was until a moment ago.
    OnlyBroken {
        /// Origins of push services, or [`MAIL`](crate::log::MAIL).
        carriers: Vec<String>,
    },
    /// It works again; so far the others have come with this notification.
    Stands {
        /// The notification.
        notification: Uuid,
        /// Its ways.
        parts: Vec<Part>,
    },
    /// In the end.
    Ended {
        /// The notification.
        notification: Uuid,
        /// Its ways.
        parts: Vec<Part>,
    },
    /// In the end, the whole inbox of a user.
    Inbox {
        /// Whose.
        user: Uuid,
        /// Its rows.
        rows: Vec<InboxRow>,
    },
    /// All is told about the end.
    Closed,
    /// In the time that there is for it, this did not come to its end.
    Unsettled {
        /// What.
        reasons: Vec<String>,
    },
}
