//! The database's incarnation.

use coherence::Incarnation;
use domain::ports::StoreError;
use sqlx::sqlite::SqlitePool;

use crate::sqlite::connection::Writer;
use crate::sqlite::errors::PortError;
use crate::sqlite::row;

pub(super) async fn read(readers: &SqlitePool) -> Result<Incarnation, sqlx::Error> {
    let value: i64 = sqlx::query_scalar("SELECT incarnation FROM meta").fetch_one(readers).await?;
    row::counter(value).map(Incarnation)
}

pub(super) async fn raise(writer: &Writer, above: Incarnation) -> Result<Incarnation, StoreError> {
    const RAISE: &str = "BEGIN IMMEDIATE; \
         UPDATE leases SET holder = NULL; \
         UPDATE meta SET incarnation = max(incarnation, ?1) + 1 RETURNING incarnation; \
         COMMIT";
    writer
        .run(move |connection| {
            Box::pin(async move {
                // fetch_all: the statement ends, and so commits, only when it was read to its end.
                let query = sqlx::query_scalar(RAISE).bind(row::signed(above.0));
                let raised: Vec<i64> = query.fetch_all(connection).await.map_err(StoreError::from_driver)?;
                let raised = raised.first().copied().unwrap_or_default();
                row::counter(raised).map(Incarnation).map_err(StoreError::from_driver)
            })
        })
        .await
}
