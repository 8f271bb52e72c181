//! Parked events: how many are kept.

use domain::conformance::samples::parked;
use domain::ports::{PARKED_MAX, Parking};

use super::Database;

#[tokio::test]
async fn beyond_the_limit_the_event_that_was_parked_first_goes() {
    let database = Database::new().await;
    let parking = database.sqlite.store();
    parking.park(parked(1)).await.unwrap();
    parking.park(parked(2)).await.unwrap();
    sqlx::query(
        "WITH RECURSIVE n(n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM n WHERE n < ?1) \
         INSERT INTO parked (id, topic, key, payload, properties, reason, attempts, parked_at) \
         SELECT randomblob(16), topic, key, payload, properties, reason, attempts, parked_at FROM n, parked \
         WHERE position = 1",
    )
    .bind(i64::try_from(PARKED_MAX).unwrap())
    .execute(&mut database.bare().await)
    .await
    .unwrap();
    // Once more is not one more.
    parking.park(parked(2)).await.unwrap();
    assert_eq!(parking.get(parked(1).id).await.unwrap(), Some(parked(1)), "as many as there may be");
    parking.park(parked(3)).await.unwrap();
    assert_eq!(parking.get(parked(1).id).await.unwrap(), None);
    assert_eq!(parking.get(parked(2).id).await.unwrap(), Some(parked(2)));
    let all = parking.parked(u32::MAX).await.unwrap();
    assert_eq!((all.len(), &all[0]), (PARKED_MAX, &parked(3)));
}
