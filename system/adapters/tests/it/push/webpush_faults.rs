//! Push services that are slow, silent, endless or gone.

use std::error::Error;
use std::time::{Duration, Instant};

use adapters::testing::Reply;
use domain::ports::{PushError, PushGateway};
use tokio::time::timeout;

use super::support::{connected, gateway_for, message};

const HEAD: &str = "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n";

/// The status is what counts: what follows is read for a second and to 16 KiB, whether it was a success or not.
#[tokio::test]
async fn bodies_without_end() {
    let (service, gateway, target) = connected().await;
    let chunked = |status: u16| format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    let chunk = [b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat();
    service.server.answer_with([
        Reply::Half(HEAD.into()),
        Reply::Endless(chunked(201), chunk.clone()),
        Reply::Endless(chunked(429), chunk),
        Reply::Cut(HEAD.into()),
        Reply::new(201, "x".repeat(1 << 20)),
    ]);
    let started = Instant::now();
    for expected in ["Ok", "Ok", "Throttled", "Ok", "Ok"] {
        let outcome = format!("{:?}", gateway.attempt(&target, &message()).await);
        assert!(outcome.contains(expected), "{outcome}");
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    // And the gateway goes on.
    gateway.attempt(&target, &message()).await.unwrap();
    assert_eq!(service.delivered().len(), 1);
}

/// Deadlines are the caller's: an attempt that is dropped ends its connection, and the next has its own.
#[tokio::test]
async fn a_service_that_does_not_answer() {
    let (service, gateway, target) = connected().await;
    for silence in [Reply::Half(Vec::new()), Reply::Half(b"HTTP/1.1 20".to_vec())] {
        service.server.answer_with([silence]);
        timeout(Duration::from_millis(100), gateway.attempt(&target, &message())).await.unwrap_err();
        gateway.attempt(&target, &message()).await.unwrap();
    }
    service.server.answer_with([Reply::Late(Duration::from_millis(50), Box::new(Reply::new(201, "")))]);
    gateway.attempt(&target, &message()).await.unwrap();
}

#[tokio::test]
async fn connections_that_break_and_answers_that_are_none() {
    let (service, gateway, target) = connected().await;
    for broken in ["", "HTTP/1.1 20", "no HTTP\r\n\r\n", "HTTP/1.1 999999 X\r\n\r\n"] {
        service.server.answer_with([Reply::Cut(broken.into())]);
        let before = service.server.requests();
        let error = gateway.attempt(&target, &message()).await.unwrap_err();
        assert!(matches!(error, PushError::Unreachable(Some(_))), "{broken}: {error:?}");
        assert!(error.is_retryable() && error.blames_the_origin());
        assert_eq!(service.server.requests(), before + 1, "one attempt is one request");
        let mut shown = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(error) = source {
            shown.push_str(&error.to_string());
            source = error.source();
        }
        assert!(!shown.contains("device-0"), "{shown}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let (service, _, target) = connected().await;
    let gateway = gateway_for(&[service.server.origin()]);
    drop(service);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = gateway.attempt(&target, &message()).await.unwrap_err();
    assert!(matches!(error, PushError::Unreachable(Some(_))), "{error:?}");
}

/// Listed, and its certificate is none: TLS is not given up for a listed origin.
#[tokio::test]
async fn a_service_without_tls_at_an_https_origin() {
    let (service, _, _) = connected().await;
    let origin = service.server.origin().replace("http:", "https:");
    let gateway = gateway_for(std::slice::from_ref(&origin));
    let domain::ports::PushTarget::WebPush(mut subscription) = service.subscribe("k").unwrap() else { unreachable!() };
    subscription.endpoint = format!("{origin}/push/device-1");
    let target = domain::ports::PushTarget::WebPush(subscription);
    let error = gateway.attempt(&target, &message()).await.unwrap_err();
    assert!(matches!(error, PushError::Unreachable(Some(_))), "{error:?}");
    assert_eq!(service.server.requests(), 0);
}
