//! The parts of a request and of a change, each alone, in turns: a hit in L1 beside moka alone and beside another multi-tier
//! cache, entity tags, patches, the gap machine, eviction by tag, single flight, the memo of tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod peers;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bench::documents::{changed, document};
use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::instance::{SECRET, token};
use bench::library::{cache, filled, stampede};
use bench::quantiles::median;
use bench::turns::{Operation, criterion, turns};
use coherence::stream::{apply, diff};
use coherence::testing::follow_in_order;
use coherence::{Key, ReadOptions, Tag};
use criterion::Criterion;
use domain::model::Forecast;
use peers::MultiTier;
use smartpulse::auth::{KeySet, Rules, Verifier};
use smartpulse::http::conditional::body_etag;
use tokio::runtime::Runtime;

const GAP_MESSAGES: u64 = 1_000;
const STAMPEDE: usize = 1_000;
/// What the source of a stampede takes: so long that all have come before it answers.
const SLOW: Duration = Duration::from_millis(20);

fn ns(name: &str, what: &str, value: f64) -> Figure {
    Figure::new(name, what, value, Unit::Ns)
}

fn ratio(name: &str, what: &str, value: f64) -> Figure {
    Figure::new(name, what, value, Unit::Ratio)
}

/// Measures, and runs the same under criterion.
fn measured(runner: &mut Criterion, group: &str, operations: &mut [Operation<'_>]) -> Vec<f64> {
    let found = if is_measuring() { turns(operations) } else { vec![f64::NAN; operations.len()] };
    criterion(runner, group, operations);
    found
}

fn hits(runtime: &Runtime, runner: &mut Criterion, sheet: &mut Sheet) {
    let (ours, loader) = cache();
    let body = document(1).to_string();
    let key = Key::new("forecast:1").unwrap();
    runtime.block_on(filled(&ours, &loader, &key));
    let moka: moka::sync::Cache<String, bytes::Bytes> =
        moka::sync::Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(60)).build();
    moka.insert("forecast:1".to_owned(), body.clone().into());
    let peer = runtime.block_on(MultiTier::with("forecast:1", body.into()));
    let options = ReadOptions::default();
    let found = measured(
        runner,
        "hit",
        &mut [
            Operation::new("L1: peek", || assert!(black_box(ours.peek("forecast:1", None)).is_some())),
            Operation::new("moka alone", || assert!(black_box(moka.get("forecast:1")).is_some())),
            Operation::new("L1: get_or_load", || {
                black_box(runtime.block_on(ours.get_or_load(&key, &options, &loader)).unwrap());
            }),
            Operation::new("multi-tier-cache: get", || {
                assert!(black_box(runtime.block_on(peer.get("forecast:1"))).is_some());
            }),
        ],
    );
    let [peek, moka, get, peer] = found[..] else { panic!("four operations") };
    sheet.put(Figure::new("l1_peek_us", "a hit in L1: the lookup with all its checks", peek / 1e3, Unit::Us));
    sheet.put(ratio("l1_over_moka", "the same over moka alone", peek / moka));
    sheet.put(
        ratio("l1_over_multi_tier_cache", "get_or_load that hits over multi-tier-cache's get", get / peer)
            .at_most(1.0, "peers"),
    );
}

fn documents(runner: &mut Criterion, sheet: &mut Sheet) {
    let before = document(1);
    let after = changed(&before);
    let patch = diff(Some(&before), Some(&after));
    let text = serde_json::to_string(&patch).unwrap();
    let forecast: Forecast = serde_json::from_value(before.clone()).unwrap();
    let body = serde_json::to_vec(&forecast).unwrap();
    let found = measured(
        runner,
        "documents",
        &mut [
            Operation::new("serialise", || drop(black_box(serde_json::to_vec(&forecast).unwrap()))),
            Operation::new("entity tag", || drop(black_box(body_etag(black_box(&body))))),
            Operation::new("diff, 3 of 12 members", || drop(black_box(diff(Some(&before), Some(&after))))),
            Operation::new("apply", || drop(black_box(apply(Some(&before), &patch).unwrap()))),
            Operation::new("patch from text, apply, text", || {
                let patch: Vec<_> = serde_json::from_str(&text).unwrap();
                drop(black_box(apply(Some(&before), &patch).unwrap().unwrap().to_string()));
            }),
            Operation::new("1,000 messages through the gap machine", || {
                assert_eq!(follow_in_order(black_box(GAP_MESSAGES)), GAP_MESSAGES);
            }),
        ],
    );
    let [serialise, etag, diff, apply, whole, gap] = found[..] else { panic!("six operations") };
    sheet.put(
        ratio("etag_over_serialising", "an entity tag over serialising the body", etag / serialise)
            .at_most(0.12, "research P17"),
    );
    sheet.put(ns("patch_diff", "the patch of an update: diff", diff));
    sheet.put(ns("patch_apply", "a patch applied to a copy", apply));
    sheet.put(ns("patch_whole", "from its text to the new document's text", whole));
    sheet.put(ns("gap_message", "a message through the gap machine", gap / GAP_MESSAGES as f64));
}

