//! The functions that are counted. Each is set up once and then called so many times; nothing in it waits, draws random numbers
//! or starts a thread.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use adapters::webpush::payload;
use bench::documents::{cdc_message, changed, document};
use bench::instance::SECRET;
use bench::library::{cache, filled};
use coherence::stream::{apply, diff};
use coherence::testing::follow_in_order;
use coherence::{Key, Tag};
use domain::model::Forecast;
use domain::ports::{PushMessage, Urgency};
use smartpulse::auth::{KeySet, Role, Rules, Scope, TokenRequest, Verifier, sign_hs256};
use smartpulse::http::conditional::body_etag;
use uuid::Uuid;

type Probe = fn(u64);

/// Name, what it is, the tolerance of a new line in the file, and itself.
pub(crate) const ALL: &[(&str, &str, f64, Probe)] = &[
    ("l1_peek", "a hit in L1: the lookup with all its checks", 0.15, l1_peek),
    ("evict_tag", "eviction of a tag", 0.15, evict_tag),
    ("patch_diff", "the patch of an update", 0.10, patch_diff),
    ("patch_apply", "a patch applied to a copy", 0.10, patch_apply),
    ("patch_whole", "from a patch's text to the new document's text", 0.10, patch_whole),
    ("forecast_serialise", "a forecast to JSON", 0.10, forecast_serialise),
    ("forecast_parse", "JSON to a forecast", 0.10, forecast_parse),
    ("entity_tag", "the entity tag of a body", 0.30, entity_tag),
    ("token_remembered", "a token that was seen before", 0.20, token_remembered),
    // aws-lc chooses its routines by the processor.
    ("token_verified", "a token that is verified (HS256)", 0.35, token_verified),
    ("gap_thousand", "a thousand messages through the gap machine", 0.10, gap_thousand),
    ("cdc_message", "a message of cdc:forecasts, from the row to its bytes", 0.10, cdc),
    ("push_payload", "the payload of a push", 0.10, push_payload),
];

/// Calls a probe.
pub(crate) fn run(name: &str, times: u64) {
    let found = ALL.iter().find(|(known, ..)| *known == name);
    let (.., probe) = found.unwrap_or_else(|| panic!("no probe {name}"));
    probe(times);
}

fn each(times: u64, mut call: impl FnMut()) {
    for _ in 0..times {
        call();
    }
}

/// The value of a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn l1_peek(times: u64) {
    let (cache, loader) = cache();
    let key = Key::new("forecast:1").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(filled(&cache, &loader, &key));
    each(times, || assert!(black_box(cache.peek("forecast:1", None)).is_some()));
}

fn evict_tag(times: u64) {
    let (cache, loader) = cache();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for n in 0..100 {
        runtime.block_on(filled(&cache, &loader, &Key::prefixed("tagged:", n)));
    }
    let tag = Tag::new("company:1").unwrap();
    each(times, || cache.evict_tag(black_box(&tag)));
}

fn patch_diff(times: u64) {
    let before = document(1);
    let after = changed(&before);
    each(times, || drop(black_box(diff(Some(&before), Some(&after)))));
}

fn patch_apply(times: u64) {
    let before = document(1);
    let patch = diff(Some(&before), Some(&changed(&before)));
    each(times, || drop(black_box(apply(Some(&before), &patch).unwrap())));
}

fn patch_whole(times: u64) {
    let before = document(1);
    let text = serde_json::to_string(&diff(Some(&before), Some(&changed(&before)))).unwrap();
    each(times, || {
        let patch: Vec<_> = serde_json::from_str(&text).unwrap();
        drop(black_box(apply(Some(&before), &patch).unwrap().unwrap().to_string()));
    });
}

fn forecast() -> Forecast {
    serde_json::from_value(document(1)).unwrap()
}

fn forecast_serialise(times: u64) {
    let forecast = forecast();
    each(times, || drop(black_box(serde_json::to_vec(&forecast).unwrap())));
}

fn forecast_parse(times: u64) {
    let text = serde_json::to_vec(&forecast()).unwrap();
    each(times, || drop(black_box(serde_json::from_slice::<Forecast>(&text).unwrap())));
}

fn entity_tag(times: u64) {
    let body = serde_json::to_vec(&forecast()).unwrap();
    each(times, || drop(black_box(body_etag(black_box(&body)))));
}

fn verified(entries: u64, times: u64) {
    // The same token in each run: the time is a constant.
    const NOW: i64 = 1_762_943_400;
    let request = TokenRequest {
        user: Uuid::from_u128(7),
        scope: Scope::All,
        roles: Role::ALL.to_vec(),
        issued_at_unix_s: NOW,
        expires_at_unix_s: NOW + 3_600,
        issuer: None,
        audience: None,
    };
    let token = sign_hs256(SECRET.as_bytes(), &request).unwrap();
    let keys = KeySet::hs256(SECRET.as_bytes(), None);
    let verifier = Verifier::new(keys, Rules::default(), entries, 7, Arc::new(|| NOW));
    now(verifier.verify(&token)).unwrap();
    each(times, || drop(black_box(now(verifier.verify(&token)).unwrap())));
}

fn token_remembered(times: u64) {
    verified(1_000, times);
}

fn token_verified(times: u64) {
    verified(0, times);
}

fn gap_thousand(times: u64) {
    each(times, || assert_eq!(follow_in_order(black_box(1_000)), 1_000));
}

fn cdc(times: u64) {
    each(times, || drop(black_box(cdc_message(black_box(1)))));
}

fn push_payload(times: u64) {
    let message = PushMessage {
        title: "Production Alert".to_owned(),
        body: "Demand dropped 30% below the forecast of unit 4711. ".repeat(5),
        icon: Some("https://app.example/icon.png".to_owned()),
        tag: "evt-0190f2c1".to_owned(),
        ttl: Duration::from_secs(3_600),
        urgency: Urgency::High,
    };
    each(times, || drop(black_box(payload(&message).unwrap())));
}
