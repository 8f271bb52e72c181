//! Tickets of streams while Redis, which holds them, is away: one that is good is not called wrong.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use crate::group::World;

const PATIENCE: Duration = Duration::from_secs(10);

/// A ticket of the first node.
pub(crate) async fn new(world: &World) -> String {
    let request = world.client.request(Method::POST, &format!("{}/api/stream-ticket", world.bases[0]));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body: serde_json::Value = answer.json().await.unwrap();
    body["ticket"].as_str().unwrap().to_owned()
}

async fn shown(world: &World, ticket: &str) -> StatusCode {
    let url = format!("{}/api/forecasts/changes?ticket={ticket}", world.bases[1]);
    world.client.without_token(Method::GET, &url).send().await.unwrap().status()
}

/// Neither can it be told to be good, nor to be wrong.
pub(crate) async fn cannot_be_judged(world: &World, ticket: &str) {
    assert_eq!(shown(world, ticket).await, StatusCode::SERVICE_UNAVAILABLE, "a ticket without Redis");
}

/// Once Redis is there again, with what it held.
pub(crate) async fn is_good(world: &World, ticket: &str) {
    let begun = Instant::now();
    loop {
        match shown(world, ticket).await {
            StatusCode::SERVICE_UNAVAILABLE if begun.elapsed() < PATIENCE => {}
            status => return assert_eq!(status, StatusCode::OK, "the ticket after {:?}", begun.elapsed()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
