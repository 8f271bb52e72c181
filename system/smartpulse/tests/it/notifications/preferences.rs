//! Preferences: all of them at once, and only for what the token sees.

use serde_json::json;

use super::support::{World, company, reader, user};

const PATH: &str = "/api/notification-preferences";

#[tokio::test(start_paused = true)]
async fn preferences_are_set_as_a_whole() {
    let world = World::new();
    let node = world.idle();
    let one = reader(1);
    assert_eq!(node.get(&one, PATH).await.json(), json!({"items": []}));
    let unit = json!({"companyId": company(1), "unitId": user(9), "channels": []});
    let all = json!({"companyId": company(1), "channels": "All"});
    let set = node.put(&one, PATH, &json!({"items": [unit, all]})).await;
    assert_eq!(set.status, 200, "{set:?}");
    let expected = json!({"items": [
        {"companyId": company(1), "unitId": null, "channels": ["InApp", "PushNotification", "Email"]},
        {"companyId": company(1), "unitId": user(9), "channels": []},
    ]});
    assert_eq!(set.json(), expected);
    assert_eq!(node.get(&one, PATH).await.json(), expected);
    assert_eq!(node.put(&one, PATH, &set.json()).await.json(), expected, "what is told can be said");
    assert_eq!(node.get(&reader(2), PATH).await.json(), json!({"items": []}), "another's are another's");
    assert_eq!(node.put(&one, PATH, &json!({"items": []})).await.json(), json!({"items": []}));
    assert_eq!(node.get(&one, PATH).await.json(), json!({"items": []}));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_see_a_company_is_not_told_of_it() {
    let world = World::new();
    let node = world.idle();
    let items = json!({"items": [
        {"companyId": company(1), "channels": "All"},
        {"companyId": company(2), "channels": "All"},
    ]});
    let problem = node.put(&reader(1), PATH, &items).await.problem(403, "FORBIDDEN");
    assert!(problem["detail"].as_str().unwrap().starts_with("items[1].companyId"), "{problem}");
    world.is_untouched(&[1]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_preferences_is_named() {
    let world = World::new();
    let node = world.idle();
    let item = |n: u128| json!({"companyId": company(n), "channels": ["InApp"]});
    for (body, fields) in [
        (json!({}), vec!["items"]),
        (json!({"items": 5}), vec!["items"]),
        (json!({"items": [], "other": 1}), vec!["other"]),
        (json!({"items": [item(1), item(1)]}), vec!["items[1]"]),
        (
            json!({"items": [{"companyId": "x", "channels": ["Fax"], "a\r\nb": 1}]}),
            vec!["items[0].companyId", "items[0].channels", "items[0].a\r\nb"],
        ),
        (json!({"items": (0..201).map(item).collect::<Vec<_>>()}), vec!["items"]),
    ] {
        assert_eq!(node.put(&reader(1), PATH, &body).await.fields(), fields, "{body:.100}");
    }
    world.is_untouched(&[1]).await;
}
