//! Leases: two openings of one file compete for them, as two processes do.

use std::time::Duration;

use adapters::sqlite::Sqlite;
use domain::ports::{Acquired, FeedPosition, Lease, LeaseName, Leases, StoreError};
use futures_util::future::join;
use uuid::Uuid;

use super::{Database, HOURS};

const NAME: LeaseName = LeaseName::Tracker;
const LIFE: Duration = Duration::from_millis(1_300);
const LIFE_MICROS: i64 = 1_300_000;

async fn ask(sqlite: &Sqlite, holder: u128) -> Option<Lease> {
    match sqlite.store().acquire(NAME, Uuid::from_u128(holder), LIFE).await.unwrap() {
        Acquired::Held(lease) => Some(lease),
        Acquired::Busy { remaining } => {
            assert!(remaining <= LIFE);
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_processes_holds_a_lease_and_the_other_takes_over_at_once() {
    let database = Database::new().await;
    let another = database.another().await;
    let mut last = 0;
    for _ in 0..50 {
        let (first, second) = join(ask(&database.sqlite, 1), ask(&another, 2)).await;
        let (holder, standby, lease) = match (first, second) {
            (Some(lease), None) => (&database.sqlite, (&another, 2), lease),
            (None, Some(lease)) => (&another, (&database.sqlite, 1), lease),
            both => panic!("one was to get it: {both:?}"),
        };
        assert!(lease.token.0 > last, "{lease:?}");
        holder.store().release(NAME, lease.token).await.unwrap();
        let successor = ask(standby.0, standby.1).await.expect("it was released");
        assert!(successor.token > lease.token);
        standby.0.store().release(NAME, successor.token).await.unwrap();
        last = successor.token.0;
    }
    assert_eq!(last, 100, "each token is the next one");
}

#[tokio::test]
async fn a_lease_that_ended_is_taken_and_its_old_holder_changes_nothing() {
    let database = Database::new().await;
    let another = database.another().await;
    let zombie = ask(&database.sqlite, 1).await.unwrap();
    assert!(database.sqlite.store().move_cursor(NAME, zombie.token, FeedPosition(7)).await.unwrap());
    database.clock.advance(LIFE_MICROS - 100_000);
    assert_eq!(ask(&another, 2).await, None);
    assert!(database.sqlite.store().renew(NAME, zombie.token, LIFE).await.unwrap());
    database.clock.advance(LIFE_MICROS - 100_000);
    assert_eq!(ask(&another, 2).await, None, "it was prolonged");
    database.clock.advance(100_000);
    let successor = ask(&another, 2).await.expect("it has ended");
    assert_eq!((successor.token.0, successor.cursor), (zombie.token.0 + 1, FeedPosition(7)));
    assert!(!database.sqlite.store().move_cursor(NAME, zombie.token, FeedPosition(8)).await.unwrap());
    assert!(!database.sqlite.store().renew(NAME, zombie.token, LIFE).await.unwrap());
    database.sqlite.store().release(NAME, zombie.token).await.unwrap();
    assert_eq!(ask(&database.sqlite, 1).await, None, "it is the successor's");
}

/// The holder died, and then the clock was put back by a year.
#[tokio::test]
async fn a_clock_that_goes_back_does_not_keep_a_dead_lease() {
    let database = Database::new().await;
    let dead = ask(&database.sqlite, 1).await.unwrap();
    database.clock.advance(-365 * 24 * HOURS);
    let successor = ask(&database.sqlite, 2).await.expect("nobody can hold it for a year");
    assert!(successor.token > dead.token);
    // A little back is not enough to doubt a holder.
    database.clock.advance(-LIFE_MICROS / 2);
    let another = database.sqlite.store().acquire(NAME, Uuid::from_u128(3), LIFE).await.unwrap();
    assert!(matches!(another, Acquired::Busy { .. }), "{another:?}");
}

#[tokio::test]
async fn tokens_and_cursors_outlive_the_process() {
    let database = Database::new().await;
    let lease = ask(&database.sqlite, 1).await.unwrap();
    database.sqlite.store().move_cursor(NAME, lease.token, FeedPosition(42)).await.unwrap();
    database.sqlite.close().await.unwrap();
    let again = database.another().await;
    assert_eq!(ask(&again, 2).await, None, "it has not ended yet");
    database.clock.advance(LIFE_MICROS);
    let successor = ask(&again, 2).await.unwrap();
    assert_eq!((successor.token.0, successor.cursor), (lease.token.0 + 1, FeedPosition(42)));
}

/// Standbys ask five times a second, each of them: they must not stand in the way of writers.
#[tokio::test]
async fn asking_for_a_lease_that_is_held_writes_nothing() {
    let database = Database::with(|config| config.busy_timeout = Duration::from_millis(100)).await;
    let another = database.another().await;
    ask(&database.sqlite, 1).await.unwrap();
    let mut bare = database.bare().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut bare).await.unwrap();
    assert_eq!(ask(&another, 2).await, None, "no lock is needed for that answer");
}

#[tokio::test]
async fn a_lease_may_be_for_ever_and_must_be_there() {
    let database = Database::new().await;
    let store = database.sqlite.store();
    let eternal = store.acquire(NAME, Uuid::from_u128(1), Duration::MAX).await.unwrap();
    assert!(matches!(eternal, Acquired::Held(_)), "{eternal:?}");
    database.clock.advance(365 * 24 * HOURS);
    let busy = store.acquire(NAME, Uuid::from_u128(2), Duration::MAX).await.unwrap();
    assert!(matches!(busy, Acquired::Busy { .. }), "{busy:?}");
    sqlx::query("DELETE FROM leases").execute(&mut database.bare().await).await.unwrap();
    let gone = store.acquire(NAME, Uuid::from_u128(2), LIFE).await;
    assert!(matches!(gone, Err(StoreError::Corrupt(_))), "a token must not begin anew: {gone:?}");
}
