//! Two writers at once.

use coherence::VersionId;
use futures_util::future::join_all;

use crate::conformance::samples::{changed, commit, committed, id, look, put, row};
use crate::model::Forecast;
use crate::ports::{Store, StoreError};

/// Of several commits on one version exactly one takes effect, the others see its version; no version is left out.
pub async fn of_two_writers_of_a_row_one_wins(store: &dyn Store) {
    const WRITERS: u32 = 8;
    let mut present = row(1);
    committed(store, vec![put(&present)]).await;
    for round in 0..20_u32 {
        let offers: Vec<Forecast> = (0..WRITERS)
            .map(|writer| changed(&present, |row| row.demand = f64::from(round * WRITERS + writer)))
            .collect();
        let results = join_all(offers.iter().map(|offer| commit(store, vec![put(offer)]))).await;
        let mut winner = None;
        for (offer, result) in offers.iter().zip(results) {
            match result {
                Ok(()) => assert!(winner.replace(offer).is_none(), "two writers of one version won"),
                Err(StoreError::Conflict { actual, .. }) => assert_eq!(actual, present.version_id.next()),
                Err(other) => panic!("a writer of a version that is gone met {other:?}"),
            }
        }
        present = winner.expect("one writer wins").clone();
        assert_eq!(look(store, present.id).await.0, Some(present.clone()));
        assert_eq!(present.version_id, VersionId(u64::from(round) + 2), "versions are dense");
    }
}

/// Inserts of different ids with one natural key.
pub async fn of_two_writers_of_a_natural_key_one_wins(store: &dyn Store) {
    for round in 0..5_u32 {
        let twins = [1, 2, 3].map(|n| Forecast { id: id(u128::from(round * 10 + n)), ..row(round + 1) });
        let results = join_all(twins.iter().map(|twin| commit(store, vec![put(twin)]))).await;
        let winner = results.iter().position(Result::is_ok).expect("one writer wins");
        for (n, result) in results.into_iter().enumerate().filter(|(n, _)| *n != winner) {
            match result {
                Err(StoreError::NaturalKeyTaken { existing }) => assert_eq!(existing, twins[winner].id),
                other => panic!("forecast {} holds the key, and yet writer {n} met {other:?}", twins[winner].id),
            }
        }
    }
}
