//! A push service that checks everything the real ones check, each of them something else.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coherence::WallClock;
use domain::ports::{PushTarget, WebPushSubscription};
use serde_json::Value;

use super::http::{FakeServer, Reply, Request};
use super::receiver::{Receiver, Refused};
use crate::system::SystemClock;

const DAY_SECONDS: i64 = 24 * 3_600;
/// Mozilla's.
const TTL_MAX: u64 = 30 * 24 * 3_600;
const BODY_BYTES_MAX: usize = 4_096;

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// For which subscription.
    pub path: String,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// The text that the device read.
    pub text: String,
    /// The zeros after it.
    pub padding: usize,
    /// The body as it came.
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Devices {
    origin: OnceLock<String>,
    subscribed: Mutex<BTreeMap<String, (String, Arc<Receiver>)>>,
    delivered: Mutex<Vec<Delivered>>,
}

/// A strict push service with its devices.
pub struct FakePushService {
    /// The server: for faults, counts and its origin.
    pub server: FakeServer,
    devices: Arc<Devices>,
}

impl FakePushService {
    /// Starts one without devices.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> io::Result<Self> {
        let devices = Arc::new(Devices::default());
        let answering = Arc::clone(&devices);
        let server = FakeServer::start(move |request| answering.answer(request)).await?;
        let _ = devices.origin.set(server.origin());
        Ok(Self { server, devices })
    }

    /// Subscribes a new device with the public key of a sender.
    ///
    /// # Errors
    /// No randomness.
    pub fn subscribe(&self, public_key: &str) -> io::Result<PushTarget> {
        let receiver = Arc::new(Receiver::new().ok_or_else(|| io::Error::other("no randomness"))?);
        let mut subscribed = self.devices.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        let path = format!("/push/device-{}", subscribed.len());
        let endpoint = format!("{}{path}", self.server.origin());
        let subscription = WebPushSubscription { endpoint, p256dh: receiver.p256dh, auth: receiver.auth };
        subscribed.insert(path, (public_key.to_owned(), receiver));
        Ok(PushTarget::WebPush(subscription))
    }

    /// What arrived since the last call.
    pub fn delivered(&self) -> Vec<Delivered> {
        std::mem::take(&mut self.devices.delivered.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Devices {
    fn answer(&self, request: &Request) -> Reply {
        match self.accept(request) {
            Ok(delivered) => {
                let location = format!("{}/message", delivered.path);
                self.delivered.lock().unwrap_or_else(PoisonError::into_inner).push(delivered);
                Reply::new(201, "").header("Location", &location)
            }
            Err((status, Refused(why))) => Reply::new(status, why),
        }
    }

    fn accept(&self, request: &Request) -> Result<Delivered, (u16, Refused)> {
        let device = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).get(&request.path).cloned();
        let (public_key, receiver) = device.ok_or_else(|| (404, Refused("no such subscription".to_owned())))?;
        let origin = self.origin.get().map_or("", String::as_str);
        vapid(request.header("authorization"), origin, &public_key)?;
        headers(request).map_err(|why| (400, why))?;
        if request.body.len() > BODY_BYTES_MAX {
            return Err((413, Refused("more than 4096 bytes".to_owned())));
        }
        let (text, padding) = receiver.open(&request.body).map_err(|why| (400, why))?;
        let text = String::from_utf8(text).map_err(|_| (400, Refused("no UTF-8".to_owned())))?;
        let (path, headers) = (request.path.clone(), request.headers.clone());
        Ok(Delivered { path, headers, text, padding, body: request.body.clone() })
    }
}

fn ensure(is_so: bool, rule: &str) -> Result<(), Refused> {
    if is_so { Ok(()) } else { Err(Refused(rule.to_owned())) }
}

/// RFC 8030 section 5, RFC 8188, and nothing that services do not expect.
fn headers(request: &Request) -> Result<(), Refused> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let ttl = request.header("ttl");
    ensure(request.method == "POST", "method")?;
    ensure(is_number(ttl) && ttl.parse::<u64>().is_ok_and(|ttl| ttl <= TTL_MAX), "TTL")?;
    ensure(matches!(request.header("urgency"), "very-low" | "low" | "normal" | "high"), "Urgency")?;
    ensure(request.header("content-encoding") == "aes128gcm", "Content-Encoding")?;
    ensure(request.header("content-type") == "application/octet-stream", "Content-Type")?;
    let is_topic = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let topic = request.headers.get("topic");
    ensure(topic.is_none_or(|topic| (1..=32).contains(&topic.len()) && topic.bytes().all(is_topic)), "Topic")?;
    for name in ["crypto-key", "encryption", "cookie", "referer", "accept-encoding", "transfer-encoding"] {
        ensure(!request.headers.contains_key(name), name)?;
    }
    Ok(())
}

/// RFC 8292: the token is signed by the key of the subscription, for this origin with its port, for a day at most.
fn vapid(authorization: &str, origin: &str, public_key: &str) -> Result<(), (u16, Refused)> {
    let refuse = |rule: &str| (403, Refused(format!("VAPID: {rule}")));
    let parameters = authorization.strip_prefix("vapid ").ok_or_else(|| (401, Refused("no VAPID".to_owned())))?;
    let parameters: BTreeMap<_, _> = parameters.split(", ").filter_map(|part| part.split_once('=')).collect();
    let (Some(token), Some(key), 2) = (parameters.get("t"), parameters.get("k"), parameters.len()) else {
        return Err(refuse("parameters"));
    };
    if *key != public_key {
        return Err(refuse("the credentials do not correspond to those used to create the subscription"));
    }
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| refuse("base64url"));
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { return Err(refuse("three parts")) };
    let verifying = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key)?);
    let signed = format!("{header}.{claims}");
    verifying.verify(signed.as_bytes(), &decode(signature)?).map_err(|_| refuse("signature"))?;
    let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).map_err(|_| refuse("JSON"));
    let (header, claims) = (json(header)?, json(claims)?);
    let is_contact = |text: &str| text.starts_with("mailto:") || text.starts_with("https://");
    let left = claims["exp"].as_i64().ok_or_else(|| refuse("exp is no number"))? - SystemClock.now().as_second();
    match () {
        () if header["alg"] != "ES256" => Err(refuse("alg")),
        () if claims["aud"] != origin => Err(refuse("aud")),
        () if !(1..=DAY_SECONDS).contains(&left) => Err(refuse("exp")),
        () if !claims["sub"].as_str().is_some_and(is_contact) => Err(refuse("sub")),
        () => Ok(()),
    }
}
