//! `POST /api/stream-ticket`.

use std::time::Duration;

use super::super::support::{On, forecast, reader, writer};
use super::events::{CHANGES, Events};
use super::support::{ALL, Cluster, Node};

async fn ticket(node: &Node, token: &str) -> String {
    let reply = node.ask("POST", "/api/stream-ticket").by(token).send().await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, Some("no-store")), "{reply:?}");
    let body = reply.json();
    assert!(body["expiresAt"].as_str().unwrap().ends_with('Z'), "{body}");
    body["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_one_stream_on_any_instance_and_nothing_else() {
    let cluster = Cluster::of(On::Memory, &[ALL; 2], &[]).await;
    let [first, second] = &cluster.nodes[..] else { panic!("two") };
    let (one, two) = (writer(1, &[1]), writer(2, &[2]));
    let given = ticket(first, &one).await;
    assert_ne!(given, ticket(first, &one).await);
    let url = format!("{CHANGES}?ticket={given}");
    let mut stream = Events::open(&second.router, &url, &[]).await;
    assert_eq!(stream.status, 200);
    for node in [first, second] {
        let again = node.ask("GET", &url).send().await;
        again.problem(401, "UNAUTHORIZED");
        assert!(!again.text().contains(&given));
    }
    // It may see what its token may.
    first.create(&two, &forecast(2, 1, 1)).await;
    let path = first.create(&one, &forecast(1, 1, 1)).await;
    assert!(path.ends_with(stream.expect("change").await.data["id"].as_str().unwrap()));

    let other = ticket(first, &reader(1, &[1])).await;
    for refused in ["/api/forecasts", "/api/stream-ticket"] {
        let method = if refused.ends_with("ticket") { "POST" } else { "GET" };
        let reply = first.ask(method, &format!("{refused}?ticket={other}")).send().await;
        assert_eq!(reply.status, 401, "{refused}: {reply:?}");
    }
    for bad in ["", "x", &"x".repeat(500)] {
        first.ask("GET", &format!("{CHANGES}?ticket={bad}")).send().await.problem(401, "UNAUTHORIZED");
    }
    first.ask("POST", "/api/stream-ticket").send().await.problem(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_expires_and_there_are_not_too_many() {
    let settings = [("streams.ticket_life_s", "1"), ("streams.tickets_max", "2")];
    let cluster = Cluster::of(On::Memory, &[ALL], &settings).await;
    let node = &cluster.nodes[0];
    let token = reader(1, &[1]);
    let given = ticket(node, &token).await;
    ticket(node, &token).await;
    node.ask("POST", "/api/stream-ticket").by(&token).send().await.problem(503, "OVERLOADED");
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    node.ask("GET", &format!("{CHANGES}?ticket={given}")).send().await.problem(401, "UNAUTHORIZED");
    ticket(node, &token).await;
}
