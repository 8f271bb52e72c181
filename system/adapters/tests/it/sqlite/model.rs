//! Random commits, on the database and on a map: the same answers, the same rows, a feed that tells of every change.

use std::collections::BTreeMap;

use coherence::VersionId;
use domain::conformance::samples::{commit, day, id, look, row};
use domain::model::{Forecast, ForecastId};
use domain::ports::{ChangeFeed, FeedPosition, RowWrite, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Database;

const IDS: u32 = 5;
const DAYS: u32 = 4;

/// One row of a set: which one, on which day, off the version by how much, and whether it is a delete.
#[derive(Debug, Clone)]
struct Write {
    n: u32,
    day: u32,
    off: u64,
    is_delete: bool,
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let off = prop_oneof![9 => Just(0_u64), 1 => Just(1_u64)];
    let write =
        (1..=IDS, 0..DAYS, off, any::<bool>()).prop_map(|(n, day, off, is_delete)| Write { n, day, off, is_delete });
    prop::collection::vec(write, 1..4).prop_map(|mut writes| {
        writes.sort_by_key(|write| write.n);
        writes.dedup_by_key(|write| write.n);
        writes
    })
}

/// Versions, and the rows that are there.
type Model = BTreeMap<ForecastId, (VersionId, Option<Forecast>)>;

/// What the set would make of the model; `None` if something stands against it.
fn applied(model: &Model, set: &[RowWrite]) -> Option<Model> {
    let mut after = model.clone();
    for write in set {
        let (version, present) = after.get(&write.id).cloned().unwrap_or_default();
        if version != write.expected || (write.after.is_none() && present.is_none()) {
            return None;
        }
        after.insert(write.id, (version.next(), write.after.clone()));
    }
    let mut keys: Vec<_> = after.values().filter_map(|(_, row)| Some(row.as_ref()?.natural_key())).collect();
    let rows = keys.len();
    keys.sort();
    keys.dedup();
    (keys.len() == rows).then_some(after)
}

/// Whether a row of the set takes the key of one that moves away in it: what order they are written in is not promised.
fn swaps(model: &Model, set: &[RowWrite]) -> bool {
    let key = |write: &RowWrite| write.after.as_ref().map(Forecast::natural_key);
    set.iter().filter_map(key).any(|wanted| {
        set.iter().any(|other| {
            let before = model.get(&other.id).and_then(|(_, row)| row.as_ref()).map(Forecast::natural_key);
            other.after.is_some() && before == Some(wanted) && key(other) != Some(wanted)
        })
    })
}

async fn check(steps: Vec<Vec<Write>>) -> Result<(), TestCaseError> {
    let database = Database::new().await;
    let store = database.sqlite.store();
    let mut model = Model::new();
    let mut told = FeedPosition::default();
    for step in steps {
        let set: Vec<RowWrite> = step
            .iter()
            .map(|write| {
                let present = model.get(&id(write.n.into())).map_or(0, |(version, _)| version.0);
                let expected = VersionId(present + write.off);
                let (forecast_date, version_id) = (day(write.day.into()), expected.next());
                let after = Forecast { forecast_date, version_id, demand: f64::from(write.day), ..row(write.n) };
                RowWrite { id: after.id, expected, after: (!write.is_delete).then_some(after) }
            })
            .collect();
        if swaps(&model, &set) {
            continue;
        }
        let result = commit(&store, set.clone()).await;
        match (applied(&model, &set), result) {
            (Some(after), Ok(())) => model = after,
            (None, Err(StoreError::Conflict { .. } | StoreError::NaturalKeyTaken { .. })) => {}
            (due, result) => prop_assert!(false, "{set:?} on {model:?}: {due:?} was due, not {result:?}"),
        }
        let batch = database.sqlite.feed().read(told, 100).await.unwrap();
        told = batch.position;
        for change in batch.changes {
            let (version, row) = model.get(&change.id).cloned().unwrap_or_default();
            prop_assert_eq!((change.version.id, change.after), (version, row));
        }
    }
    for n in 1..=IDS {
        let (version, row) = model.get(&id(n.into())).cloned().unwrap_or_default();
        let (found, _, at) = look(&store, id(n.into())).await;
        prop_assert_eq!((at, found), (version, row));
    }
    Ok(())
}

#[test]
fn random_commits_agree_with_a_map() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 48, ..Config::with_source_file(file!()) });
    let steps = prop::collection::vec(writes(), 1..20);
    runner.run(&steps, |steps| runtime.block_on(check(steps))).unwrap();
}
