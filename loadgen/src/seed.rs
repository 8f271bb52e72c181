//! The population: forecasts that are written before a run, known by a tag, and removed after it.

use std::thread;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::scrape::Scrape;
use crate::target::Targets;

/// Forecasts of one request; the server takes at most 1,000.
const BATCH: usize = 500;
/// How often a batch is sent that the server cannot take now.
const TRIES_MAX: u32 = 10;
/// What tells our forecasts from others; only those that carry it are ever removed.
pub const TAG: &str = "loadgen";
/// Units that the forecasts are spread over.
const UNITS: usize = 50;
/// How long the change feed may take to catch up.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Pages read of a list at most.
const PAGES_MAX: usize = 20_000;

/// Item `index` of the population, as the API takes it; the same for the same index, so that seeding twice changes nothing.
fn item(company: Uuid, index: usize) -> Value {
    let unit = Uuid::from_u128(0x10ad_0000_0000_4000_9000_0000_0000_0000 + (index % UNITS) as u128);
    let hours = i64::try_from(index / UNITS).unwrap_or(0);
    let date = Timestamp::UNIX_EPOCH + (17_532 * 24).hours() + hours.hours();
    json!({
        "companyId": company,
        "productionUnitId": unit,
        "forecastDate": date.to_string(),
        // As many digits each, so that all documents have one size.
        "demand": 1_000.5 + (index % 4_000) as f64,
        "supply": 5_000.25 + (index % 4_000) as f64,
        "confidence": 0.95,
        "tags": [TAG],
    })
}

/// Writes a population of `size`, and answers the ids in order. `told` hears how many there are.
///
/// # Errors
/// The server refuses.
pub fn seed(targets: &Targets, size: usize, told: &mut dyn FnMut(usize)) -> Result<Vec<String>, Failure> {
    if !targets.may_write {
        return Err(Failure::Usage("seeding writes: allow it with --allow-writes and --company".to_owned()));
    }
    let mut client = targets.first()?;
    let mut ids = Vec::with_capacity(size);
    while ids.len() < size {
        let end = (ids.len() + BATCH).min(size);
        let items: Vec<_> = (ids.len()..end).map(|index| item(targets.company, index)).collect();
        let body = json!({ "items": items });
        let mut tries = 0;
        let answer = loop {
            let answer = client.send("POST", "/api/forecasts/batch", &[], Some(&body))?;
            tries += 1;
            if !matches!(answer.status, 409 | 429 | 503) || tries >= TRIES_MAX {
                break answer;
            }
            thread::sleep(Duration::from_millis(200));
        };
        if answer.status != 200 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Failure::Target(format!("seeding: a batch answers {}: {text}", answer.status)));
        }
        let body = client.json(&answer)?;
        for result in body["results"].as_array().into_iter().flatten() {
            match result["id"].as_str() {
                Some(id) => ids.push(id.to_owned()),
                None => return Err(Failure::Target(format!("seeding: an item is refused: {result}"))),
            }
        }
        if ids.len() != end {
            return Err(Failure::Target(format!("seeding: {} results for {end} items", ids.len())));
        }
        told(ids.len());
    }
    Ok(ids)
}

/// Waits until the change feed has told of `changes` changes since `before`.
///
/// # Errors
/// It does not within two minutes.
pub fn settle(targets: &Targets, before: &Scrape, changes: usize) -> Result<(), Failure> {
    let deadline = Instant::now() + SETTLE_TIMEOUT;
    loop {
        let now = Scrape::read(&targets.internal)?;
        let told = now.since(before, "smartpulse_sync_changes_total", &[])
            + now.since(before, "smartpulse_sync_pulls_total", &[]);
        if usize::try_from(told).is_ok_and(|told| told >= changes) && now.sum("smartpulse_tracker_backlog", &[]) < 1.0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::Target(format!(
                "the change feed has told {told} of {changes} changes in two minutes"
            )));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The ids of what is there, for a run that may not write: at most `size`.
///
/// # Errors
/// The server refuses.
pub fn find(targets: &Targets, size: usize) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    each_page(targets, &mut |items| {
        ids.extend(items.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned));
        Ok(ids.len() < size)
    })?;
    ids.truncate(size);
    if ids.is_empty() {
        return Err(Failure::Target(format!(
            "company {} has no forecasts: `loadgen seed` makes some",
            targets.company
        )));
    }
    Ok(ids)
}

/// Removes what carries our tag; answers how many that were.
///
/// # Errors
/// The server refuses.
pub fn clean(targets: &Targets) -> Result<usize, Failure> {
    if !targets.may_write {
        return Err(Failure::Usage("cleaning writes: allow it with --allow-writes and --company".to_owned()));
    }
    let mut doomed = Vec::new();
    each_page(targets, &mut |items| {
        let is_ours = |item: &&Value| item["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == TAG));
        doomed.extend(items.iter().filter(is_ours).filter_map(|item| item["id"].as_str()).map(str::to_owned));
        Ok(true)
    })?;
    let mut client = targets.first()?;
    for id in &doomed {
        let answer = client.send("DELETE", &format!("/api/forecasts/{id}"), &[], None)?;
        if !matches!(answer.status, 204 | 404) {
            return Err(Failure::Target(format!("cleaning: DELETE of {id} answers {}", answer.status)));
        }
    }
    Ok(doomed.len())
}

fn each_page(targets: &Targets, take: &mut dyn FnMut(&[Value]) -> Result<bool, Failure>) -> Result<(), Failure> {
    let mut client = targets.first()?;
    let mut path = format!("/api/forecasts?companyId={}&take=100", targets.company);
    for _ in 0..PAGES_MAX {
        let answer = client.get(&path)?;
        if answer.status != 200 {
            return Err(Failure::Target(format!("a list answers {}", answer.status)));
        }
        let body = client.json(&answer)?;
        let items = body["items"].as_array().map_or(&[][..], Vec::as_slice);
        if !take(items)? {
            return Ok(());
        }
        let Some(next) = body["next"].as_str() else { return Ok(()) };
        path = format!("/api/forecasts?companyId={}&take=100&cursor={next}", targets.company);
    }
    Ok(())
}
