//! Three processes with known secrets, at the most talkative level of every library, with everything going wrong: no
//! secret, token or ticket is in any log.

use std::time::Duration;

use containers::Absence;
use containers::pulsar::Broker;
use reqwest::{Method, StatusCode};

use crate::calm::block_on;
use crate::group::{Group, NODES, World, own_redis};
use crate::load::Load;
use crate::redis::{Options, Server};
use crate::tickets;

const SIGNING: &str = "known-signing-secret-0123456789abcdef";
const PREVIOUS: &str = "known-previous-secret-0123456789abcdef";
const REDIS: &str = "known-redis-password";
const PULSAR: &str = "known-pulsar-token";
const MAIL: &str = "known-mail-password";
const FORGED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJrbm93biJ9.known-forged-signature";

const SETTINGS: [(&str, &str); 9] = [
    ("SMARTPULSE__AUTH__SECRET", SIGNING),
    ("SMARTPULSE__AUTH__PREVIOUS_SECRET", PREVIOUS),
    ("SMARTPULSE__BUS__TOKEN", PULSAR),
    ("SMARTPULSE__MAIL__HOST", "127.0.0.1"),
    ("SMARTPULSE__MAIL__USER", "somebody"),
    ("SMARTPULSE__MAIL__PASSWORD", MAIL),
    // Of every library.
    ("SMARTPULSE__LOG__LEVEL", "trace"),
    ("SMARTPULSE__LOG__REQUESTS", "true"),
    ("RUST_BACKTRACE", "1"),
];
/// Long enough for every client to have failed and tried again.
const OUTAGE: Duration = Duration::from_secs(3);

fn set_password(redis: &Server, password: &str) {
    redis.plain().must(&["ACL", "SETUSER", "app", "on", "resetpass", &format!(">{password}"), "~*", "&*", "+@all"]);
}

pub(crate) fn no_secret_is_logged(broker: &Broker) -> Result<(), Absence> {
    let mut redis = own_redis(Options { durable: true, ..Options::default() })?;
    set_password(&redis, REDIS);
    let url = format!("redis://app:{REDIS}@127.0.0.1:{}", redis.port());
    block_on(async {
        let group = Group::with(broker, &url, &SETTINGS).await;
        let load = Load::reads(&group.world).and_writes(&group.world, 1, Duration::from_millis(100));
        let ticket = tickets::new(&group.world).await;
        // Redis refuses the password that was right.
        set_password(&redis, "another");
        for kind in ["normal", "pubsub"] {
            redis.plain().must(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]);
        }
        tokio::time::sleep(OUTAGE).await;
        tickets::cannot_be_judged(&group.world, &ticket).await;
        broker.admin().expect("PUT", &format!("namespaces/{}/unload", group.namespace), "");
        redis.kill();
        tokio::time::sleep(OUTAGE).await;
        let World { client, bases, .. } = &*group.world;
        for (method, path) in [(Method::GET, "/api/forecasts"), (Method::POST, "/api/stream-ticket")] {
            let request = client.without_token(method, &format!("{}{path}", bases[0])).bearer_auth(FORGED);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
        }
        load.end().await;
        let logs: Vec<String> = (0..NODES).map(|node| group.log(node)).collect();
        let all = logs.concat();
        // They did say what went wrong, and libraries spoke too.
        for said in ["shared tier failed", "a ticket could not be looked up", "the subscription is lost", "DEBUG"] {
            assert!(all.contains(said), "nobody logged {said:?}");
        }
        for secret in
            [SIGNING, PREVIOUS, REDIS, PULSAR, MAIL, FORGED, "known-forged-signature", &ticket, client.token()]
        {
            let line = all.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "a log tells {secret:?}: {}", line.unwrap_or_default());
        }
        println!("{} lines at trace, no secret in them", all.lines().count());
    });
    Ok(())
}
