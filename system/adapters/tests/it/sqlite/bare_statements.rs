//! Statements that know nothing of us: what a database administrator types.

use domain::conformance::samples::{committed, company, id, look, put, row};
use domain::ports::{Change, ChangeFeed, FeedPosition, Operation, Store};
use sqlx::SqliteConnection;

use super::Database;

async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<u64, sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(|done| done.rows_affected())
}

async fn changes(database: &Database, after: FeedPosition) -> Vec<Change> {
    database.sqlite.feed().read(after, 100).await.unwrap().changes
}

async fn end(database: &Database) -> FeedPosition {
    database.sqlite.feed().end().await.unwrap()
}

#[tokio::test]
async fn an_update_that_forgets_the_version_gets_it_raised_and_is_captured_once() {
    let database = Database::new().await;
    let store = database.sqlite.store();
    committed(&store, vec![put(&row(1)), put(&row(2))]).await;
    let after = end(&database).await;
    let mut bare = database.bare().await;
    assert_eq!(run(&mut bare, "UPDATE forecasts SET demand = 7, company_id = zeroblob(16)").await.unwrap(), 2);
    let told = changes(&database, after).await;
    assert_eq!(told.len(), 2, "one change a row: {told:?}");
    for (change, n) in told.iter().zip([1, 2]) {
        let (present, incarnation, version) = look(&store, id(n)).await;
        assert_eq!(version.0, 2);
        assert_eq!((change.operation, change.id, change.version.id), (Operation::Update, id(n), version));
        assert_eq!(change.version.incarnation, incarnation);
        assert_eq!(change.after, present, "the image has the raised version");
        assert_eq!(change.before.unwrap().company_id, company(1));
    }
    // What was read before is refused now: the statement was not lost.
    let stale = domain::conformance::samples::changed(&row(1), |row| row.demand = 8.0);
    assert!(domain::conformance::samples::commit(&store, vec![put(&stale)]).await.is_err());
}

#[tokio::test]
async fn no_statement_lowers_a_version() {
    let database = Database::new().await;
    let store = database.sqlite.store();
    committed(&store, vec![put(&row(1))]).await;
    let mut bare = database.bare().await;
    for (statement, version) in [
        ("UPDATE forecasts SET version_id = 5", 5),
        ("UPDATE forecasts SET version_id = 3", 6),
        ("UPDATE forecasts SET version_id = 0, demand = 1", 7),
    ] {
        let after = end(&database).await;
        run(&mut bare, statement).await.unwrap();
        let told = changes(&database, after).await;
        assert_eq!((told.len(), told[0].version.id.0), (1, version), "{statement}");
        assert_eq!(look(&store, id(1)).await.2.0, version, "{statement}");
    }
}

#[tokio::test]
async fn a_bare_delete_leaves_a_tombstone_and_a_bare_insert_continues_from_it() {
    let database = Database::new().await;
    let store = database.sqlite.store();
    committed(&store, vec![put(&row(1))]).await;
    let mut bare = database.bare().await;
    run(&mut bare, "CREATE TABLE kept AS SELECT * FROM forecasts").await.unwrap();
    for (insert, version) in [
        ("INSERT INTO forecasts SELECT * FROM kept", 3),
        (
            "INSERT INTO forecasts (id, company_id, production_unit_id, forecast_date, demand, confidence_level, status, \
             created_at, updated_at) SELECT id, company_id, production_unit_id, forecast_date, demand, \
             confidence_level, status, created_at, updated_at FROM kept",
            5,
        ),
    ] {
        let after = end(&database).await;
        run(&mut bare, "DELETE FROM forecasts").await.unwrap();
        assert_eq!(look(&store, id(1)).await.2.0, version - 1, "the tombstone");
        run(&mut bare, insert).await.unwrap();
        let (present, _, now) = look(&store, id(1)).await;
        assert_eq!(now.0, version, "the row that came again");
        let told: Vec<_> = changes(&database, after).await;
        let told: Vec<_> = told.iter().map(|change| (change.operation, change.version.id.0, &change.after)).collect();
        assert_eq!(told, [(Operation::Delete, version - 1, &None), (Operation::Insert, version, &present)]);
    }
    assert!(matches!(store.get(id(1)).await, Ok(domain::ports::Lookup::Found { .. })));
}

#[tokio::test]
async fn what_would_lose_a_version_is_refused() {
    let database = Database::new().await;
    committed(&database.sqlite.store(), vec![put(&row(1)), put(&row(2))]).await;
    let after = end(&database).await;
    let mut bare = database.bare().await;
    for statement in [
        "REPLACE INTO forecasts SELECT * FROM forecasts WHERE id = (SELECT min(id) FROM forecasts)",
        "REPLACE INTO forecasts SELECT id, company_id, production_unit_id, provider_id, forecast_date + 1, demand, \
         supply, confidence_level, status, tags, created_at, updated_at, 1 FROM forecasts",
        "INSERT OR REPLACE INTO forecasts SELECT randomblob(16), company_id, production_unit_id, provider_id, \
         forecast_date, demand, supply, confidence_level, status, tags, created_at, updated_at, 1 FROM forecasts",
        "UPDATE OR REPLACE forecasts SET (company_id, production_unit_id, provider_id, forecast_date) = \
         (SELECT company_id, production_unit_id, provider_id, forecast_date FROM forecasts ORDER BY id LIMIT 1) \
         WHERE id = (SELECT max(id) FROM forecasts)",
        "UPDATE forecasts SET id = randomblob(16)",
        "INSERT INTO forecasts SELECT x'00', company_id, production_unit_id, provider_id, 0, demand, supply, \
         confidence_level, status, tags, created_at, updated_at, 1 FROM forecasts",
        "UPDATE forecasts SET status = 'Unknown'",
    ] {
        run(&mut bare, statement).await.expect_err(statement);
    }
    assert_eq!(changes(&database, after).await, []);
    for present in [row(1), row(2)] {
        assert_eq!(look(&database.sqlite.store(), present.id).await.0, Some(present));
    }
}
