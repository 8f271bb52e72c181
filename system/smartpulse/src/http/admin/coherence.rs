//! `GET /admin/coherence`, `POST /admin/resync`.

use ::coherence::{FollowerStatus, Head, Timestamp};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::monitor::MonitorStatus;
use domain::relay::RelayStatus;
use domain::roads::RoadStatus;
use domain::sync::SyncStatus;
use domain::tracker::TrackerStatus;
use http::StatusCode;
use serde_json::{Value, json};

use super::audit::{Operator, audited};
use super::routes::{AdminApi, Inner};
use crate::http::code::Code;
use crate::http::problem::Problem;

/// Where this instance stands, and the jobs that run in it; null for those that do not.
pub(super) async fn show(State(AdminApi(api)): State<AdminApi>, _operator: Operator) -> Response {
    let status = &api.status;
    let follower = status.follower.as_ref().map(|handle| handle.status());
    let body = json!({
        "sections": [section(&api, follower.as_ref())],
        "tracker": status.tracker.as_ref().map(|handle| tracker(&handle.read())),
        "sync": status.sync.as_ref().map(|handle| sync(&handle.read())),
        "invalidations": status.invalidations.as_ref().map(|handle| road(&handle.read())),
        "updates": status.updates.as_ref().map(|handle| road(&handle.read())),
        "relay": status.relay.as_ref().map(|handle| relay(&handle.read())),
        "monitor": status.monitor.as_ref().map(|handle| monitor(&handle.read())),
    });
    Json(body).into_response()
}

/// Compares all versions that this instance holds with the shared tier and the store.
pub(super) async fn resync(State(AdminApi(api)): State<AdminApi>, operator: Operator) -> Result<Response, Problem> {
    let order = async {
        let follower = api.status.follower.as_ref();
        let follower =
            follower.ok_or_else(|| Problem::new(Code::Unavailable).detail("this instance follows no stream"))?;
        follower.request_resync();
        Ok((StatusCode::ACCEPTED, Json(json!({"resync": "begun"}))).into_response())
    };
    audited(&operator, "resync", "forecast", order).await
}

fn section(api: &Inner, follower: Option<&FollowerStatus>) -> Value {
    let cache = api.service.caches().cache();
    let (stats, sizes) = (cache.stats(), cache.sizes());
    let now = api.clock.now();
    json!({
        "section": "production:forecast",
        "trusted": cache.is_trusted(),
        "incarnation": cache.incarnation().0,
        "generation": cache.generation().0,
        "following": follower.map(|status| json!({
            "connected": status.connected,
            "resyncing": status.resyncing,
            "suspectSince": status.suspect_since,
            "epoch": status.epoch.map(|epoch| format!("{:x}", epoch.0)),
            "position": status.applied.0,
            "lag": status.head.as_ref().map(|head| head.sequence.0.saturating_sub(status.applied.0)),
            "head": status.head.as_ref().map(|head| of_head(head, now)),
            "headReceivedAt": status.head_received_at,
        })),
        "trackedKeys": sizes.l2_entries,
        "floors": sizes.floors,
        "changesApplied": stats.changes_applied,
        "patched": stats.patched,
        "duplicates": stats.duplicates,
        "pulls": stats.pulls,
        "gaps": stats.gaps,
        "replays": stats.replays,
        "resyncs": stats.resyncs,
        "refetched": stats.refetched,
        "suspicions": stats.suspicions,
        "heads": stats.heads,
        "headsRefused": stats.heads_refused,
        "unreadable": stats.unreadable,
        "subscriptions": stats.subscriptions,
    })
}

fn of_head(head: &Head, now: Timestamp) -> Value {
    json!({
        "incarnation": head.incarnation.0,
        "epoch": format!("{:x}", head.stream_epoch.0),
        "sequence": head.sequence.0,
        "readAt": head.read_at,
        "ageMs": i64::try_from(now.duration_since(head.read_at).as_millis()).unwrap_or(i64::MAX),
        "trackerToken": head.source.tracker_token.0,
        "trackerCounter": head.source.tracker_counter,
        // 128 bits fit no number of JSON.
        "feedPosition": head.source.feed_position.to_string(),
    })
}

fn tracker(status: &TrackerStatus) -> Value {
    json!({
        "leader": status.is_leader,
        "token": status.token.0,
        "incarnation": status.incarnation.0,
        "position": status.cursor.to_string(),
        "counter": status.counter,
        "readAt": status.read_at,
        "backlog": status.backlog.map(|backlog| backlog.to_string()),
        "changes": status.changes,
        "beacons": status.beacons,
        "errors": status.errors,
        "holes": status.holes,
        "skipped": status.skipped,
        "terms": status.terms,
        "raised": status.raised,
    })
}

fn sync(status: &SyncStatus) -> Value {
    json!({
        "leader": status.is_leader,
        "token": status.token.0,
        "incarnation": status.incarnation.0,
        "trackerToken": status.tracker_token.0,
        "counter": status.counter,
        "position": status.position.to_string(),
        "readAt": status.read_at,
        "lagMs": status.lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        "processed": status.processed,
        "changes": status.changes,
        "pulls": status.pulls,
        "beacons": status.beacons,
        "epochs": status.epochs,
        "parked": status.parked,
        "unreadable": status.unreadable,
        "refused": status.refused,
        "duplicates": status.duplicates,
        "errors": status.errors,
        "terms": status.terms,
        "fenced": status.fenced,
        "gaveWay": status.gave_way,
        "raised": status.raised,
    })
}

fn road(status: &RoadStatus) -> Value {
    json!({
        "connected": status.connected,
        "events": status.events,
        "unreadable": status.unreadable,
        "givenUp": status.given_up,
        "subscriptions": status.subscriptions,
        "errors": status.errors,
    })
}

fn relay(status: &RelayStatus) -> Value {
    json!({
        "published": status.published,
        "parked": status.parked,
        "sweeps": status.sweeps,
        "errors": status.errors,
        "stuckSince": status.stuck_since,
    })
}

fn monitor(status: &MonitorStatus) -> Value {
    json!({
        "writes": status.writes,
        "within1s": status.within_1s,
        "within5s": status.within_5s,
        "violations": status.violations,
        "reads": status.reads,
        "skipped": status.skipped,
        "watched": status.watched,
    })
}
