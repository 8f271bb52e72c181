//! Tokens: what is accepted, what is refused, and how long either holds.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};
use smartpulse::auth::{
    self, AuthError, JwksSource, KeySet, NowUnixS, Role, Rules, Scope, TokenRequest, Verifier, https_client, sign_hs256,
};
use smartpulse::config::{Config, Inputs, load};
use uuid::Uuid;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const OLD: &[u8] = b"old-secret-old-secret-old-secret";
const USER: &str = "6a0f1c7e-0000-4000-8000-000000000001";

pub(super) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(super) fn at(now: i64) -> Self {
        Self(Arc::new(AtomicI64::new(now)))
    }

    pub(super) fn port(&self) -> NowUnixS {
        let now = Arc::clone(&self.0);
        Arc::new(move || now.load(Ordering::SeqCst))
    }
}

fn claims() -> Value {
    json!({"sub": USER, "companies": ["6a0f1c7e-0000-4000-8000-0000000000aa"], "roles": ["forecast:write", "x"], "exp": 2000})
}

fn with(change: Value) -> Value {
    let mut all = claims();
    json_merge(&mut all, change);
    all
}

fn json_merge(into: &mut Value, change: Value) {
    for (key, value) in change.as_object().unwrap().clone() {
        match value {
            Value::Null => into.as_object_mut().unwrap().remove(&key),
            value => into.as_object_mut().unwrap().insert(key, value),
        };
    }
}

fn hs(claims: &Value, secret: &[u8]) -> String {
    sign(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
}

fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

fn verifier(rules: Rules, now: i64) -> Verifier {
    Verifier::new(KeySet::hs256(SECRET, Some(OLD)), rules, 100, 7, Clock::at(now).port())
}

async fn refusal(token: &str) -> AuthError {
    verifier(Rules::default(), 1000).verify(token).await.unwrap_err()
}

#[tokio::test]
async fn a_good_token_tells_the_caller() {
    let verifier = verifier(Rules::default(), 1000);
    for secret in [SECRET, OLD] {
        let caller = verifier.verify(&hs(&claims(), secret)).await.unwrap();
        assert_eq!(caller.identity.user.to_string(), USER);
        assert!(caller.identity.require(Role::ForecastWrite).is_ok());
        assert!(caller.identity.require(Role::Admin).is_err());
        assert!(
            caller
                .identity
                .scope
                .contains(domain::model::CompanyId(Uuid::from_u128(0x6a0f_1c7e_0000_4000_8000_0000_0000_00aa)))
        );
        assert!(!caller.identity.scope.contains(domain::model::CompanyId(Uuid::nil())));
        assert_eq!(caller.expires_at_unix_s, 2000);
    }
    let all = verifier.verify(&hs(&with(json!({"companies": "*", "roles": null})), SECRET)).await.unwrap();
    assert_eq!((&all.identity.scope, all.identity.roles.len()), (&Scope::All, 0));
}

#[tokio::test]
async fn a_second_look_gives_the_same_caller_without_a_second_verification() {
    let verifier = verifier(Rules::default(), 1000);
    let token = hs(&claims(), SECRET);
    let first = verifier.verify(&token).await.unwrap();
    assert!(Arc::ptr_eq(&first, &verifier.verify(&token).await.unwrap()), "from the memo");
}

#[tokio::test]
async fn an_expired_token_is_refused_on_the_very_next_request() {
    let clock = Clock::at(1999);
    let verifier = Verifier::new(KeySet::hs256(SECRET, None), Rules::default(), 100, 7, clock.port());
    let token = hs(&claims(), SECRET);
    assert!(verifier.verify(&token).await.is_ok());
    clock.0.store(2000, Ordering::SeqCst);
    assert_eq!(verifier.verify(&token).await.unwrap_err(), AuthError::Expired);
    assert_eq!(verifier.verify(&token).await.unwrap_err(), AuthError::Expired, "nor later");
}

#[tokio::test]
async fn the_leeway_counts_on_both_ends_and_no_further() {
    let token = hs(&with(json!({"nbf": 1500})), SECRET);
    let at = async |now, leeway_s| verifier(Rules { leeway_s, ..Rules::default() }, now).verify(&token).await.err();
    assert_eq!(at(1499, 0).await, Some(AuthError::NotYet));
    assert_eq!(at(1500, 0).await, None);
    assert_eq!(at(1490, 10).await, None);
    assert_eq!(at(1489, 10).await, Some(AuthError::NotYet));
    assert_eq!(at(2009, 10).await, None);
    assert_eq!(at(2010, 10).await, Some(AuthError::Expired));
}

#[tokio::test]
async fn issuer_and_audience_are_checked_when_configured() {
    let rules = Rules { issuer: Some("us".to_owned()), audience: Some("api".to_owned()), leeway_s: 0 };
    let verifier = verifier(rules, 1000);
    let check = async |change| verifier.verify(&hs(&with(change), SECRET)).await.err();
    assert_eq!(check(json!({"iss": "us", "aud": "api"})).await, None);
    assert_eq!(check(json!({"iss": "us", "aud": ["web", "api"]})).await, None);
    assert_eq!(check(json!({"iss": "them", "aud": "api"})).await, Some(AuthError::Issuer));
    assert_eq!(check(json!({"aud": "api"})).await, Some(AuthError::Issuer));
    assert_eq!(check(json!({"iss": "us", "aud": "web"})).await, Some(AuthError::Audience));
    assert_eq!(check(json!({"iss": "us", "aud": []})).await, Some(AuthError::Audience));
    assert_eq!(check(json!({"iss": "us"})).await, Some(AuthError::Audience));
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    assert_eq!(refusal(&hs(&claims(), b"another-secret-another-secret-00")).await, AuthError::Signature);
    let strong = sign(&Header::new(Algorithm::HS384), &claims(), &EncodingKey::from_secret(SECRET));
    assert_eq!(refusal(&strong).await, AuthError::Algorithm);
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    for alg in ["none", "None", "NONE", "", "HS256x"] {
        let header = encode(json!({"alg": alg, "typ": "JWT"}));
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{}.{signature}", encode(claims()));
            assert!(matches!(refusal(&token).await, AuthError::Malformed(_)), "{alg}");
        }
    }
    let good = hs(&claims(), SECRET);
    let (head, signature) = good.rsplit_once('.').unwrap();
    assert!(matches!(refusal(&format!("{head}.")).await, AuthError::Signature));
    let (header, _) = head.split_once('.').unwrap();
    let swapped = format!("{header}.{}.{signature}", encode(with(json!({"companies": "*"}))));
    assert_eq!(refusal(&swapped).await, AuthError::Signature);
    let mut critical = Header::new(Algorithm::HS256);
    critical.crit = Some(vec!["b64".to_owned()]);
    let critical = sign(&critical, &claims(), &EncodingKey::from_secret(SECRET));
    assert!(matches!(refusal(&critical).await, AuthError::Malformed(_)));
}

