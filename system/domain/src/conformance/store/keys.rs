//! Natural keys.

use crate::conformance::samples::{
    changed, commit, committed, company, day, delete, id, look, provider, put, row, unit,
};
use crate::model::{Forecast, ForecastId};
use crate::ports::{Store, StoreError};

/// The same company, unit, date and provider as `other`, under another id.
fn twin(n: u32, other: &Forecast) -> Forecast {
    Forecast { id: id(n.into()), version_id: coherence::VersionId(1), ..other.clone() }
}

fn assert_taken(result: Result<(), StoreError>, holder: ForecastId) {
    match result {
        Err(StoreError::NaturalKeyTaken { existing }) => assert_eq!(existing, holder),
        other => panic!("the natural key is forecast {holder}'s, and yet {other:?}"),
    }
}

/// Any other company, unit, date or provider makes another key.
pub async fn a_natural_key_is_taken_once(store: &dyn Store) {
    let first = Forecast { provider_id: Some(provider(1)), ..row(1) };
    committed(store, vec![put(&first)]).await;
    assert_taken(commit(store, vec![put(&twin(2, &first))]).await, first.id);
    assert_eq!(look(store, id(2)).await.0, None);
    let others = [
        Forecast { company_id: company(2), ..twin(3, &first) },
        Forecast { production_unit_id: unit(2), ..twin(4, &first) },
        Forecast { forecast_date: day(2), ..twin(5, &first) },
        Forecast { provider_id: Some(provider(2)), ..twin(6, &first) },
        Forecast { provider_id: None, ..twin(7, &first) },
    ];
    committed(store, others.iter().map(put).collect()).await;
    // Two rows of one set take the same key: one of them holds it.
    let pair = [row(8), twin(9, &row(8))];
    assert_taken(commit(store, pair.iter().map(put).collect()).await, id(8));
}

/// The absence of a provider is a value of its own.
pub async fn a_natural_key_without_provider_is_one_too(store: &dyn Store) {
    committed(store, vec![put(&row(1))]).await;
    assert_taken(commit(store, vec![put(&twin(2, &row(1)))]).await, id(1));
}

/// Also not in a set with others.
pub async fn an_update_cannot_take_a_natural_key(store: &dyn Store) {
    let (first, second) = (row(1), row(2));
    committed(store, vec![put(&first), put(&second)]).await;
    let moved = changed(&second, |row| row.forecast_date = first.forecast_date);
    assert_taken(commit(store, vec![put(&row(3)), put(&moved)]).await, first.id);
    assert_eq!(look(store, second.id).await.0, Some(second.clone()));
    let same = changed(&second, |row| row.demand = 1.0);
    committed(store, vec![put(&same)]).await;
}

/// A row that moves away, or is deleted, leaves its key to others.
pub async fn a_freed_natural_key_can_be_taken(store: &dyn Store) {
    let first = row(1);
    committed(store, vec![put(&first)]).await;
    let moved = changed(&first, |row| row.forecast_date = day(100));
    committed(store, vec![put(&moved)]).await;
    let second = twin(2, &first);
    committed(store, vec![put(&second)]).await;
    // In one set: the delete frees what the insert takes.
    let third = twin(3, &first);
    committed(store, vec![delete(&second), put(&third)]).await;
    assert_eq!(look(store, third.id).await.0, Some(third));
}

/// Found or not, each at its place; a key asked twice is answered twice.
pub async fn find_answers_in_the_order_of_the_keys(store: &dyn Store) {
    let with_provider = Forecast { provider_id: Some(provider(1)), ..row(2) };
    committed(store, vec![put(&row(1)), put(&with_provider), put(&row(3))]).await;
    let keys = [row(3), row(2), row(1), with_provider.clone(), row(3)].map(|row| row.natural_key());
    let (incarnation, found) = store.find(&keys).await.unwrap();
    assert_eq!(incarnation, store.incarnation().await.unwrap());
    assert_eq!(found, [Some(row(3)), None, Some(row(1)), Some(with_provider), Some(row(3))]);
    let (incarnation, found) = store.find(&[]).await.unwrap();
    assert_eq!((incarnation, found), (store.incarnation().await.unwrap(), Vec::new()));
}
