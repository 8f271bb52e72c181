//! The bugs that are planted: each takes one mechanism out. Only builds with the feature `mutants` have this module.
//!
//! A process has one of them at most, chosen before anything runs: by [`activate`], or by the environment variable
//! [`VARIABLE`], with which any test can be run against a bug:
//!
//! ```text
//! PLANTED_BUG=skip-gap-check cargo test -p coherence --features mutants
//! ```
//!
//! In the sources `mutant!(SkipGapCheck)` marks where a bug sits. It is the constant `false` in all other builds.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The environment variable that names the bug, where nobody calls [`activate`].
pub const VARIABLE: &str = "PLANTED_BUG";

/// The guarantee (`ALGORITHM.md`), or the promise of a part, that a bug breaks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// `monotonic`
    C1,
    /// `no_future`
    C2,
    /// `bounded`
    C3,
    /// `own_writes`
    C4,
    /// `gap_seen`
    C5,
    /// `tags`
    C6,
    /// `converge`
    C7,
    /// `notify_once`
    C8,
    /// On the way of a change no station says what the one before it has not said.
    S1,
    /// An answer is about what was asked, and as young as it must be.
    S2,
    /// An instance announces each change once.
    S3,
}

impl Invariant {
    /// `monotonic` to `notify_once`; then the promises of the parts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::C1 => "monotonic",
            Self::C2 => "no_future",
            Self::C3 => "bounded",
            Self::C4 => "own_writes",
            Self::C5 => "gap_seen",
            Self::C6 => "tags",
            Self::C7 => "converge",
            Self::C8 => "notify_once",
            Self::S1 => "stations",
            Self::S2 => "answers",
            Self::S3 => "announced",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} {}", self.name())
    }
}

macro_rules! planted {
    ($($bug:ident $name:literal $invariant:ident $about:literal;)*) => {
        /// One planted bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mutant {
            $(#[doc = $about] $bug,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$bug,)*];

            /// Its name on command lines and in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bug => $name,)* }
            }

            /// What it does, in one line.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$bug => $about,)* }
            }

            /// The guarantee whose checker is expected to catch it first.
            pub const fn invariant(self) -> Invariant {
                match self { $(Self::$bug => Invariant::$invariant,)* }
            }
        }
    };
}

