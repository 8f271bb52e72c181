//! Who is let in: every route asks, and tells nothing to those who may not know.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::forecast::Role;
use domain::model::Scope;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use smartpulse::auth::{TokenRequest, sign_hs256};

use super::client::Reply;
use super::support::{On, SECRET, START_UNIX_S, TestApp, after, company, forecast, token_request, unit, user, writer};

fn claims() -> Value {
    json!({"sub": user(1), "companies": [company(1)], "roles": ["forecast:write"], "exp": START_UNIX_S + 1_000_000_000})
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// Refused like every other bad token.
fn refused(reply: &Reply) {
    let problem = reply.problem(401, "UNAUTHORIZED");
    assert_eq!(problem["error"], "Invalid or missing token", "as specified");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"), "{reply:?}");
}

fn bad_tokens() -> Vec<String> {
    let good = signed(&claims(), Algorithm::HS256, SECRET);
    let with = |change: Value| super::support::with(claims(), change);
    let signature = good.rsplit('.').next().unwrap();
    let mut changed = good.clone();
    changed.replace_range(
        good.len() - 6..good.len() - 5,
        if changed.as_bytes()[good.len() - 6] == b'A' { "B" } else { "A" },
    );
    vec![
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(9_000),
        changed,
        good[..good.len() - 1].to_owned(),
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{good}.x"),
        signed(&claims(), Algorithm::HS256, "another-secret-another-secret-xx"),
        signed(&claims(), Algorithm::HS384, SECRET),
        signed(&claims(), Algorithm::HS512, SECRET),
        unsigned(&json!({"alg": "none"}), &claims(), ""),
        unsigned(&json!({"alg": "None", "typ": "JWT"}), &claims(), signature),
        unsigned(&json!({"alg": "RS256"}), &claims(), signature),
        unsigned(&json!({"alg": "HS256"}), &with(json!({"companies": "*"})), signature),
        signed(&with(json!({"exp": START_UNIX_S - 1})), Algorithm::HS256, SECRET),
        signed(&with(json!({"exp": null})), Algorithm::HS256, SECRET),
        signed(&with(json!({"exp": "tomorrow"})), Algorithm::HS256, SECRET),
        signed(&with(json!({"nbf": START_UNIX_S + 900_000_000})), Algorithm::HS256, SECRET),
        signed(&with(json!({"sub": null})), Algorithm::HS256, SECRET),
        signed(&with(json!({"sub": "me"})), Algorithm::HS256, SECRET),
        signed(&with(json!({"companies": null})), Algorithm::HS256, SECRET),
        signed(&with(json!({"companies": "all"})), Algorithm::HS256, SECRET),
        signed(&with(json!({"companies": ["*"]})), Algorithm::HS256, SECRET),
    ]
}

#[tokio::test]
async fn every_route_refuses_every_bad_token() {
    for on in On::BOTH {
        let app = TestApp::on(on).await;
        let path = app.create(&writer(1, &[1]), &forecast(1, 1, 1)).await;
        let nowhere = format!("/api/forecasts/{}", unit(5));
        app.get(&writer(1, &[1]), &path).await;
        let commits = app.store.commits.get();
        let routes = [
            ("GET", path.as_str()),
            ("GET", nowhere.as_str()),
            ("HEAD", path.as_str()),
            ("GET", "/api/forecasts"),
            ("POST", "/api/forecasts"),
            ("POST", "/api/forecasts/batch"),
            ("PATCH", &path),
            ("DELETE", &path),
        ];
        for (method, target) in routes {
            let ask = || app.ask(method, target).json(&forecast(1, 1, 2));
            let check = |reply: &Reply| match method {
                "HEAD" => assert_eq!(reply.status, 401),
                _ => refused(reply),
            };
            for token in bad_tokens() {
                check(&ask().by(&token).send().await);
            }
            let good = signed(&claims(), Algorithm::HS256, SECRET);
            check(&ask().send().await);
            check(&ask().by(&good).by(&good).send().await);
            for header in
                ["Basic YTpi".to_owned(), "Bearer".to_owned(), good.clone(), format!("Bearer {good}, Bearer x")]
            {
                check(&ask().with("authorization", header).send().await);
            }
            check(&ask().with("authorization", b"Bearer \xff\xfe").send().await);
        }
        assert_eq!((app.store.commits.get(), app.stored().await), (commits, 1), "{on:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_when_it_says_also_when_it_was_seen_before() {
    let app = TestApp::memory().await;
    let path = app.create(&writer(1, &[1]), &forecast(1, 1, 1)).await;
    let claims = super::support::with(claims(), json!({"exp": START_UNIX_S + 10}));
    let token = signed(&claims, Algorithm::HS256, SECRET);
    assert_eq!(app.get(&token, &path).await.status, 200);
    after(9).await;
    assert_eq!(app.get(&token, &path).await.status, 200);
    after(1).await;
    refused(&app.get(&token, &path).await);
}

#[tokio::test]
async fn issuer_and_audience_count_where_they_are_configured() {
    let settings = [("auth.issuer", "https://id.example.org"), ("auth.audience", "smartpulse")];
    let app = TestApp::with(On::Memory, &settings).await;
    let sign = |issuer: Option<&str>, audience: Option<&str>| {
        let request = token_request(1, Scope::All, &[Role::ForecastWrite]);
        let (issuer, audience) = (issuer.map(str::to_owned), audience.map(str::to_owned));
        sign_hs256(SECRET.as_bytes(), &TokenRequest { issuer, audience, ..request }).unwrap()
    };
    let (issuer, audience) = (Some("https://id.example.org"), Some("smartpulse"));
    assert_eq!(app.get(&sign(issuer, audience), "/api/forecasts").await.status, 200);
    let bad = [(None, audience), (issuer, None), (Some("https://evil.example.org"), audience), (issuer, Some("other"))];
    for (issuer, audience) in bad {
        refused(&app.get(&sign(issuer, audience), "/api/forecasts").await);
    }
}

#[tokio::test]
async fn pages_and_health_need_no_token() {
    let app = TestApp::memory().await;
    for path in ["/", "/docs", "/openapi.json", "/health/live"] {
        assert_eq!(app.ask("GET", path).send().await.status, 200, "{path}");
    }
}