/// A tag that so many keys carry is evicted; the keys are filled before, not each time.
fn tags(runtime: &Runtime, runner: &mut Criterion, sheet: &mut Sheet) {
    let sizes: [u64; 3] = if is_measuring() { [10, 1_000, 100_000] } else { [10, 20, 30] };
    let caches = sizes.map(|size| {
        let (cache, loader) = cache();
        let keys: Vec<Key> = (0..size).map(|n| Key::prefixed("tagged:", n)).collect();
        for key in &keys {
            runtime.block_on(filled(&cache, &loader, key));
        }
        // One by one: the tier counts its entries later than it holds them.
        let held = keys.iter().filter(|key| runtime.block_on(cache.explain(key)).l2.is_some()).count() as u64;
        assert!(held * 10 >= size * 9, "{held} of {size}");
        cache
    });
    let tag = Tag::new("company:1").unwrap();
    let [few, some, many] = &caches;
    let found = measured(
        runner,
        "evict a tag",
        &mut [
            Operation::new("of 10 keys", || few.evict_tag(&tag)),
            Operation::new("of 1,000 keys", || some.evict_tag(&tag)),
            Operation::new("of 100,000 keys", || many.evict_tag(&tag)),
        ],
    );
    let [few, some, many] = found[..] else { panic!("three operations") };
    sheet.put(ns("evict_10", "evicting a tag of 10 keys", few));
    sheet.put(ns("evict_1000", "of 1,000", some));
    sheet.put(ns("evict_100000", "of 100,000", many));
    sheet.put(ratio("evict_100000_over_10", "of 100,000 over of 10", many / few).at_most(1.1, "research P13"));
}

/// A thousand callers of one cold key at once, beside one alone.
fn single_flight(runtime: &Runtime, sheet: &mut Sheet) {
    let (mut loads, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..if is_measuring() { 15 } else { 1 } {
        let (lone, _) = runtime.block_on(stampede(1, SLOW));
        let (slowest, loaded) = runtime.block_on(stampede(STAMPEDE, SLOW));
        ratios.push(slowest.as_secs_f64() / lone.as_secs_f64());
        loads.push(loaded as f64);
    }
    let most = loads.iter().copied().fold(0.0, f64::max);
    let what = "1,000 callers of one cold key: reads of the source, the most of 15 runs";
    sheet.put(Figure::new("stampede_loads", what, most, Unit::Count).at_most(1.0, "research P10"));
    sheet.put(
        ratio("stampede_slowest_over_lone", "the slowest of them over a lone one", median(&mut ratios))
            .at_most(2.0, "research P10"),
    );
}

fn tokens(runtime: &Runtime, runner: &mut Criterion, sheet: &mut Sheet) {
    let now = jiff::Timestamp::now().as_second();
    let verifier = |entries| {
        Verifier::new(KeySet::hs256(SECRET.as_bytes(), None), Rules::default(), entries, 7, Arc::new(move || now))
    };
    let (forgets, remembers, token) = (verifier(0), verifier(1_000), token());
    let verify = |verifier: &Verifier| {
        black_box(runtime.block_on(verifier.verify(&token)).unwrap());
    };
    let found = measured(
        runner,
        "tokens",
        &mut [
            Operation::new("verified (HS256)", || verify(&forgets)),
            Operation::new("remembered", || verify(&remembers)),
        ],
    );
    let [first, again] = found[..] else { panic!("two operations") };
    sheet.put(ns("token_verified", "a token that is verified (HS256)", first));
    sheet.put(ns("token_remembered", "one that was seen before", again));
    sheet.put(ratio("verify_over_memo", "verifying over remembering", first / again).at_least(20.0, "research P6"));
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut sheet = Sheet::new("cache", "the parts of a request and of a change, each alone, in turns");
    let mut runner = Criterion::default().configure_from_args();
    hits(&runtime, &mut runner, &mut sheet);
    documents(&mut runner, &mut sheet);
    tags(&runtime, &mut runner, &mut sheet);
    single_flight(&runtime, &mut sheet);
    tokens(&runtime, &mut runner, &mut sheet);
    runner.final_summary();
    sheet.finish();
}