planted! {
    // The stream and its follower.
    SkipGapCheck "skip-gap-check" C5 "a jump of the sequence counts as the next message";
    BeaconIgnored "beacon-ignored" C5 "the head's sequence is not compared: a lost last message goes unseen";
    FollowerIgnoresEpoch "follower-ignores-epoch" C5 "the follower goes on in another stream as if it were its own";
    ResyncOffByOne "resync-off-by-one" C5 "a resync adopts the head one place too far: the next message counts as known";
    ResyncVerifiesNothing "resync-verifies-nothing" C7 "a resync compares no version";
    ComparisonForgotten "comparison-forgotten" C3 "what was to be compared is forgotten with its subscription";
    NoResubscribe "no-resubscribe" C7 "a lost subscription is not followed by another one";
    DeafnessUnnoticed "deafness-unnoticed" C7 "a subscription that hears no heads is kept";
    ApplyOlderVersion "apply-older-version" C1 "floor and document follow the last version that came, not the highest";
    PatchToWrongBase "patch-to-wrong-base" C2 "a patch is applied whatever its base is, and its result is not hashed";
    ReplayAppliesNothing "replay-applies-nothing" C7 "what the stream repeats counts as known, and is not applied";
    ResyncDropsChanges "resync-drops-changes" C7 "changes that come while all versions are compared are not applied";
    ResyncLeavesLists "resync-leaves-lists" C3 "a resync outdates no list";
    ResyncLeavesViews "resync-leaves-views" C3 "a resync leaves in L1 what L2 does not track, and nobody compared";
    AnnouncedTwice "announced-twice" S3 "a change is announced on each road that it comes by";
    ListStampNotRaised "list-stamp-not-raised" C6 "a change with unknown tags outdates no list";

    // The lease.
    LeaseNeverExpires "lease-never-expires" C3 "a lease that was held once holds for ever";
    LeaseFromReceipt "lease-from-receipt" C3 "the lease counts from the receipt: an old beacon of a burst is trusted";
    LeaseByWallClock "lease-by-wall-clock" C3 "the monotonic end of the lease does not count";
    LeaseOverOpenGap "lease-over-open-gap" C3 "a head prolongs the lease though messages before it are missing";
    LeaseWhileComparing "lease-while-comparing" C3 "the lease is prolonged while versions are being compared";
    LocalTrustedWhileSuspect "local-trusted-while-suspect" C3 "the local tiers answer without the lease";
    SharedTrustedWhileSuspect "shared-trusted-while-suspect" C3 "L3 answers though its head is old";
    SuspectStores "suspect-stores" C3 "a suspect instance stores what it fills";
    FutureHeadTrusted "future-head-trusted" C3 "a head from further in the future than clocks may differ counts";
    FutureHeadKept "future-head-kept" C7 "a head from before the clocks were set back hides those that follow";
    StaleForEver "stale-for-ever" C3 "a stale answer may be of any age";
    StaleUnmarked "stale-unmarked" C3 "a stale answer is not marked";

    // Fills, floors and stamps.
    FillIgnoresFloor "fill-ignores-floor" C1 "a fill is not compared with the floor";
    FloorDroppedWithEntry "floor-dropped-with-entry" C1 "a key that is not tracked has no floor";
    FloorDiesAtOnce "floor-dies-at-once" C1 "a floor lives until the next one is set";
    TtlByWallClock "ttl-by-wall-clock" S2 "entries live by the wall clock";
    ShownIsNoFloor "shown-is-no-floor" C1 "what a write shows without writing sets no floor";
    AbsenceWithoutVersion "absence-without-version" C1 "an absence that is read carries no tombstone's version";
    FloorForgottenSilently "floor-forgotten-silently" C1 "a floor that must go early leaves no warning";
    FillAcrossGenerations "fill-across-generations" C1 "a fill of an earlier generation is stored";
    JoinsAnyFlight "joins-any-flight" C3 "callers join flights of any age and generation";
    ChangeLeavesL1 "change-leaves-l1" C3 "a change does not drop the ready view";
    MinVersionIgnored "min-version-ignored" C4 "hits of the local tiers ignore the minimum version";
    TagStampNotRechecked "tag-stamp-not-rechecked" C6 "a query's age counts from its storing: stamps set during its build are missed";
    IncarnationIgnored "incarnation-ignored" C7 "a new incarnation empties no tier";

    // The shared tier and the backplane.
    SharedIgnoresEpoch "shared-ignores-epoch" C3 "L3 answers with values of another stream epoch";
    RaiseMakesExact "raise-makes-exact" S1 "any version that L3 remembers counts as all that the stream told";
    FillTokenSurvives "fill-token-survives" C1 "a change does not void the tokens of fills in the air";
    OlderWriteOverwrites "older-write-overwrites" C1 "an older version overwrites a newer one in L3";
    StepsSwapped "steps-swapped" S1 "a change is published before its value is written";
    ServersNotCompared "servers-not-compared" S1 "a stream goes on on servers that are others than when it began";
    AnySequenceAccepted "any-sequence-accepted" C5 "the stream accepts a message that does not follow its last one";
    FencingIgnoredStep1 "fencing-ignored-step-1" C1 "L3 accepts writes of an earlier term";
    FencingIgnoredStep2 "fencing-ignored-step-2" C5 "the stream accepts messages and heads of an earlier term";

    // The pipeline.
    CursorBeforeConfirmed "cursor-before-confirmed" C7 "the tracker's cursor moves before the bus confirmed";
    BeaconBeforeEnd "beacon-before-end" C3 "the tracker sends a beacon though the feed was not read to its end";
    LeaseHeldPastDeadline "lease-held-past-deadline" C3 "a leader works on after its deadline";
    RestoreUnnoticed "restore-unnoticed" C7 "a database that was put back begins no new incarnation";
    AcknowledgedBeforeEffect "acknowledged-before-effect" C7 "the sync acknowledges a message before its effect";
    SyncBeatsAlone "sync-beats-alone" C3 "the sync sends beacons of its own while the tracker is silent";
    ZombieTrackerAccepted "zombie-tracker-accepted" C3 "the sync accepts messages of an earlier tracker";
    FeedHoleIgnored "feed-hole-ignored" C7 "the sync takes a hole in the tracker's counter or position for none";
    ProgressForgotten "progress-forgotten" S1 "a new sync does not go on from where the stored head is";
    PrunedUntold "pruned-untold" C7 "the tracker passes over what was pruned, and does not say so";
    OldFeedTold "old-feed-told" S1 "the first tracker of a life tells what the feed holds of the one before";
    LeaderKeepsOn "leader-keeps-on" C7 "a leader that reaches nobody does not give way";
    OutboxNotSwept "outbox-not-swept" C7 "the outbox is read after commits alone: what a crash or a failure left stays there";
    OutrunIgnored "outrun-ignored" C1 "a row below the instance's floor is written to";
    UnchangedLeavesLists "unchanged-leaves-lists" C6 "a write that was done already outdates no list";
    InvalidationWithoutTags "invalidation-without-tags" C6 "the invalidation road outdates no list of a company";
    MarkedBeforePublished "marked-before-published" C7 "the relay marks events as sent before the bus has them";
    InvalidationDropsNothing "invalidation-drops-nothing" C7 "the invalidation road acknowledges and does nothing";
    OwnWriteSkipsCaches "own-write-skips-caches" C1 "a write does not tell the caches of its own instance";

    // The store.
    LeaseShared "lease-shared" S1 "a lease that is held is given to whoever asks";
    CursorOfAnyToken "cursor-of-any-token" S1 "the cursor is moved by whoever had the lease once";
    LeasesOutliveLife "leases-outlive-life" S1 "a new incarnation ends no lease";
    ExpectationIgnored "expectation-ignored" C2 "a row is written whatever version the writer read";
    TombstoneLost "tombstone-lost" C1 "a delete leaves no tombstone: versions begin anew";
    TombstoneNotContinued "tombstone-not-continued" C1 "an insert after a delete begins at version 1";

    // The notifications.
    NotifyAcknowledgedFirst "notify-acknowledged-first" C8 "an event is acknowledged before its transaction";
    NotifyKeyForgotten "notify-key-forgotten" C8 "an event that comes again is taken for another one";
    IntentLeaseIgnored "intent-lease-ignored" C8 "intents that another sender holds are claimed";
    SendingUnmarked "sending-unmarked" C8 "a mail is handed over before it is marked as under way";
    GoneRetried "gone-retried" C8 "a push to a device that is gone is tried again";
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a bug was not activated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivateError {
    /// There is none of this name.
    #[error("no planted bug is called {0}")]
    Unknown(String),
    /// The process has made its choice.
    #[error("this process has chosen already ({})", .0.map_or("no bug", Mutant::name))]
    Chosen(Option<Mutant>),
}

impl FromStr for Mutant {
    type Err = ActivateError;

    fn from_str(name: &str) -> Result<Self, ActivateError> {
        let found = Self::ALL.iter().find(|mutant| mutant.name() == name);
        found.copied().ok_or_else(|| ActivateError::Unknown(name.to_owned()))
    }
}

/// The choice of this process.
static ACTIVE: OnceLock<Option<Mutant>> = OnceLock::new();
static REACHED: AtomicU64 = AtomicU64::new(0);

/// Activates the bug of this name, for the rest of the process's life. It must come before anything else of this crate.
///
/// # Errors
/// [`ActivateError`].
pub fn activate(name: &str) -> Result<Mutant, ActivateError> {
    let mutant = name.parse()?;
    match *ACTIVE.get_or_init(|| Some(mutant)) {
        Some(active) if active == mutant => Ok(mutant),
        other => Err(ActivateError::Chosen(other)),
    }
}

/// The bug that is active in this process, if one is.
pub fn active() -> Option<Mutant> {
    *ACTIVE.get_or_init(of_environment)
}

/// How often the active bug's place was passed: one that was never reached could not be caught.
pub fn reached() -> u64 {
    REACHED.load(Ordering::Relaxed)
}

/// Whether `mutant` is active. The places of bugs ask by `mutant!`.
pub fn is_active(mutant: Mutant) -> bool {
    let is_active = active() == Some(mutant);
    if is_active {
        REACHED.fetch_add(1, Ordering::Relaxed);
    }
    is_active
}

#[allow(clippy::panic, reason = "a misspelt name must not pass for a run against a bug")]
fn of_environment() -> Option<Mutant> {
    let name = std::env::var(VARIABLE).ok()?;
    Some(name.parse().unwrap_or_else(|error| panic!("{VARIABLE}: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_tell_their_bugs_apart() {
        let names: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
        assert_eq!(names.len(), Mutant::ALL.len());
        for mutant in Mutant::ALL {
            assert_eq!(mutant.name().parse(), Ok(*mutant));
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(mutant.name().chars().all(kebab), "{mutant}");
            let joined = mutant.name().replace('-', "");
            assert_eq!(joined, format!("{mutant:?}").to_lowercase(), "one name, in two spellings");
        }
        assert_eq!(activate("none-such"), Err(ActivateError::Unknown("none-such".into())));
    }
}