#[tokio::test]
async fn claims_of_the_wrong_form_are_refused() {
    for change in [
        json!({"exp": null}),
        json!({"exp": "2000"}),
        json!({"exp": 1e300}),
        json!({"sub": null}),
        json!({"sub": "me"}),
        json!({"companies": null}),
        json!({"companies": "all"}),
        json!({"companies": ["x"]}),
        json!({"companies": {}}),
        json!({"nbf": "soon"}),
    ] {
        let refused = refusal(&hs(&with(change.clone()), SECRET)).await;
        assert!(matches!(refused, AuthError::Malformed(_)), "{change}: {refused}");
        let text = refused.to_string();
        for internal in ["line", "column", "untagged", "variant", "expected"] {
            assert!(!text.contains(internal), "{change}: {text}");
        }
    }
    assert_eq!(refusal(&"x".repeat(9000)).await, AuthError::TooLong);
}

#[tokio::test]
async fn the_header_must_be_one_bearer() {
    let verifier = verifier(Rules::default(), 1000);
    let token = hs(&claims(), SECRET);
    let call = async |values: &[String]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("authorization", HeaderValue::from_str(value).unwrap());
        }
        verifier.authenticate(&headers).await.err()
    };
    assert_eq!(call(&[format!("Bearer {token}")]).await, None);
    assert_eq!(call(&[format!("bearer  {token}")]).await, None);
    assert_eq!(call(&[]).await, Some(AuthError::Missing));
    assert_eq!(call(&[format!("Basic {token}")]).await, Some(AuthError::Missing));
    assert_eq!(call(std::slice::from_ref(&token)).await, Some(AuthError::Missing));
    assert_eq!(call(&[format!("Bearer {token}"), format!("Bearer {token}")]).await, Some(AuthError::Ambiguous));
}

