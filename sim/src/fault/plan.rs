//! What a plan says.

use domain::ports::Topic;
use serde::{Deserialize, Serialize};

use super::permanent;
use crate::world::{Need, Trouble, Tuning};

/// The families of faults, of which a seed switches about one half off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// Messages between two hosts wait.
    Hold,
    /// Messages between two hosts are lost.
    Partition,
    /// One host reaches nobody.
    Isolate,
    /// A process is killed and started again.
    Crash,
    /// A machine loses its power: its peers see nothing of it.
    PowerLoss,
    /// A slow link.
    SlowLink,
    /// A slow backend.
    SlowBackend,
    /// Connections are reset.
    Cut,
    /// Connections move nothing.
    Stall,
    /// Reads return a few bytes.
    ShortReads,
    /// The bus drops all consumers: redelivery.
    BusCut,
    /// Messages are published twice.
    BusDuplicates,
    /// Somebody raises the incarnation of the database.
    NewIncarnation,
    /// The change feed does not answer.
    FeedStall,
    /// Pub/Sub messages are lost.
    PubSubLoss,
    /// Pub/Sub subscriptions go deaf, and only a new one hears again.
    Deaf,
    /// A replica of the shared tier is promoted that lacks the last moments.
    Promotion,
    /// Wall clocks step.
    WallClock,
    /// Monotonic clocks jump forward.
    Jump,
    /// Messages of the bus overtake each other.
    BusReorder,
    /// Acknowledgements reach the bus late: redelivery after the effect.
    LateAcks,
    /// The change feed is read again from an earlier position.
    FeedReplay,
    /// The store is put back from a backup.
    Restore,
    /// Pub/Sub messages come twice, or overtake each other.
    PubSubDisorder,
    /// A push service does not do what it should.
    PushTrouble,
    /// The mail server does not.
    MailTrouble,
    /// Devices are gone for good.
    DevicesGone,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::Hold,
        Self::Partition,
        Self::Isolate,
        Self::Crash,
        Self::PowerLoss,
        Self::SlowLink,
        Self::SlowBackend,
        Self::Cut,
        Self::Stall,
        Self::ShortReads,
        Self::BusCut,
        Self::BusDuplicates,
        Self::NewIncarnation,
        Self::FeedStall,
        Self::PubSubLoss,
        Self::Deaf,
        Self::Promotion,
        Self::WallClock,
        Self::Jump,
        Self::BusReorder,
        Self::LateAcks,
        Self::FeedReplay,
        Self::Restore,
        Self::PubSubDisorder,
        Self::PushTrouble,
        Self::MailTrouble,
        Self::DevicesGone,
    ];
}

