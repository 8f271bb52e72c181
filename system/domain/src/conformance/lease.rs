//! What [`Leases`] must do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{FencingToken, Incarnation};
use futures_util::future::join_all;
use uuid::Uuid;

use super::case;
use crate::ports::{Acquired, FeedPosition, Lease, LeaseName, Leases, Store, tokens_before};

/// A store whose leases nobody has held, and whatever keeps it alive.
#[async_trait]
pub trait LeaseHarness: Send + Sync {
    /// The leases.
    fn leases(&self) -> Arc<dyn Leases>;
    /// The store that they are in.
    fn store(&self) -> Arc<dyn Store>;
    /// Lets so much time pass by the store's clock.
    async fn pass(&self, time: Duration);
}

/// Runs every case, each on a store of its own.
pub async fn run_all<H: LeaseHarness>(make: impl AsyncFn() -> H) {
    macro_rules! cases {
        ($($case:ident),* $(,)?) => {
            $({
                let harness = make().await;
                case(stringify!($case), $case(&harness)).await;
            })*
        };
    }
    cases![
        a_lease_has_one_holder,
        a_token_rises_each_time,
        of_several_that_ask_one_gets_it,
        a_lease_ends_by_itself,
        a_prolonged_lease_does_not_end,
        a_lease_that_ended_unnoticed_can_be_prolonged,
        a_released_lease_is_free_at_once,
        the_cursor_stands_in_the_lease,
        who_lost_a_lease_changes_nothing,
        a_new_incarnation_ends_all_leases,
        no_token_of_another_incarnation_comes_again,
        a_lease_tells_the_incarnation,
    ];
}

const NAME: LeaseName = LeaseName::Tracker;

/// Longer than any case takes.
const LONG: Duration = Duration::from_secs(600);

/// Some that pass soon.
const SHORT: Duration = Duration::from_millis(400);

fn holder(n: u128) -> Uuid {
    Uuid::from_u128(0xa000 + n)
}

async fn take(leases: &dyn Leases, n: u128, life: Duration) -> Lease {
    match leases.acquire(NAME, holder(n), life).await.unwrap() {
        Acquired::Held(lease) => {
            assert_eq!(lease.name, NAME);
            lease
        }
        Acquired::Busy { remaining } => panic!("the lease is free, and yet held for {remaining:?}"),
    }
}

async fn assert_busy(leases: &dyn Leases, n: u128) -> Duration {
    match leases.acquire(NAME, holder(n), LONG).await.unwrap() {
        Acquired::Busy { remaining } => remaining,
        Acquired::Held(lease) => panic!("another one holds the lease, and yet {n} got {lease:?}"),
    }
}

/// Each lease has its own; who asks learns how long the holder has it.
pub async fn a_lease_has_one_holder(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let first = take(&*leases, 1, LONG).await;
    assert!(first.token > FencingToken(0), "0 is below every token");
    assert_eq!(first.cursor, FeedPosition(0));
    let remaining = assert_busy(&*leases, 2).await;
    assert!(remaining <= LONG && remaining > LONG / 2, "{remaining:?}");
    let other = leases.acquire(LeaseName::Sync, holder(2), LONG).await.unwrap();
    assert!(matches!(other, Acquired::Held(Lease { name: LeaseName::Sync, .. })), "{other:?}");
}

/// Also for the one that holds it: then only its newest token counts.
pub async fn a_token_rises_each_time(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let mut last = take(&*leases, 1, LONG).await.token;
    for (n, is_other) in [(1, false), (1, false), (2, true), (2, false), (1, true)] {
        assert!(leases.renew(NAME, last, LONG).await.unwrap());
        if is_other {
            leases.release(NAME, last).await.unwrap();
        }
        let token = take(&*leases, n, LONG).await.token;
        assert!(token > last);
        assert!(!leases.renew(NAME, last, LONG).await.unwrap(), "an old token is nobody's");
        last = token;
    }
}

/// At the same moment.
pub async fn of_several_that_ask_one_gets_it(harness: &dyn LeaseHarness) {
    const ASKERS: u128 = 8;
    let leases = harness.leases();
    let mut tokens = BTreeSet::new();
    for _ in 0..10 {
        let answers = join_all((0..ASKERS).map(|n| leases.acquire(NAME, holder(n), LONG))).await;
        let held: Vec<Lease> = answers
            .into_iter()
            .filter_map(|answer| match answer.unwrap() {
                Acquired::Held(lease) => Some(lease),
                Acquired::Busy { .. } => None,
            })
            .collect();
        assert_eq!(held.len(), 1, "{held:?}");
        assert!(tokens.insert(held[0].token), "a token was given out twice");
        assert_eq!(tokens.last(), Some(&held[0].token));
        leases.release(NAME, held[0].token).await.unwrap();
    }
}

/// Without a word of its holder.
pub async fn a_lease_ends_by_itself(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let first = take(&*leases, 1, SHORT).await;
    assert!(assert_busy(&*leases, 2).await <= SHORT);
    harness.pass(SHORT).await;
    let second = take(&*leases, 2, LONG).await;
    assert!(second.token > first.token);
    assert_busy(&*leases, 1).await;
}

/// From the moment of the call, not from the old end.
pub async fn a_prolonged_lease_does_not_end(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let first = take(&*leases, 1, SHORT).await;
    assert!(leases.renew(NAME, first.token, LONG).await.unwrap());
    harness.pass(SHORT).await;
    assert!(assert_busy(&*leases, 2).await > SHORT);
    assert!(leases.renew(NAME, first.token, SHORT).await.unwrap(), "it can be shortened, too");
    assert!(assert_busy(&*leases, 2).await <= SHORT);
}

