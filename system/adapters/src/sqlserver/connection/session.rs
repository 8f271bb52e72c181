//! One connection in use. Whatever is awaited on it has a deadline, and leaves a mark until it has ended.

use std::future::Future;
use std::time::Duration;

use deadpool::managed::Object;
use tiberius::{Query, Row, TokenRow};

use super::open::Wire;
use super::pool::Manager;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::statement::{Statement, Value};

/// What a connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For the next call.
    Ready,
    /// A call is under way, or was dropped: what the server still sends would be taken for the answer to the next one.
    Busy,
    /// For nothing.
    Broken,
}

/// A connection, as the pool keeps it.
pub(in crate::sqlserver) struct Connection {
    wire: Wire,
    state: State,
    in_transaction: bool,
    /// How long a call may take.
    timeout: Duration,
    /// The same for whoever says nothing else.
    usual: Duration,
}

impl Connection {
    pub(super) fn new(wire: Wire, timeout: Duration) -> Self {
        Self { wire, state: State::Ready, in_transaction: false, timeout, usual: timeout }
    }

    /// Whether the next one may have it.
    pub(super) fn is_clean(&self) -> bool {
        self.state == State::Ready && !self.in_transaction
    }

    /// Runs one call of the driver: marked before, unmarked after, within `timeout`.
    async fn call<'c, T, F>(
        &'c mut self,
        what: &'static str,
        call: impl FnOnce(&'c mut Wire) -> F,
    ) -> Result<T, SqlError>
    where
        F: Future<Output = Result<T, SqlError>> + 'c,
    {
        if self.state != State::Ready {
            return Err(SqlError::Connection("the connection is of no use any more".to_owned()));
        }
        self.state = State::Busy;
        // In a box, since the driver's futures are large.
        let Self { wire, state, timeout, .. } = self;
        let outcome = tokio::time::timeout(*timeout, Box::pin(call(wire))).await.unwrap_or(Err(SqlError::Slow(what)));
        *state = match &outcome {
            Err(error) if !error.spares_the_connection() => State::Broken,
            _ => State::Ready,
        };
        outcome
    }

    /// Runs a text of no parameters, of which only our own constants are, and leaves out what it answers. What it sets
    /// stays set.
    pub(super) async fn batch(&mut self, text: &str) -> Result<(), SqlError> {
        self.call("a batch", async |wire| {
            wire.simple_query(text).await?.into_results().await?;
            Ok(())
        })
        .await
    }
}

/// A connection on loan. Given back when it is dropped, if it is clean; else closed at once, not when somebody looks at it
/// next: it may hold locks.
pub(in crate::sqlserver) struct Session {
    /// `None` only while it is dropped.
    object: Option<Object<Manager>>,
}

impl Session {
    pub(super) fn new(mut object: Object<Manager>) -> Self {
        object.timeout = object.usual;
        Self { object: Some(object) }
    }

    /// The same, with so much time for each call.
    pub(in crate::sqlserver) fn patient(mut self, timeout: Duration) -> Self {
        if let Some(connection) = self.object.as_deref_mut() {
            connection.timeout = timeout;
        }
        self
    }

    fn connection(&mut self) -> Result<&mut Connection, SqlError> {
        self.object.as_deref_mut().ok_or(SqlError::Closed)
    }

    /// All answers of a statement.
    pub(in crate::sqlserver) async fn answers<const N: usize>(
        &mut self,
        statement: &Statement<N>,
        values: [Value; N],
    ) -> Result<Vec<Vec<Row>>, SqlError> {
        tracing::trace!(statement = statement.path, "sql");
        self.run(statement.text, values.into()).await
    }

    /// The one answer of a statement.
    pub(in crate::sqlserver) async fn rows<const N: usize>(
        &mut self,
        statement: &Statement<N>,
        values: [Value; N],
    ) -> Result<Vec<Row>, SqlError> {
        Ok(self.answers(statement, values).await?.into_iter().next().unwrap_or_default())
    }

    /// All answers of a text that was made for these values.
    pub(in crate::sqlserver) async fn run(
        &mut self,
        text: &str,
        values: Vec<Value>,
    ) -> Result<Vec<Vec<Row>>, SqlError> {
        let mut query = Query::new(text);
        for value in values {
            query.bind(value);
        }
        self.connection()?.call("a statement", async |wire| Ok(query.query(wire).await?.into_results().await?)).await
    }

    /// Runs one of our own texts that changes the schema, not as a statement with parameters: what it sets stays set.
    pub(in crate::sqlserver) async fn batch(&mut self, text: &str) -> Result<(), SqlError> {
        self.connection()?.batch(text).await
    }

    /// Loads rows into columns of a table, in one stream. Whatever fails, or is dropped, on the way leaves a connection in
    /// the middle of a message: it is closed. Only in a transaction: a load that breaks off may have left rows.
    pub(in crate::sqlserver) async fn load(
        &mut self,
        table: &'static str,
        columns: &'static [&'static str],
        rows: Vec<Vec<Value>>,
    ) -> Result<(), SqlError> {
        let connection = self.connection()?;
        let loaded = connection
            .call("a bulk load", async |wire| {
                let mut load = wire.bulk_insert_columns(table, columns).await?;
                for row in rows {
                    let mut sent = TokenRow::with_capacity(row.len());
                    row.into_iter().for_each(|value| sent.push(value));
                    load.send(sent).await?;
                }
                load.finalize().await?;
                Ok(())
            })
            .await;
        if loaded.is_err() {
            connection.state = State::Broken;
        }
        loaded
    }

    /// Begins a transaction. While it is open the connection is not given back.
    pub(in crate::sqlserver) async fn begin(&mut self) -> Result<(), SqlError> {
        let connection = self.connection()?;
        connection.in_transaction = true;
        connection.call("a begin", async |wire| Ok(wire.begin_transaction().await?)).await
    }

    /// Commits. After an error nobody knows whether it was done.
    pub(in crate::sqlserver) async fn commit(&mut self) -> Result<(), SqlError> {
        let connection = self.connection()?;
        let ended = connection.call("a commit", async |wire| Ok(wire.commit_transaction().await?)).await;
        connection.in_transaction = ended.is_err();
        ended
    }

    /// Ends a transaction without effect, whether the server has ended it already or not; if that fails, the connection is
    /// closed, which ends it too.
    pub(in crate::sqlserver) async fn roll_back(&mut self) {
        let Ok(connection) = self.connection() else { return };
        match connection.batch("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;").await {
            Ok(()) => connection.in_transaction = false,
            Err(error) => tracing::debug!(%error, "a transaction is ended with its connection"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        if !object.is_clean() {
            // Out of the pool, and closed.
            drop(Object::take(object));
        }
    }
}