/// One fault, with its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Messages between `a` and `b` wait.
    Hold {
        /// One host.
        a: String,
        /// The other.
        b: String,
    },
    /// Messages between `a` and `b` are lost.
    Partition {
        /// One host.
        a: String,
        /// The other.
        b: String,
    },
    /// `host` reaches nobody.
    Isolate {
        /// Which.
        host: String,
    },
    /// `host` hears of no change: it reaches neither bus nor shared tier, but the store.
    Unheard {
        /// Which instance.
        host: String,
    },
    /// `host` reaches no backend; clients reach it.
    Blind {
        /// Which instance.
        host: String,
    },
    /// The process on `host` is killed; it starts again when the fault ends.
    Crash {
        /// Which.
        host: String,
    },
    /// `host` loses its power until the fault ends.
    PowerLoss {
        /// Which.
        host: String,
    },
    /// Messages between `a` and `b` take up to so long.
    SlowLink {
        /// One host.
        a: String,
        /// The other.
        b: String,
        /// At most.
        max_ms: u64,
    },
    /// Calls to `host` take so much longer.
    SlowBackend {
        /// Which.
        host: String,
        /// By how much.
        by_ms: u64,
    },
    /// The connections between `a` and `b` are reset, once.
    Cut {
        /// One host.
        a: String,
        /// The other.
        b: String,
    },
    /// The connections between `a` and `b` move nothing.
    Stall {
        /// One host.
        a: String,
        /// The other.
        b: String,
    },
    /// All reads return a few bytes.
    ShortReads,
    /// The bus drops all consumers and answers nothing.
    BusCut,
    /// Each message is published twice.
    BusDuplicates,
    /// Somebody raises the incarnation of the database, once: `smartpulse incarnation raise`.
    NewIncarnation,
    /// The change feed does not answer, and when it does again, what was not read is pruned.
    FeedPruned,
    /// The change feed does not answer.
    FeedStall,
    /// Pub/Sub messages to `subscriber` are lost.
    PubSubLoss {
        /// Which instance.
        subscriber: String,
        /// So many in a thousand.
        permille: u64,
        /// Whether the stream cannot be read meanwhile: what is lost cannot be made up for.
        #[serde(default)]
        unreadable: bool,
    },
    /// Pub/Sub messages to `subscriber` come twice, or after the next one.
    PubSubDisorder {
        /// Which instance.
        subscriber: String,
        /// So many in a thousand come twice.
        doubled: u64,
        /// So many in a thousand are overtaken.
        overtaken: u64,
    },
    /// Nothing comes along one of the two roads of a change (DESIGN section 3.3) any more, to anybody.
    RoadCut {
        /// Which.
        road: Road,
    },
    /// The present Pub/Sub subscriptions of `subscriber` hear nothing any more, once.
    Deaf {
        /// Which instance.
        subscriber: String,
    },
    /// When the fault ends, the shared tier holds again what it held when it began: a replica that lagged by as much was
    /// promoted.
    Promotion,
    /// All wall clocks step together, as where somebody mends the time of the whole place; the step stays.
    AllClocks {
        /// By how much.
        by_ms: i64,
    },
    /// The wall clock of `host` is wrong.
    WallClock {
        /// Which.
        host: String,
        /// By how much.
        offset_ms: i64,
    },
    /// The monotonic clock of an instance jumps, once.
    Jump {
        /// Which instance.
        host: String,
        /// By how much.
        by_ms: u64,
    },
    /// Of the messages on their way to a consumer so many in a thousand wait, and others overtake them: of other keys on
    /// a fan-out, any on a shared subscription, none of the change feed's topic.
    BusReorder {
        /// So many in a thousand.
        permille: u64,
    },
    /// Acknowledgements reach the bus so much later; those of a consumer that goes are lost.
    LateAcks {
        /// By how much.
        by_ms: u64,
    },
    /// Now and then a read of the change feed is answered from an earlier position, as after a cursor that was lost.
    FeedReplay {
        /// How often.
        every_ms: u64,
        /// How many positions earlier, at most.
        back: u64,
    },
    /// When the fault begins, the store is backed up; when it ends, it is put back to that: rows, feed, leases, outbox.
    Restore,
    /// Of what is sent to a provider so much in a thousand meets this.
    Provider {
        /// The origin of a push service, or `mail`.
        carrier: String,
        /// What.
        trouble: Trouble,
        /// So many in a thousand.
        permille: u64,
    },
    /// A device is gone for good, from the begin of the fault on.
    DeviceGone {
        /// Its number.
        device: u64,
    },
}

/// The roads of a change to all instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Road {
    /// `forecast:invalidation`.
    Invalidation,
    /// `cdc:forecasts`.
    Cdc,
}

impl Road {
    /// What goes along it.
    pub(super) fn topic(self) -> Topic {
        match self {
            Self::Invalidation => Topic::ForecastInvalidation,
            Self::Cdc => Topic::CdcForecasts,
        }
    }
}

/// A fault in its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// After the begin of the storm.
    pub start_ms: u64,
    /// How long.
    pub duration_ms: u64,
    /// What.
    pub kind: Kind,
}

/// Everything that a run does, decided before it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The seed of all else.
    pub seed: u64,
    /// The world.
    pub tuning: Tuning,
    /// The families that are on.
    pub families: Vec<Family>,
    /// How long the storm lasts.
    pub storm_ms: u64,
    /// Writes behind the system's back: one in so many milliseconds, about; 0: none.
    pub behind_every_ms: u64,
    /// The faults, by their start.
    pub faults: Vec<Fault>,
    /// Whether one answer of the final reading is forged: such a run must fail, or the checks check nothing.
    #[serde(default)]
    pub canary: bool,
    /// A fault that begins after a third of the storm and never ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permanent: Option<Kind>,
}

/// Half of the bound on the skew of two clocks: within it, no two are further apart than the bound.
const SKEW_HALF_MS: u64 = 499;

impl Plan {
    /// The host that the permanent fault hurts, if it hurts one.
    pub fn hurt(&self) -> Option<&str> {
        permanent::hurt(self.permanent.as_ref()?)
    }

    /// Whether `host` cannot be expected to have `need`.
    pub fn spares(&self, host: &str, need: Need) -> bool {
        self.permanent.as_ref().is_some_and(|kind| permanent::spares(kind, host, need))
    }

    /// Whether clocks differ by more than C3 allows, also from what they were: where all are set back, a head from before
    /// that looks younger than it is.
    pub fn is_beyond_skew(&self) -> bool {
        self.faults.iter().any(|fault| match &fault.kind {
            Kind::WallClock { offset_ms, .. } => offset_ms.unsigned_abs() > SKEW_HALF_MS,
            Kind::AllClocks { by_ms } => *by_ms < 0 && by_ms.unsigned_abs() > SKEW_HALF_MS,
            _ => false,
        })
    }
}
