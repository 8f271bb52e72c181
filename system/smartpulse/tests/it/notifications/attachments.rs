//! Files with a mail: on the send route, bounded, and stored with what they belong to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::support::{Node, World, message, reader, sender, until};
use crate::api::client::Reply;

const MIB: usize = 1 << 20;

fn file(name: &str, bytes: &[u8]) -> Value {
    json!({"name": name, "type": "text/csv", "bytes": STANDARD.encode(bytes)})
}

fn with_files(files: Vec<Value>) -> Value {
    let mut body = message(1, "Production Alert", json!(["Email"]));
    body["attachments"] = Value::Array(files);
    body
}

/// With its length, as clients send it.
async fn send(node: &Node, body: &Value) -> Reply {
    let text = body.to_string();
    let request = node.ask("POST", "/api/notifications").by(&sender()).with("content-length", text.len().to_string());
    request.text("application/json", text).send().await
}

#[tokio::test(start_paused = true)]
async fn files_go_with_the_mail_once_however_often_they_are_sent() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    let body = with_files(vec![file("Prognose für März.csv", b"a;b\r\n1;2\n"), file("empty.csv", b"")]);
    for replayed in [None, Some("true")] {
        let request = node.ask("POST", "/api/notifications").by(&sender()).with("idempotency-key", "k");
        let reply = request.json(&body).send().await;
        assert_eq!((reply.status.as_u16(), reply.header("idempotency-replayed")), (202, replayed), "{reply:?}");
    }
    until("the mail", async || !world.mail.taken().is_empty()).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let [mail] = &world.mail.taken()[..] else { panic!("one mail") };
    let files = mail.attachments.iter();
    let files: Vec<_> = files.map(|file| (file.name.as_str(), file.content_type.as_str(), &file.bytes[..])).collect();
    assert_eq!(
        files,
        [("Prognose für März.csv", "text/csv", &b"a;b\r\n1;2\n"[..]), ("empty.csv", "text/csv", &b""[..])]
    );
}

#[tokio::test(start_paused = true)]
async fn ten_mebibytes_pass_and_a_byte_more_does_not() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    let half = vec![7; 5 * MIB];
    let reply = send(&node, &with_files(vec![file("a", &half), file("b", &half)])).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    until("the mail", async || !world.mail.taken().is_empty()).await;
    let bytes: usize = world.mail.taken()[0].attachments.iter().map(|file| file.bytes.len()).sum();
    assert_eq!(bytes, 10 * MIB);
    let reply = send(&node, &with_files(vec![file("a", &half), file("b", &half), file("c", &[1])])).await;
    assert_eq!(reply.fields(), ["attachments"]);
    assert!(reply.body.len() < 1_000);
    // Longer than any that could pass: not read.
    send(&node, &with_files(vec![file("a", &vec![7; 11 * MIB])])).await.problem(413, "BODY_TOO_LARGE");
    assert_eq!(world.mail.taken().len(), 1);
}

/// Without a length nobody knows how much room a body takes; without the role nobody may take any.
#[tokio::test(start_paused = true)]
async fn a_large_body_says_how_long_it_is_and_who_it_is_from() {
    let world = World::new();
    let node = world.idle();
    let body = with_files(vec![file("a", &vec![7; MIB])]);
    let request = node.ask("POST", "/api/notifications").by(&sender()).json(&body);
    request.send().await.problem(413, "BODY_TOO_LARGE");
    let length = body.to_string().len().to_string();
    let request = node.ask("POST", "/api/notifications").by(&reader(1)).with("content-length", &length);
    request.json(&body).send().await.problem(403, "FORBIDDEN");
    // No other route takes so much.
    let request = node.ask("POST", "/api/send-push-notification").by(&sender()).with("content-length", &length);
    request.json(&body).send().await.problem(413, "BODY_TOO_LARGE");
    world.is_untouched(&[1]).await;
}

#[tokio::test(start_paused = true)]
async fn few_large_bodies_are_read_at_a_time() {
    let world = World::new();
    world.knows(1).await;
    let node = world.idle();
    let body = with_files(vec![file("a", &vec![7; MIB])]);
    // Bodies that do not come, until their time is over.
    let slow = || async {
        let never = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
        let request = node.ask("POST", "/api/notifications").by(&sender()).with("content-length", "1000000");
        request.text("application/json", axum::body::Body::from_stream(never)).send().await
    };
    let crowd = async { futures_util::join!(slow(), slow(), slow(), slow()) };
    let late = async {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        send(&node, &body).await.problem(503, "OVERLOADED");
        assert_eq!(send(&node, &with_files(vec![file("a", b"1")])).await.status, 202, "small ones pass");
    };
    let (slow, ()) = futures_util::join!(crowd, late);
    slow.0.problem(408, "REQUEST_TIMEOUT");
    assert_eq!(send(&node, &body).await.status, 202, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_file_is_named_and_nothing_is_stored() {
    let world = World::new();
    world.knows(1).await;
    let node = world.start("a");
    let with = |name: &str, value: Value| {
        let mut one = file("a.csv", b"1");
        one[name] = value;
        vec![one]
    };
    for (files, field) in [
        (vec![file("a", b"1"); 6], "attachments"),
        (vec![json!(1)], "attachments[0]"),
        (vec![file("a", b"1"), json!({"name": "b", "type": "text/csv"})], "attachments[1].bytes"),
        (with("bytes", json!("not base64!")), "attachments[0].bytes"),
        (with("bytes", json!("YQ")), "attachments[0].bytes"),
        (with("bytes", json!([1])), "attachments[0].bytes"),
        (with("path", json!("/etc/passwd")), "attachments[0].path"),
        (with("name", json!("")), "attachments"),
        (with("name", json!("../../a.csv")), "attachments"),
        (with("name", json!("a\r\nBcc: x@example.com")), "attachments"),
        (with("name", json!("a\"; x=\"b")), "attachments"),
        (with("name", json!("x".repeat(201))), "attachments"),
        (with("type", json!("text")), "attachments"),
        (with("type", json!("text/csv\r\nX: y")), "attachments"),
        (with("type", json!("message/rfc822")), "attachments"),
        (with("type", json!("multipart/mixed")), "attachments"),
    ] {
        assert_eq!(send(&node, &with_files(files)).await.fields(), [field]);
    }
    let mut no_list = with_files(Vec::new());
    no_list["attachments"] = json!({"0": 1});
    assert_eq!(send(&node, &no_list).await.fields(), ["attachments"]);
    let mut no_mail = with_files(vec![file("a", b"1")]);
    no_mail["channels"] = json!(["InApp", "PushNotification"]);
    assert_eq!(send(&node, &no_mail).await.fields(), ["attachments"]);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    world.is_untouched(&[1]).await;
}

/// The rest is delivered, and the file takes no room.
#[tokio::test(start_paused = true)]
async fn a_user_without_an_address_gets_the_rest() {
    let world = World::new();
    let node = world.idle();
    let mut body = with_files(vec![file("a", b"1")]);
    body["channels"] = json!("All");
    let reply = send(&node, &body).await;
    assert_eq!(reply.status, 202);
    let log = node.get(&sender(), reply.header("location").unwrap()).await.json();
    let statuses: Vec<_> = log["items"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert!(statuses.contains(&json!("skipped")) && node.inbox(1).await.len() == 1, "{log}");
    let all = "2999-01-01T00:00:00Z".parse().unwrap();
    let pruned = domain::ports::Deliveries::prune(&world.store, all, all, all).await.unwrap();
    assert_eq!(pruned.attachments, 0, "nothing was stored");
}
