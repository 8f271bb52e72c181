//! Endpoints that lead inside: refused by the policy, or by the resolver as the connection is made.

use std::sync::Arc;

use adapters::outgoing::{AddressPolicy, SystemDns};
use adapters::system::SystemClock;
use adapters::testing::{FakePushService, Receiver};
use adapters::webpush::WebPushGateway;
use domain::ports::{PushError, PushGateway, PushTarget, WebPushSubscription};

use super::support::{Names, config, gateway_for, message, outgoing};

fn target(endpoint: &str) -> PushTarget {
    let receiver = Receiver::new().unwrap();
    let endpoint = endpoint.to_owned();
    PushTarget::WebPush(WebPushSubscription { endpoint, p256dh: receiver.p256dh, auth: receiver.auth })
}

#[tokio::test]
async fn private_literals_in_every_form() {
    let service = FakePushService::start().await.unwrap();
    let port = service.server.address().port();
    // A port of the list, so that nothing but the address decides.
    let policy = AddressPolicy::default().with_ports([port]);
    let gateway =
        WebPushGateway::new(config(), outgoing(policy, Arc::new(SystemDns::default())), Arc::new(SystemClock));
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "192.168.0.1",
        "100.64.0.1",
        "localhost",
        "foo.localhost",
        "metadata.internal",
    ] {
        let target = target(&format!("https://{host}:{port}/push"));
        for refused in [gateway.check(&target), gateway.attempt(&target, &message()).await.map(|_| ())] {
            assert!(matches!(refused, Err(PushError::Blocked(_))), "{host}: {refused:?}");
        }
    }
    let plain = target("http://push.example.com/x");
    assert!(matches!(gateway.check(&plain), Err(PushError::Blocked(_))));
    assert_eq!(service.server.connections(), 0);
}

/// The name was fit when the device was registered. What it means now is seen when the connection is made.
#[tokio::test]
async fn a_name_that_means_a_private_address_now() {
    let service = FakePushService::start().await.unwrap();
    let address = service.server.address();
    let policy = AddressPolicy::default().with_ports([address.port()]);
    let (literals, outside) = (["127.0.0.1", "::ffff:127.0.0.1", "::1", "10.0.0.7", "64:ff9b::7f00:1"], "203.0.114.1");
    // Alone, and beside a public one, before it and after.
    for (inside, names) in literals
        .into_iter()
        .flat_map(|inside| [vec![inside], vec![inside, outside], vec![outside, inside]].map(|names| (inside, names)))
    {
        let names = Arc::new(Names(names.iter().map(|name| name.parse().unwrap()).collect()));
        let gateway = WebPushGateway::new(config(), outgoing(policy.clone(), names), Arc::new(SystemClock));
        let target = target(&format!("https://push.example.com:{}/push", address.port()));
        gateway.check(&target).unwrap();
        let refused = gateway.attempt(&target, &message()).await.unwrap_err();
        assert!(matches!(&refused, PushError::Blocked(why) if !why.contains(inside)), "{refused:?}");
        assert!(!refused.is_retryable());
    }
    assert_eq!(service.server.connections(), 0, "nobody was asked");
}

/// Listed is one origin, not its host: another port of it is as private as before.
#[tokio::test]
async fn a_listed_origin_opens_no_other_port() {
    let (listed, other) = (FakePushService::start().await.unwrap(), FakePushService::start().await.unwrap());
    let gateway = gateway_for(&[listed.server.origin()]);
    let open = listed.subscribe(gateway.key().public_key()).unwrap();
    gateway.attempt(&open, &message()).await.unwrap();
    let closed = other.subscribe(gateway.key().public_key()).unwrap();
    let refused = gateway.attempt(&closed, &message()).await.unwrap_err();
    assert!(matches!(refused, PushError::Blocked(_)), "{refused:?}");
    assert_eq!(other.server.connections(), 0);
}

/// Names of listed origins are resolved too, and to any address: a sink in the same network.
#[tokio::test]
async fn a_listed_name_may_be_private() {
    let service = FakePushService::start().await.unwrap();
    let origin = format!("http://sink.example:{}", service.server.address().port());
    let policy = AddressPolicy::default().with_private_origins([&origin]).unwrap();
    let names = Arc::new(Names(vec!["127.0.0.1".parse().unwrap()]));
    let gateway = WebPushGateway::new(config(), outgoing(policy, names), Arc::new(SystemClock));
    let gone = gateway.attempt(&target(&format!("{origin}/push/unknown")), &message()).await.unwrap_err();
    assert!(matches!(gone, PushError::Gone { status: 404 }), "it answered: {gone:?}");
}
