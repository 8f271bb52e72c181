//! Gateways for tests.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use adapters::fcm::{FcmConfig, FcmGateway, ServiceAccount};
use adapters::outgoing::{AddressPolicy, Dns, Outgoing, SystemDns, tls_of_platform};
use adapters::system::SystemClock;
use adapters::testing::{FakeGoogle, FakePushService};
use adapters::webpush::{VapidKey, VapidSubject, WebPushConfig, WebPushGateway};
use async_trait::async_trait;
use domain::ports::{PushMessage, PushTarget, Urgency};

pub(super) const SUBJECT: &str = "mailto:ops@smartpulse.example";
/// A registration token as Google makes them.
pub(super) const REGISTRATION: &str =
    "dQw4w9WgXcQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789";

/// A name service that knows these addresses for every name.
pub(super) struct Names(pub(super) Vec<IpAddr>);

#[async_trait]
impl Dns for Names {
    async fn lookup(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.clone())
    }
}

pub(super) fn outgoing(policy: AddressPolicy, dns: Arc<dyn Dns>) -> Outgoing {
    Outgoing::new(policy, dns, tls_of_platform().unwrap(), Arc::new(SystemClock)).unwrap()
}

pub(super) fn config() -> WebPushConfig {
    WebPushConfig { key: VapidKey::generate().unwrap(), subject: VapidSubject::parse(SUBJECT).unwrap() }
}

/// A gateway that may send to these origins.
pub(super) fn gateway_for(origins: &[String]) -> WebPushGateway {
    let policy = AddressPolicy::default().with_private_origins(origins).unwrap();
    WebPushGateway::new(config(), outgoing(policy, Arc::new(SystemDns::default())), Arc::new(SystemClock))
}

/// A push service, a gateway that may send to it, and a device.
pub(super) async fn connected() -> (FakePushService, WebPushGateway, PushTarget) {
    let service = FakePushService::start().await.unwrap();
    let gateway = gateway_for(&[service.server.origin()]);
    let target = service.subscribe(gateway.key().public_key()).unwrap();
    (service, gateway, target)
}

pub(super) fn message() -> PushMessage {
    PushMessage {
        title: "Production Alert".to_owned(),
        body: "Demand dropped 30%".to_owned(),
        icon: None,
        tag: "evt-0190f2c1".to_owned(),
        ttl: Duration::from_secs(3_600),
        urgency: Urgency::High,
    }
}

/// A fake Google and a gateway to it.
pub(super) async fn google() -> (Arc<FakeGoogle>, Arc<FcmGateway>) {
    let google = Arc::new(FakeGoogle::start().await.unwrap());
    let gateway = fcm(&google).unwrap();
    (google, Arc::new(gateway))
}

pub(super) fn fcm(google: &FakeGoogle) -> Result<FcmGateway, adapters::fcm::FcmError> {
    let policy = AddressPolicy::default().with_private_origins([google.fcm.origin(), google.oauth.origin()]).unwrap();
    fcm_under(google, &policy)
}

pub(super) fn fcm_under(google: &FakeGoogle, policy: &AddressPolicy) -> Result<FcmGateway, adapters::fcm::FcmError> {
    let account = ServiceAccount::parse(&google.account().unwrap()).unwrap();
    let config = FcmConfig { account, base_url: Some(google.fcm.origin()), token_uri: None };
    let tls = tls_of_platform().unwrap();
    FcmGateway::new(config, policy, Arc::new(SystemDns::default()), tls, Arc::new(SystemClock))
}

pub(super) fn registration() -> PushTarget {
    PushTarget::Fcm { token: REGISTRATION.to_owned() }
}