pub(super) struct Rsa(pub(super) EncodingKey, pub(super) Value);

fn rsa(kid: &str) -> Rsa {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(der.as_ref())
    );
    keyed(EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), Algorithm::RS256, kid)
}

pub(super) fn ec(kid: &str) -> Rsa {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    keyed(EncodingKey::from_ec_der(der.as_ref()), Algorithm::ES256, kid)
}

fn keyed(key: EncodingKey, algorithm: Algorithm, kid: &str) -> Rsa {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
    json_merge(&mut jwk, json!({"kid": kid}));
    Rsa(key, jwk)
}

pub(super) fn token_by(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    sign(&header, &claims(), key)
}

#[tokio::test]
async fn rs256_and_es256_of_a_jwks_file_and_nothing_else_of_it() {
    let (one, two) = (rsa("r"), ec("e"));
    let odd = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET), "kid": "o", "alg": "HS256"});
    let encryption = with_kid_and_use(&rsa("enc").1, "enc");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwks.json");
    std::fs::write(&path, json!({"keys": [one.1, two.1, odd, encryption]}).to_string()).unwrap();
    let keys = JwksSource::File(path).read().await.unwrap();
    let verifier = Verifier::new(keys, Rules::default(), 100, 7, Clock::at(1000).port());
    assert!(verifier.verify(&token_by(&one.0, Algorithm::RS256, "r")).await.is_ok());
    assert!(verifier.verify(&token_by(&two.0, Algorithm::ES256, "e")).await.is_ok());
    let check = async |token: String| verifier.verify(&token).await.unwrap_err();
    assert_eq!(check(token_by(&two.0, Algorithm::ES256, "r")).await, AuthError::Algorithm);
    assert_eq!(check(token_by(&rsa("r").0, Algorithm::RS256, "r")).await, AuthError::Signature);
    assert_eq!(check(token_by(&one.0, Algorithm::RS256, "x")).await, AuthError::UnknownKey);
    assert_eq!(check(token_by(&EncodingKey::from_secret(SECRET), Algorithm::HS256, "o")).await, AuthError::UnknownKey);
    // The public key as an HMAC secret: the classic confusion of algorithms.
    let public = one.1["n"].as_str().unwrap().as_bytes();
    assert_eq!(check(token_by(&EncodingKey::from_secret(public), Algorithm::HS256, "r")).await, AuthError::Algorithm);
}

fn with_kid_and_use(jwk: &Value, usage: &str) -> Value {
    let mut jwk = jwk.clone();
    json_merge(&mut jwk, json!({"use": usage}));
    jwk
}