/// Nobody took it: nothing was written that its holder does not know of.
pub async fn a_lease_that_ended_unnoticed_can_be_prolonged(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let first = take(&*leases, 1, SHORT).await;
    harness.pass(2 * SHORT).await;
    assert!(leases.move_cursor(NAME, first.token, FeedPosition(1)).await.unwrap());
    assert!(leases.renew(NAME, first.token, LONG).await.unwrap());
    assert_busy(&*leases, 2).await;
}

/// Its token is worth nothing from then on.
pub async fn a_released_lease_is_free_at_once(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let first = take(&*leases, 1, LONG).await;
    leases.release(NAME, first.token).await.unwrap();
    assert!(!leases.renew(NAME, first.token, LONG).await.unwrap());
    assert!(!leases.move_cursor(NAME, first.token, FeedPosition(1)).await.unwrap());
    let second = take(&*leases, 2, LONG).await;
    assert!(second.token > first.token);
    assert_eq!(second.cursor, FeedPosition(0));
    leases.release(NAME, first.token).await.unwrap();
    assert_busy(&*leases, 1).await;
}

/// Wherever its holder moves it, also back; who comes next goes on there.
pub async fn the_cursor_stands_in_the_lease(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let first = take(&*leases, 1, LONG).await;
    for to in [3, 1_000_000_007, 2, 7] {
        assert!(leases.move_cursor(NAME, first.token, FeedPosition(to)).await.unwrap());
    }
    leases.release(NAME, first.token).await.unwrap();
    let second = take(&*leases, 2, LONG).await;
    assert_eq!(second.cursor, FeedPosition(7));
    assert!(leases.move_cursor(NAME, second.token, FeedPosition(9)).await.unwrap());
    assert_eq!(take(&*leases, 2, LONG).await.cursor, FeedPosition(9));
    let other = leases.acquire(LeaseName::Sync, holder(1), LONG).await.unwrap();
    assert!(matches!(other, Acquired::Held(Lease { cursor: FeedPosition(0), .. })), "{other:?}");
}

/// A process that slept through the end of its lease.
pub async fn who_lost_a_lease_changes_nothing(harness: &dyn LeaseHarness) {
    let leases = harness.leases();
    let first = take(&*leases, 1, SHORT).await;
    assert!(leases.move_cursor(NAME, first.token, FeedPosition(5)).await.unwrap());
    harness.pass(SHORT).await;
    let second = take(&*leases, 2, LONG).await;
    assert!(!leases.move_cursor(NAME, first.token, FeedPosition(6)).await.unwrap());
    assert!(!leases.renew(NAME, first.token, LONG).await.unwrap());
    leases.release(NAME, first.token).await.unwrap();
    assert_busy(&*leases, 3).await;
    leases.release(NAME, second.token).await.unwrap();
    assert_eq!(take(&*leases, 3, LONG).await.cursor, FeedPosition(5));
}

/// What was put back gives tokens out again: no holder from before goes on beside a new one of the same token.
pub async fn a_new_incarnation_ends_all_leases(harness: &dyn LeaseHarness) {
    let (leases, store) = (harness.leases(), harness.store());
    let first = take(&*leases, 1, LONG).await;
    assert!(leases.move_cursor(NAME, first.token, FeedPosition(5)).await.unwrap());
    store.raise_incarnation(Incarnation(0)).await.unwrap();
    assert!(!leases.renew(NAME, first.token, LONG).await.unwrap());
    assert!(!leases.move_cursor(NAME, first.token, FeedPosition(6)).await.unwrap());
    let second = take(&*leases, 2, LONG).await;
    assert_eq!(second.cursor, FeedPosition(5));
    assert!(second.fence() > first.fence());
}

/// Nor do those come again that a restore made the store forget.
pub async fn no_token_of_another_incarnation_comes_again(harness: &dyn LeaseHarness) {
    let (leases, store) = (harness.leases(), harness.store());
    let first = take(&*leases, 1, LONG).await;
    // The store was put back to here; until then these were given out.
    let forgotten = FencingToken(first.token.0 + 5);
    let raised = store.raise_incarnation(Incarnation(6)).await.unwrap();
    let mut last = tokens_before(raised);
    assert!(last > forgotten);
    for n in 0..8 {
        let token = take(&*leases, n, Duration::ZERO).await.token;
        assert!(token > last, "{token} after {last}");
        last = token;
        assert!(!leases.renew(NAME, forgotten, LONG).await.unwrap());
        assert!(!leases.move_cursor(NAME, forgotten, FeedPosition(6)).await.unwrap());
        leases.release(NAME, token).await.unwrap();
    }
}

/// The one of the database when it is taken.
pub async fn a_lease_tells_the_incarnation(harness: &dyn LeaseHarness) {
    let (leases, store) = (harness.leases(), harness.store());
    let first = take(&*leases, 1, LONG).await;
    assert_eq!(first.incarnation, store.incarnation().await.unwrap());
    let raised = store.raise_incarnation(Incarnation(7)).await.unwrap();
    let second = take(&*leases, 1, LONG).await;
    assert_eq!((second.incarnation, second.fence().incarnation), (raised, raised));
    assert!(second.fence() > first.fence());
}
