//! The pool against a scripted server: what is of no use any more never comes back, what is left over from one user is gone
//! for the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::ports::StoreError;

use crate::sqlserver::connection::{Pool, Session, Stop, answers, transaction};
use crate::sqlserver::errors::{PortError, SqlError};
use crate::sqlserver::notifications::{QUEUE, QUEUE_COLUMNS};
use crate::sqlserver::statement::{Value, int, text, text_or_null, time, uuid, uuid_or_null};
use crate::sqlserver::statements::{LEASES_RELEASE, STORE_INCARNATION};
use crate::sqlserver::testing::script::{self, willing};
use crate::sqlserver::testing::{Fake, Kind, Reply, Request};
use crate::sqlserver::{SqlServerConfig, row};

/// Soon, and yet later than what is not to be waited for.
const SOON: Duration = Duration::from_millis(300);

fn pool(fake: &Fake, change: impl FnOnce(&mut SqlServerConfig)) -> Pool {
    let connection = format!("Server=tcp:127.0.0.1,{};Database=d;User Id=u;Password=s3cret", fake.address.port());
    let mut config = SqlServerConfig::new(&connection).unwrap().unencrypted();
    config.connect_timeout = SOON;
    config.acquire_timeout = SOON;
    config.statement_timeout = SOON;
    change(&mut config);
    Pool::new(config).unwrap()
}

/// A server that does nothing, but for statements of this text.
fn but(part: &'static str, reply: Reply) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    script::but(part, reply, willing)
}

