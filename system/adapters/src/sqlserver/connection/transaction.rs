//! A transaction of several calls, done again from its beginning where the server rolled it back.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tiberius::Row;

use super::{Pool, Session};
use crate::sqlserver::errors::{PortError, SqlError};
use crate::sqlserver::statement::{Statement, Value};

/// How often a transaction is tried, in all.
const ATTEMPTS_MAX: u32 = 5;

/// How long the second try waits, in milliseconds; each further one twice as long. Deadlocks that meet again at once do so
/// again.
const WAIT_MS: u64 = 2;

/// Why a transaction does not go on.
pub(in crate::sqlserver) enum Stop<E> {
    /// The server, or the way to it.
    Sql(SqlError),
    /// What was found stands against it: nothing is to be written.
    Port(E),
    /// What was found cannot be: somebody else is in the middle of changing it. It is looked at again.
    LookAgain,
}

impl<E> From<SqlError> for Stop<E> {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

/// Runs `work` in a transaction and commits it. If it fails nothing is written; where the server rolled it back for the
/// sake of another one, or a key was taken since `work` looked for it, it runs again.
pub(in crate::sqlserver) async fn transaction<T, E, F>(pool: &Pool, work: F) -> Result<T, E>
where
    E: PortError,
    F: for<'s> Fn(&'s mut Session) -> BoxFuture<'s, Result<T, Stop<E>>> + Send,
{
    let mut wait = Duration::from_millis(WAIT_MS);
    for _ in 1..ATTEMPTS_MAX {
        match attempt(pool, &work).await {
            Ok(done) => return Ok(done),
            Err(Stop::LookAgain) => {}
            Err(Stop::Sql(error)) if error.may_be_done_again() => {
                tracing::debug!(%error, "a transaction is done again");
            }
            Err(Stop::Sql(error)) => return Err(E::from_sql(error)),
            Err(Stop::Port(error)) => return Err(error),
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    match attempt(pool, &work).await {
        Ok(done) => Ok(done),
        Err(Stop::Sql(error)) => Err(E::from_sql(error)),
        Err(Stop::Port(error)) => Err(error),
        Err(Stop::LookAgain) => Err(E::from_sql(SqlError::Contended(ATTEMPTS_MAX))),
    }
}

async fn attempt<T, E, F>(pool: &Pool, work: &F) -> Result<T, Stop<E>>
where
    F: for<'s> Fn(&'s mut Session) -> BoxFuture<'s, Result<T, Stop<E>>>,
{
    let mut session = pool.session().await?;
    session.begin().await?;
    match work(&mut session).await {
        Ok(done) => {
            session.commit().await?;
            Ok(done)
        }
        Err(stop) => {
            session.roll_back().await;
            Err(stop)
        }
    }
}

/// Runs one statement (which is a transaction, or holds one) on a connection of its own, and again where the server rolled
/// it back.
pub(in crate::sqlserver) async fn answers<const N: usize>(
    pool: &Pool,
    statement: &Statement<N>,
    values: [Value; N],
) -> Result<Vec<Vec<Row>>, SqlError> {
    let mut wait = Duration::from_millis(WAIT_MS);
    for _ in 1..ATTEMPTS_MAX {
        match pool.session().await?.answers(statement, values.clone()).await {
            Err(error) if error.may_be_done_again() => tracing::debug!(%error, "a statement is run again"),
            outcome => return outcome,
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    pool.session().await?.answers(statement, values).await
}
