//! An issuer that does not answer.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::json;
use smartpulse::auth::{AuthError, JwksSource, KeySet, Rules, Verifier, https_client};

use super::auth::{Clock, ec, token_by};

#[tokio::test]
async fn a_failing_issuer_is_named_without_its_password() {
    let url = "http://user:hunter2@127.0.0.1:1/keys".to_owned();
    let text = JwksSource::Url(https_client().unwrap(), url).read().await.unwrap_err().to_string();
    assert!(text.contains("http://***@127.0.0.1:1/keys") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn while_the_issuer_hangs_nobody_queues_for_an_unknown_key() {
    let key = ec("k");
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", hanging.local_addr().unwrap());
    let source = JwksSource::Url(https_client().unwrap(), url);
    let keys = KeySet::from_jwks(&json!({"keys": [key.1]}).to_string()).unwrap();
    let verifier = Verifier::new(keys, Rules::default(), 100, 7, Clock::at(1000).port()).with_source(source);
    let verifier = Arc::new(verifier);
    let token = |kid: &str| token_by(&key.0, Algorithm::ES256, kid);
    let (asking, first) = (Arc::clone(&verifier), token("first"));
    let asking = tokio::spawn(async move { asking.verify(&first).await });
    let (_asked, _) = hanging.accept().await.unwrap();
    let soon = Duration::from_secs(1);
    let second = tokio::time::timeout(soon, verifier.verify(&token("second"))).await.expect("an answer now");
    assert_eq!(second.unwrap_err(), AuthError::UnknownKey);
    assert!(!asking.is_finished(), "the issuer still hangs");
    asking.abort();
}
