//! Tables into a running service and out again: import, backup, restore.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use domain::ports::{ChangeFeed, FeedPosition};
use jiff::{ToSpan, civil};
use reqwest::Method;
use serde_json::{Value, json};

use super::running::{Running, printed, refused};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample/opsd_germany_2017.csv");
/// As many as the table that the sample is from.
const DAYS: u32 = 4383;
/// From this day on there is a supply.
const SUPPLIED_FROM: u32 = 1461;

fn import(dir: &Path, running: &Running, file: &str) -> String {
    printed(dir, &["import", file, "--url", &running.base()])
}

/// Every forecast, by the pages' own cursor.
async fn all(running: &Running) -> Vec<Value> {
    let mut items = Vec::new();
    let mut path = "/api/forecasts?take=100".to_owned();
    loop {
        let (mut page, _) = running.get(&path).await;
        items.append(page["items"].as_array_mut().unwrap());
        let Some(next) = page["next"].as_str() else { return items };
        path = format!("/api/forecasts?take=100&cursor={next}");
    }
}

/// A table of the same columns, longer than one batch.
fn table() -> String {
    let mut text = "Date,Consumption,Wind,Solar,Wind+Solar\n".to_owned();
    for day in 0..DAYS {
        let date = civil::date(2006, 1, 1).checked_add(i64::from(day).days()).unwrap();
        let demand = 1000.0 + f64::from(day) / 3.0;
        match day < SUPPLIED_FROM {
            true => writeln!(text, "{date},{demand},,,").unwrap(),
            false => writeln!(text, "{date},{demand},1.5,2.5,4.0").unwrap(),
        }
    }
    text
}

#[tokio::test]
async fn a_long_table_comes_in_whole_and_a_second_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("table.csv"), table()).unwrap();
    let running = Running::start(dir.path(), &["--empty"]);
    assert_eq!(import(dir.path(), &running, "table.csv"), "4383 created, 0 updated, 0 unchanged, 0 not accepted\n");
    let first = all(&running).await;
    assert_eq!(first.len(), DAYS as usize);
    assert_eq!(import(dir.path(), &running, "table.csv"), "0 created, 0 updated, 4383 unchanged, 0 not accepted\n");
    assert_eq!(all(&running).await, first, "not one version, not one time");
    assert!(first.iter().all(|item| item["versionId"] == 1));
    // Sorted by date, the latest first.
    let (oldest, latest) = (&first[DAYS as usize - 1], &first[0]);
    assert_eq!((&oldest["forecastDate"], &oldest["demand"]), (&json!("2006-01-01T00:00:00Z"), &json!(1000.0)));
    assert_eq!((&oldest["supply"], &oldest["status"]), (&Value::Null, &json!("Pending")));
    assert_eq!((&latest["forecastDate"], &latest["status"]), (&json!("2017-12-31T00:00:00Z"), &json!("Completed")));
    let demand = 1000.0 + f64::from(DAYS - 1) / 3.0;
    assert_eq!((&latest["supply"], &latest["demand"]), (&json!(4.0), &json!(demand)), "to the last digit");

    // One cell that differs is one change.
    std::fs::write(dir.path().join("table.csv"), table().replacen(",1000,", ",1001,", 1)).unwrap();
    assert_eq!(import(dir.path(), &running, "table.csv"), "0 created, 1 updated, 4382 unchanged, 0 not accepted\n");
    running.stop();

    // The change feed has what happened, and nothing more.
    let path = dir.path().join("data/smartpulse.db");
    let sqlite = Sqlite::open(SqliteConfig::new(path), Arc::new(SystemClock)).await.unwrap();
    assert_eq!(sqlite.feed().end().await.unwrap(), FeedPosition(u128::from(DAYS) + 1));
    sqlite.close().await.unwrap();
}

#[tokio::test]
async fn the_sample_is_what_an_import_of_its_table_brings() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(dir.path(), &[]);
    let loaded = all(&running).await;
    assert_eq!(import(dir.path(), &running, SAMPLE), "0 created, 0 updated, 365 unchanged, 0 not accepted\n");
    assert_eq!(all(&running).await, loaded);
    let (other, content) = (tempfile::tempdir().unwrap(), |items: &[Value]| -> Vec<Value> {
        let names = ["companyId", "productionUnitId", "forecastDate", "demand", "supply", "confidenceLevel", "status"];
        items.iter().map(|item| names.map(|name| item[name].clone()).into()).collect()
    });
    let empty = Running::start(other.path(), &["--empty"]);
    assert_eq!(import(other.path(), &empty, SAMPLE), "365 created, 0 updated, 0 unchanged, 0 not accepted\n");
    assert_eq!(content(&all(&empty).await), content(&loaded));
}

#[tokio::test]
async fn a_backup_of_a_running_service_is_restored_in_a_new_incarnation() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = Running::start(dir.path(), &[]);
    let (page, _) = running.get("/api/forecasts?take=1").await;
    let path = format!("/api/forecasts/{}", page["items"][0]["id"].as_str().unwrap());
    let patch = |demand: f64| running.request(Method::PATCH, &path).json(&json!({"demand": demand})).send();
    assert_eq!(patch(1.0).await.unwrap().headers()["x-version"], "1.2");
    let (saved, etag) = (other.path().join("saved.db"), patch(2.0).await.unwrap().headers()["etag"].clone());
    let saved = saved.to_str().unwrap();
    printed(dir.path(), &["backup", saved]);
    assert_eq!(patch(3.0).await.unwrap().headers()["x-version"], "1.4", "it goes on");
    assert!(refused(dir.path(), &["backup", saved]).contains("exists already"));
    assert!(refused(dir.path(), &["restore", saved]).contains("is in use"));
    assert_eq!(running.get(&path).await.0["demand"], 3.0, "a refused restore touches nothing");

    // Elsewhere, where nothing is.
    let said = printed(other.path(), &["restore", saved]);
    assert!(said.contains("incarnation 2") && !said.contains("before"), "{said}");
    let restored = Running::start(other.path(), &[]);
    assert_eq!(restored.total().await, 365);
    let (document, version) = restored.get(&path).await;
    assert_eq!((&document["demand"], version.as_deref()), (&json!(2.0), Some("2.3")));
    let conditional = restored.request(Method::GET, &path).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(conditional.status(), 200, "the same version of another incarnation is another answer");

    // And in its own place, once that service has stopped.
    running.stop();
    assert!(printed(dir.path(), &["restore", saved]).contains("incarnation 2"));
    let said = printed(dir.path(), &["restore", saved]);
    assert!(said.contains("incarnation 3") && said.contains("smartpulse.db.before-restore"), "{said}");
    assert!(dir.path().join("data/smartpulse.db.before-restore").exists());
    let back = Running::start(dir.path(), &[]);
    assert_eq!(back.get(&path).await.1.as_deref(), Some("3.3"));
    assert!(refused(dir.path(), &["restore", "nowhere.db"]).contains("no such file"));
}