struct Issuer {
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

async fn issuer(keys: Value) -> Issuer {
    let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
    let (served, counted) = (Arc::clone(&keys), Arc::clone(&asked));
    let router = Router::new().route(
        "/keys",
        get(move || async move {
            counted.fetch_add(1, Ordering::SeqCst);
            served.lock().unwrap().to_string()
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Issuer { keys, asked, url }
}

async fn verifier_of(issuer: &Issuer) -> Verifier {
    let source = JwksSource::Url(https_client().unwrap(), issuer.url.clone());
    let keys = source.read().await.unwrap();
    Verifier::new(keys, Rules::default(), 100, 7, Clock::at(1000).port()).with_source(source)
}

#[tokio::test]
async fn an_unknown_key_id_asks_the_issuer_once_and_not_again_for_a_while() {
    let (old, new) = (ec("old"), ec("new"));
    let issuer = issuer(json!({"keys": [old.1]})).await;
    let verifier = verifier_of(&issuer).await;
    *issuer.keys.lock().unwrap() = json!({"keys": [old.1, new.1]});
    assert!(verifier.verify(&token_by(&new.0, Algorithm::ES256, "new")).await.is_ok(), "a rotated key is found");
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 2);
    for n in 0..20 {
        let refused = verifier.verify(&token_by(&new.0, Algorithm::ES256, &format!("bogus-{n}"))).await;
        assert_eq!(refused.unwrap_err(), AuthError::UnknownKey);
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 2, "a crowd of invented key ids asks nobody");
}

#[tokio::test]
async fn a_removed_key_drops_the_tokens_that_were_verified_with_it() {
    let (old, new) = (ec("old"), ec("new"));
    let issuer = issuer(json!({"keys": [old.1, new.1]})).await;
    let verifier = verifier_of(&issuer).await;
    let (gone, kept) = (token_by(&old.0, Algorithm::ES256, "old"), token_by(&new.0, Algorithm::ES256, "new"));
    assert!(verifier.verify(&gone).await.is_ok() && verifier.verify(&kept).await.is_ok());
    *issuer.keys.lock().unwrap() = json!("broken");
    assert!(verifier.refresh().await.is_err());
    assert!(verifier.verify(&gone).await.is_ok(), "a failed refresh leaves the keys as they are");
    *issuer.keys.lock().unwrap() = json!({"keys": [new.1]});
    verifier.refresh().await.unwrap();
    assert_eq!(verifier.verify(&gone).await.unwrap_err(), AuthError::UnknownKey);
    assert!(verifier.verify(&kept).await.is_ok());
}

fn config(settings: &[(&str, &str)]) -> Config {
    let env = settings
        .iter()
        .map(|(key, value)| (format!("SMARTPULSE__{}", key.to_uppercase().replace('.', "__")), (*value).to_owned()));
    load(&Inputs { env: env.collect(), ..Inputs::default() }).unwrap().config
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_asked_again_with_the_first_token() {
    let key = ec("k");
    let issuer = issuer(json!("down")).await;
    let config = config(&[("auth.mode", "jwks"), ("auth.jwks_url", &issuer.url)]);
    let unasked = |_: &mut [u8]| Err("no secret is made".to_owned());
    let verifier = auth::verifier(&config, unasked, 7, Clock::at(1000).port()).await.unwrap();
    *issuer.keys.lock().unwrap() = json!({"keys": [key.1]});
    assert!(verifier.verify(&token_by(&key.0, Algorithm::ES256, "k")).await.is_ok());
}

#[tokio::test]
async fn the_configured_verifier_knows_both_secrets_and_the_rules() {
    let secrets = [std::str::from_utf8(SECRET).unwrap(), std::str::from_utf8(OLD).unwrap()];
    let config = config(&[("auth.secret", secrets[0]), ("auth.previous_secret", secrets[1]), ("auth.issuer", "us")]);
    let unasked = |_: &mut [u8]| Err("no secret is made".to_owned());
    let verifier = auth::verifier(&config, unasked, 7, Clock::at(1000).port()).await.unwrap();
    for secret in secrets {
        assert!(verifier.verify(&hs(&with(json!({"iss": "us"})), secret.as_bytes())).await.is_ok());
        assert_eq!(verifier.verify(&hs(&claims(), secret.as_bytes())).await.unwrap_err(), AuthError::Issuer);
    }
}

#[tokio::test]
async fn a_signed_token_verifies() {
    let request = TokenRequest {
        user: USER.parse().unwrap(),
        scope: Scope::All,
        roles: Role::ALL.to_vec(),
        issued_at_unix_s: 1000,
        expires_at_unix_s: 1001,
        issuer: Some("us".to_owned()),
        audience: Some("api".to_owned()),
    };
    let token = sign_hs256(SECRET, &request).unwrap();
    let rules = Rules { issuer: request.issuer.clone(), audience: request.audience.clone(), leeway_s: 0 };
    let caller = verifier(rules.clone(), 1000).verify(&token).await.unwrap();
    assert_eq!(caller.identity.roles.len(), Role::ALL.len());
    assert_eq!(verifier(rules, 1001).verify(&token).await.unwrap_err(), AuthError::Expired);
}

proptest! {
    #[test]
    fn no_text_is_a_token(text in "\\PC{0,200}", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,60}", 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verifier = verifier(Rules::default(), 1000);
        prop_assert!(runtime.block_on(verifier.verify(&text)).is_err());
        prop_assert!(runtime.block_on(verifier.verify(&parts.join("."))).is_err());
    }
}
