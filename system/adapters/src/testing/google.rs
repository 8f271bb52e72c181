//! Google: its token service and FCM's HTTP v1, on one port.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coherence::WallClock;
use serde_json::{Value, json};

use super::http::{FakeServer, Reply, Request};
use crate::outgoing::pem_of_der;
use crate::system::SystemClock;

const EMAIL: &str = "sender@demo-project.iam.example";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

/// A message that FCM took.
#[derive(Debug, Clone)]
pub struct SentByFcm {
    /// Where it was posted.
    pub path: String,
    /// The JSON.
    pub json: Value,
}

struct Google {
    key: KeyPair,
    /// What `aud` of a grant must be.
    audience: Mutex<String>,
    life_seconds: AtomicUsize,
    grants: AtomicUsize,
    /// The number of the newest token that is refused; 0 if none is.
    revoked: AtomicUsize,
    sent: Mutex<Vec<SentByFcm>>,
}

/// A fake Google with one service account.
pub struct FakeGoogle {
    /// FCM: for faults, counts and its origin.
    pub fcm: FakeServer,
    /// The token service.
    pub oauth: FakeServer,
    google: Arc<Google>,
}

impl FakeGoogle {
    /// Starts both services with a new account.
    ///
    /// # Errors
    /// There is no free port or no randomness.
    pub async fn start() -> io::Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| io::Error::other("no randomness"))?;
        let google = Arc::new(Google {
            key,
            audience: Mutex::default(),
            life_seconds: AtomicUsize::new(3_599),
            grants: AtomicUsize::new(0),
            revoked: AtomicUsize::new(0),
            sent: Mutex::default(),
        });
        let (sending, granting) = (Arc::clone(&google), Arc::clone(&google));
        let fcm = FakeServer::start(move |request| sending.send(request)).await?;
        let oauth = FakeServer::start(move |request| granting.grant(request)).await?;
        *google.audience.lock().unwrap_or_else(PoisonError::into_inner) = format!("{}/token", oauth.origin());
        Ok(Self { fcm, oauth, google })
    }

    /// The account's file.
    ///
    /// # Errors
    /// The key cannot be written down.
    pub fn account(&self) -> io::Result<String> {
        let der = self.google.key.as_der().map_err(|_| io::Error::other("no PKCS#8"))?;
        let file = json!({
            "type": "service_account", "project_id": "demo-project", "private_key_id": "key-1",
            "private_key": pem_of_der(der.as_ref(), "PRIVATE KEY"), "client_email": EMAIL, "client_id": "1",
            "auth_uri": "https://accounts.example/auth", "token_uri": format!("{}/token", self.oauth.origin()),
        });
        Ok(file.to_string())
    }

    /// Tokens given out from now on live so long.
    pub fn set_token_life(&self, seconds: usize) {
        self.google.life_seconds.store(seconds, Ordering::Relaxed);
    }

    /// No token given out so far is taken any more; with `ahead` neither are so many that come next.
    pub fn revoke(&self, ahead: usize) {
        self.google.revoked.store(self.google.grants.load(Ordering::Relaxed) + ahead, Ordering::Relaxed);
    }

    /// Tokens given out.
    pub fn grants(&self) -> usize {
        self.google.grants.load(Ordering::Relaxed)
    }

    /// What was sent since the last call.
    pub fn sent(&self) -> Vec<SentByFcm> {
        std::mem::take(&mut self.google.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Google {
    fn grant(&self, request: &Request) -> Reply {
        let refuse =
            |why: &str| Reply::new(400, json!({"error": "invalid_grant", "error_description": why}).to_string());
        let form = String::from_utf8_lossy(&request.body);
        let form: BTreeMap<_, _> = form.split('&').filter_map(|pair| pair.split_once('=')).collect();
        if (&*request.method, &*request.path) != ("POST", "/token") || form.get("grant_type") != Some(&GRANT) {
            return refuse("not a grant");
        }
        match self.check(form.get("assertion").unwrap_or(&"")) {
            Some(why) => refuse(why),
            None => {
                let number = self.grants.fetch_add(1, Ordering::Relaxed) + 1;
                let life = self.life_seconds.load(Ordering::Relaxed);
                let token =
                    json!({"access_token": format!("ya29.token-{number}"), "expires_in": life, "token_type": "Bearer"});
                Reply::new(200, token.to_string())
            }
        }
    }

    /// What is wrong with an assertion.
    fn check(&self, assertion: &str) -> Option<&'static str> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let parts: Vec<_> = assertion.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Some("three parts") };
        let signed = format!("{header}.{claims}");
        let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap_or_default();
        let (header, claims) = (json(header), json(claims));
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public_key().as_ref());
        let (now, iat) = (SystemClock.now().as_second(), claims["iat"].as_i64().unwrap_or_default());
        let audience = self.audience.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rules = [
            (key.verify(signed.as_bytes(), &decode(signature)).is_ok(), "signature"),
            (header["alg"] == "RS256" && header["kid"] == "key-1", "header"),
            (claims["iss"] == EMAIL, "iss"),
            (claims["scope"] == SCOPE, "scope"),
            (claims["aud"] == audience.as_str(), "aud"),
            ((now - 600..=now + 60).contains(&iat), "iat"),
            (claims["exp"].as_i64().is_some_and(|exp| exp > now && exp - iat <= 3_600), "exp"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map(|(_, rule)| rule)
    }

    fn send(&self, request: &Request) -> Reply {
        let token = request.header("authorization").strip_prefix("Bearer ya29.token-");
        let number = token.and_then(|number| number.parse::<usize>().ok()).unwrap_or_default();
        if number <= self.revoked.load(Ordering::Relaxed) {
            return Self::error(401, "UNAUTHENTICATED", None);
        }
        let Ok(json) = serde_json::from_slice::<Value>(&request.body) else {
            return Self::error(400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT"));
        };
        if request.path != "/v1/projects/demo-project/messages:send" || json["message"]["token"].as_str().is_none() {
            return Self::error(404, "NOT_FOUND", None);
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(SentByFcm { path: request.path.clone(), json });
        Reply::new(200, r#"{"name":"projects/demo-project/messages/1"}"#)
    }

    fn error(status: u16, name: &str, code: Option<&str>) -> Reply {
        FakeGoogle::error(status, name, code, Value::Null)
    }
}

impl FakeGoogle {
    /// An error of the API: status, Google's name of it, FCM's code, another detail.
    pub fn error(status: u16, name: &str, code: Option<&str>, detail: Value) -> Reply {
        let code =
            code.map(|code| json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}));
        let details: Vec<_> = code.into_iter().chain((!detail.is_null()).then_some(detail)).collect();
        let error = json!({"error": {"code": status, "message": "what happened", "status": name, "details": details}});
        Reply::new(status, error.to_string()).header("Content-Type", "application/json")
    }
}