/// Waits for what the other side notices a moment later.
async fn until(fake: &Fake, counts: (usize, usize)) {
    for _ in 0..100 {
        if fake.counts() == counts {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{counts:?} connections made and closed were due, not {:?}", fake.counts());
}

async fn ask(session: &mut Session) -> Result<u64, SqlError> {
    row::changed(&session.rows(&STORE_INCARNATION, []).await?)
}

/// The pool lends a new connection, and it works.
async fn next_one_works(pool: &Pool) {
    assert_eq!(ask(&mut pool.session().await.unwrap()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_connection_is_used_again_and_reset_each_time() {
    let fake = Fake::listen(willing).await.unwrap();
    let pool = pool(&fake, |_| {});
    for _ in 0..3 {
        next_one_works(&pool).await;
    }
    assert_eq!(fake.counts(), (1, 0));
    let resets = fake.of(Kind::Batch);
    assert_eq!(resets.len(), 3);
    for reset in resets {
        assert!(reset.contains("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;"), "{reset}");
        assert!(reset.contains("SET XACT_ABORT ON;") && reset.contains("ISOLATION LEVEL READ COMMITTED;"), "{reset}");
    }
}

#[tokio::test]
async fn a_dropped_call_takes_its_connection_with_it() {
    let fake = Fake::listen(but("DATEDIFF_BIG", Reply::Silence)).await.unwrap();
    let pool = pool(&fake, |config| config.statement_timeout = Duration::from_secs(60));
    let mut session = pool.session().await.unwrap();
    let looking = session.rows(&crate::sqlserver::statements::LEASES_LOOK, [text("tracker"), uuid(uuid::Uuid::nil())]);
    tokio::time::timeout(Duration::from_millis(50), looking).await.unwrap_err();
    // Of no use to its holder, either.
    assert!(matches!(ask(&mut session).await, Err(SqlError::Connection(_))));
    drop(session);
    until(&fake, (1, 1)).await;
    assert_eq!(pool.size(), (0, 0));
    next_one_works(&pool).await;
    assert_eq!(fake.counts(), (2, 1));
}

#[tokio::test]
async fn a_call_that_takes_too_long_takes_its_connection_with_it() {
    let fake = Fake::listen(but("ForecastMeta", Reply::Silence)).await.unwrap();
    let pool = pool(&fake, |_| {});
    let error = answers(&pool, &STORE_INCARNATION, []).await.unwrap_err();
    assert!(matches!(error, SqlError::Slow(_)), "{error}");
    assert!(matches!(StoreError::from_sql(error), StoreError::Timeout));
    until(&fake, (1, 1)).await;
    assert_eq!(pool.size(), (0, 0));
}

#[tokio::test]
async fn a_connection_that_ends_is_not_lent_again() {
    let fake = Fake::replying_at(Kind::Rpc, 1, Reply::HangUp, willing).await.unwrap();
    let pool = pool(&fake, |_| {});
    let error = answers(&pool, &STORE_INCARNATION, []).await.unwrap_err();
    assert!(matches!(StoreError::from_sql(error), StoreError::Unavailable(Some(_))));
    assert_eq!(pool.size(), (0, 0));
    next_one_works(&pool).await;
    assert_eq!(fake.counts().0, 2);
}

/// The server went away while nobody used it.
#[tokio::test]
async fn a_connection_that_ended_meanwhile_is_replaced() {
    let fake = Fake::replying_at(Kind::Batch, 2, Reply::HangUp, willing).await.unwrap();
    let pool = pool(&fake, |_| {});
    next_one_works(&pool).await;
    next_one_works(&pool).await;
    until(&fake, (2, 1)).await;
}

#[tokio::test]
async fn an_error_of_the_server_spares_the_connection_unless_it_is_fatal() {
    let fake = Fake::listen(but("Holder = NULL", Reply::Error(547, 16))).await.unwrap();
    let pool = pool(&fake, |_| {});
    for _ in 0..2 {
        let error = answers(&pool, &LEASES_RELEASE, [text("tracker"), int(1)]).await.unwrap_err();
        assert!(matches!(error, SqlError::Server { number: 547, class: 16, .. }), "{error:?}");
        next_one_works(&pool).await;
    }
    assert_eq!(fake.counts(), (1, 0));
    let fake = Fake::listen(but("Holder = NULL", Reply::Error(9001, 21))).await.unwrap();
    let pool = self::pool(&fake, |_| {});
    let error = answers(&pool, &LEASES_RELEASE, [text("tracker"), int(1)]).await.unwrap_err();
    assert!(matches!(StoreError::from_sql(error), StoreError::Unavailable(Some(_))));
    until(&fake, (1, 1)).await;
}

#[tokio::test]
async fn an_open_transaction_ends_with_its_connection() {
    let fake = Fake::listen(willing).await.unwrap();
    let pool = pool(&fake, |_| {});
    let mut session = pool.session().await.unwrap();
    session.begin().await.unwrap();
    ask(&mut session).await.unwrap();
    drop(session);
    until(&fake, (1, 1)).await;
    assert_eq!(pool.size(), (0, 0));
}

/// Many packets, so that some are sent before the end: 36 kB each.
fn mails(count: u128) -> Vec<Vec<Value>> {
    let row = |n: u128| {
        vec![
            uuid(uuid::Uuid::from_u128(n)),
            text("a@example.com"),
            text("a@example.com"),
            text_or_null(None),
            uuid_or_null(None),
            text("A subject"),
            text("alert"),
            text("text ".repeat(2_000)),
            text("<b>\u{1f343}</b>".repeat(1_000)),
            text("[]"),
            text("hold"),
            time(coherence::Timestamp::UNIX_EPOCH).unwrap(),
        ]
    };
    (1..=count).map(row).collect()
}

#[tokio::test]
async fn a_load_is_one_message() {
    let fake = Fake::listen(willing).await.unwrap();
    let pool = pool(&fake, |config| config.statement_timeout = Duration::from_secs(10));
    let mut session = pool.session().await.unwrap();
    session.load(QUEUE, &QUEUE_COLUMNS, mails(20)).await.unwrap();
    drop(session);
    assert_eq!(fake.of(Kind::Load).len(), 1);
    let batches = fake.of(Kind::Batch);
    assert!(batches.iter().any(|batch| batch.contains("INSERT BULK dbo.NheaMailQueue")), "{batches:?}");
    next_one_works(&pool).await;
    assert_eq!(fake.counts(), (1, 0));
}

/// Refused, not answered, or dropped in the middle: the connection is never lent again.
#[tokio::test]
async fn a_load_that_breaks_off_takes_its_connection_with_it() {
    let fake = Fake::listen(|request| match request.kind {
        Kind::Load => Reply::Error(547, 16),
        _ => willing(request),
    })
    .await
    .unwrap();
    let pool = pool(&fake, |config| config.statement_timeout = Duration::from_secs(10));
    let mut session = pool.session().await.unwrap();
    session.load(QUEUE, &QUEUE_COLUMNS, mails(20)).await.unwrap_err();
    drop(session);
    until(&fake, (1, 1)).await;

    let fake = Fake::listen(|request| if request.kind == Kind::Load { Reply::Silence } else { willing(request) })
        .await
        .unwrap();
    let pool = self::pool(&fake, |config| config.statement_timeout = Duration::from_secs(10));
    let mut session = pool.session().await.unwrap();
    let loading = session.load(QUEUE, &QUEUE_COLUMNS, mails(20));
    tokio::time::timeout(SOON, loading).await.unwrap_err();
    drop(session);
    until(&fake, (1, 1)).await;

    // Dropped before its first row.
    let fake = Fake::listen(but("INSERT BULK", Reply::Silence)).await.unwrap();
    let pool = self::pool(&fake, |config| config.statement_timeout = Duration::from_secs(10));
    let mut session = pool.session().await.unwrap();
    let loading = session.load(QUEUE, &QUEUE_COLUMNS, mails(20));
    tokio::time::timeout(SOON, loading).await.unwrap_err();
    drop(session);
    until(&fake, (1, 1)).await;
    next_one_works(&pool).await;
}

/// Some rows are on the way and some are not: the server reads no further, and who sends is dropped, or out of time. What it
/// would read next on this connection would be taken for rows.
#[tokio::test]
async fn a_load_that_is_half_sent_takes_its_connection_with_it() {
    for is_dropped in [true, false] {
        let fake = Fake::stuck_in_loads(willing).await.unwrap();
        let patience = if is_dropped { Duration::from_secs(60) } else { SOON };
        let pool = pool(&fake, |config| config.statement_timeout = patience);
        let mut session = pool.session().await.unwrap();
        session.begin().await.unwrap();
        // Far more than the two sides' buffers hold.
        let loading = session.load(QUEUE, &QUEUE_COLUMNS, mails(1_000));
        match tokio::time::timeout(SOON * 3, loading).await {
            Err(_) => assert!(is_dropped),
            Ok(outcome) => {
                let error = outcome.unwrap_err();
                assert!(!is_dropped && matches!(error, SqlError::Slow(_)), "{error}");
            }
        }
        assert!(matches!(ask(&mut session).await, Err(SqlError::Connection(_))), "of no use to its holder, either");
        drop(session);
        assert_eq!(pool.size(), (0, 0));
        fake.go_on();
        until(&fake, (1, 1)).await;
        assert_eq!((fake.loads_begun(), fake.of(Kind::Load).len()), (1, 0), "it began, and never came to its end");
        next_one_works(&pool).await;
        assert_eq!(fake.counts(), (2, 1));
    }
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let fake = Fake::listen(willing).await.unwrap();
    let pool = pool(&fake, |config| config.connections = 2);
    let first = pool.session().await.unwrap();
    let _second = pool.session().await.unwrap();
    assert!(matches!(pool.session().await, Err(SqlError::Exhausted)));
    drop(first);
    next_one_works(&pool).await;
    assert_eq!(fake.counts(), (2, 0));
    let many = self::pool(&fake, |config| config.connections = 1_000);
    let held: Vec<Session> = futures_util::future::try_join_all((0..100).map(|_| many.session())).await.unwrap();
    assert_eq!((held.len(), many.size().0), (100, 100));
    assert!(matches!(many.session().await, Err(SqlError::Exhausted)), "a hundred at most, whatever is configured");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connection = format!("Server=tcp:127.0.0.1,{port};User Id=u;Password=s3cret");
    let mut config = SqlServerConfig::new(&connection).unwrap();
    config.connect_timeout = SOON;
    let pool = Pool::new(config).unwrap();
    let error = pool.session().await.err().unwrap();
    assert!(matches!(error, SqlError::Slow(_)), "{error}");
    drop(listener);
    let error = pool.session().await.err().unwrap();
    assert!(matches!(error, SqlError::Connection(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

/// Callers keep them in their own futures, and unoptimised code copies those from frame to frame: with the driver's inside, a
/// worker's stack of 2 MiB overflowed.
#[tokio::test]
async fn what_a_caller_awaits_is_small() {
    let fake = Fake::listen(willing).await.unwrap();
    let pool = pool(&fake, |_| {});
    let getting = std::mem::size_of_val(&pool.session());
    let mut session = pool.session().await.unwrap();
    let asking = std::mem::size_of_val(&session.rows(&STORE_INCARNATION, []));
    let loading = std::mem::size_of_val(&session.load(QUEUE, &QUEUE_COLUMNS, Vec::new()));
    assert!(getting.max(asking).max(loading) < 2_048, "{getting}, {asking} and {loading} bytes");
}

/// A transaction that adds one to what it was called with.
async fn count(pool: &Pool, calls: &Arc<AtomicUsize>) -> Result<u64, StoreError> {
    let calls = Arc::clone(calls);
    transaction(pool, move |session| {
        calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { ask(session).await.map_err(Stop::Sql) })
    })
    .await
}

#[tokio::test]
async fn a_transaction_that_lost_is_done_again() {
    for (number, times, tries) in [(1205, 2, 3), (2627, 1, 2), (3960, 4, 5), (1205, 9, 5), (515, 1, 1), (1222, 1, 1)] {
        let failures = Arc::new(AtomicUsize::new(times));
        let left = Arc::clone(&failures);
        let fake = Fake::listen(move |request| match request.kind {
            Kind::Rpc if left.load(Ordering::SeqCst) > 0 => {
                left.fetch_sub(1, Ordering::SeqCst);
                Reply::Error(number, 14)
            }
            _ => willing(request),
        })
        .await
        .unwrap();
        let pool = pool(&fake, |_| {});
        let calls = Arc::new(AtomicUsize::new(0));
        let outcome = count(&pool, &calls).await;
        assert_eq!(calls.load(Ordering::SeqCst), tries, "{number}, {times} times: {outcome:?}");
        assert_eq!(outcome.is_ok(), times < tries, "{number}, {times} times: {outcome:?}");
        // Each loss was ended before the connection went on, or was given back.
        let rolled_back = fake.of(Kind::Batch).iter().filter(|batch| !batch.contains("SET NOCOUNT")).count();
        assert_eq!(rolled_back, times.min(tries), "{number}");
        assert_eq!(fake.counts(), (1, 0), "{number}");
    }
}

/// Whoever awaited the commit is told that nobody knows.
#[tokio::test]
async fn a_commit_that_is_not_answered_may_have_been_done() {
    let fake = Fake::replying_at(Kind::Transaction, 2, Reply::Silence, willing).await.unwrap();
    let pool = pool(&fake, |_| {});
    let calls = Arc::new(AtomicUsize::new(0));
    let outcome = count(&pool, &calls).await;
    assert!(matches!(outcome, Err(StoreError::Timeout)), "{outcome:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1, "and it is not done a second time");
    until(&fake, (1, 1)).await;
}

#[tokio::test]
async fn a_closed_pool_lends_nothing() {
    let fake = Fake::listen(willing).await.unwrap();
    let pool = pool(&fake, |_| {});
    let held = pool.session().await.unwrap();
    next_one_works(&pool).await;
    pool.close();
    assert!(matches!(pool.session().await, Err(SqlError::Closed)));
    drop(held);
    until(&fake, (2, 2)).await;
}
