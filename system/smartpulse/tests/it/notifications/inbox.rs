//! The inbox: the specification's answers, one's own, read once, pages.

use proptest::prelude::*;
use serde_json::json;

use super::support::{World, message, reader, sender, user};

#[tokio::test(start_paused = true)]
async fn the_list_is_that_of_the_specification() {
    let world = World::new();
    let node = world.idle();
    let mut body = message(1, "Forecast Completed", json!(["InApp"]));
    (body["body"], body["type"]) = (json!("Your forecast for Unit A is ready"), json!("ForecastCompleted"));
    let sent = node.post(&sender(), "/api/notifications", &body).await;
    let reply = node.get(&reader(1), "/api/notifications?skip=0&take=20").await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, Some("no-store")));
    // Section 2.2, with `next` beside it.
    let expected = json!({
        "total": 1,
        "items": [{
            "id": sent.json()["id"],
            "userId": user(1),
            "title": "Forecast Completed",
            "body": "Your forecast for Unit A is ready",
            "type": "ForecastCompleted",
            "readAt": null,
            "createdAt": "2025-11-12T10:30:00Z",
        }],
        "next": null,
    });
    assert_eq!(reply.json(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_entity_of_an_alert_is_that_of_the_specification() {
    let world = World::new();
    let node = world.idle();
    let id = node.tell(1, "Production Alert").await;
    // Section 5.1, in the spelling of HTTP.
    let expected = json!({
        "id": id, "userId": user(1), "title": "Production Alert", "body": "Demand dropped 30%", "type": "Alert",
        "readAt": null, "createdAt": "2025-11-12T10:30:00Z",
    });
    assert_eq!(node.inbox(1).await, [expected]);
}

#[tokio::test(start_paused = true)]
async fn reading_is_done_once_and_repeated_without_effect() {
    let world = World::new();
    let node = world.idle();
    let (one, path) = (reader(1), format!("/api/notifications/{}/read", node.tell(1, "a").await));
    let first = node.ask("PUT", &path).by(&one).send().await;
    assert_eq!((first.status.as_u16(), first.json()), (200, json!({"success": true})));
    let read_at = node.inbox(1).await[0]["readAt"].clone();
    assert!(read_at.as_str().unwrap().ends_with('Z'), "{read_at}");
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    let again = node.ask("PUT", &path).by(&one).send().await;
    assert_eq!(again.json(), json!({"success": true}));
    assert_eq!(node.inbox(1).await[0]["readAt"], read_at, "the first time counts");
    assert_eq!(node.get(&one, "/api/notifications/unread-count").await.json(), json!({"unread": 0}));
}

#[tokio::test(start_paused = true)]
async fn what_is_anothers_does_not_exist() {
    let world = World::new();
    let node = world.idle();
    let id = node.tell(1, "a").await;
    let path = format!("/api/notifications/{id}/read");
    let missing = format!("/api/notifications/{}/read", user(5));
    let foreign = node.ask("PUT", &path).by(&reader(2)).send().await;
    foreign.problem(404, "NOTIFICATION_NOT_FOUND");
    let nowhere = node.ask("PUT", &missing).by(&reader(2)).send().await;
    assert_eq!(foreign.json(), nowhere.json(), "it tells nothing of what there is");
    assert_eq!(node.inbox(1).await[0]["readAt"], json!(null));
    assert_eq!(node.inbox(2).await, [] as [serde_json::Value; 0]);
    for bad in ["7", "%ff", &id.replace('-', ""), &format!("{{{id}}}").replace(['{', '}'], "x")] {
        let path = format!("/api/notifications/{bad}/read");
        assert_eq!(node.ask("PUT", &path).by(&reader(1)).send().await.fields(), ["id"], "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_up_to_a_time_are_read() {
    let world = World::new();
    let node = world.idle();
    let one = reader(1);
    node.tell(1, "old").await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    node.tell(1, "new").await;
    node.tell(2, "another's").await;
    let read_all = |body| node.post(&one, "/api/notifications/read-all", body);
    let until = json!({"until": "2025-11-12T10:30:30Z"});
    assert_eq!(read_all(&until).await.json(), json!({"read": 1}));
    assert_eq!(read_all(&until).await.json(), json!({"read": 0}));
    let unread = node.inbox(1).await.into_iter().filter(|one| one["readAt"].is_null()).collect::<Vec<_>>();
    assert_eq!((unread.len(), &unread[0]["title"]), (1, &json!("new")));
    let bare = node.ask("POST", "/api/notifications/read-all").by(&one).send().await;
    assert_eq!(bare.json(), json!({"read": 1}), "without a body: up to now");
    assert_eq!(node.get(&reader(2), "/api/notifications/unread-count").await.json(), json!({"unread": 1}));
    assert_eq!(read_all(&json!({"until": "tomorrow", "x": 1})).await.fields(), ["until", "x"]);
    let text = node.ask("POST", "/api/notifications/read-all").by(&one).text("text/plain", "{}").send().await;
    text.problem(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test(start_paused = true)]
async fn pages_are_bounded_and_wrong_parameters_named() {
    let world = World::with(&[("limits.page_max", "50")]);
    let node = world.idle();
    let one = reader(1);
    for (query, fields) in [
        ("take=0", &["take"][..]),
        ("take=101&skip=-1", &["take", "skip"]),
        ("take=51", &["take"]),
        ("skip=100001", &["skip"]),
        ("cursor=x", &["cursor"]),
        ("cursor=x&skip=1", &["cursor", "skip"]),
        ("take=1&take=2", &["take"]),
        ("take=%ff", &["take"]),
    ] {
        assert_eq!(node.get(&one, &format!("/api/notifications?{query}")).await.fields(), fields, "{query}");
    }
    assert_eq!(node.get(&one, "/api/notifications?skip=100000").await.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_is_not_moved_by_what_comes() {
    let world = World::new();
    let node = world.idle();
    let one = reader(1);
    for n in 0..4 {
        node.tell(1, &n.to_string()).await;
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    }
    let first = node.get(&one, "/api/notifications?take=2").await.json();
    node.tell(1, "newer").await;
    let next = first["next"].as_str().unwrap();
    let second = node.get(&one, &format!("/api/notifications?take=2&cursor={next}")).await.json();
    let titles: Vec<_> = second["items"].as_array().unwrap().iter().map(|item| item["title"].clone()).collect();
    assert_eq!((titles, &second["next"], &second["total"]), (vec![json!("1"), json!("0")], &json!(null), &json!(5)));
    let skipped = node.get(&one, "/api/notifications?take=2&skip=2").await.json();
    assert_eq!(skipped["items"][0]["title"], "2", "a page by number is moved");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However the pages are cut, and whatever was stored at the same time: by cursor they are the list, each once.
    #[test]
    fn pages_by_cursor_are_the_list(gaps in prop::collection::vec(0..2_u64, 0..24), takes in prop::collection::vec(1..7_u32, 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let node = world.idle();
            for (n, gap) in gaps.iter().enumerate() {
                node.tell(1, &n.to_string()).await;
                tokio::time::advance(std::time::Duration::from_micros(*gap)).await;
            }
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            for take in takes.iter().cycle() {
                let page = node.get(&reader(1), &format!("/api/notifications?take={take}{cursor}")).await.json();
                assert_eq!(page["total"], gaps.len());
                seen.extend(page["items"].as_array().unwrap().clone());
                match page["next"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, node.inbox(1).await);
        });
    }

    /// What is no cursor is refused, and whatever is taken for one means one place.
    #[test]
    fn a_cursor_is_a_cursor_or_refused(text in "[0-9a-fA-F.+-]{0,48}") {
        use domain::notification::model::InboxCursor;
        if let Ok(cursor) = text.parse::<InboxCursor>() {
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }
}
