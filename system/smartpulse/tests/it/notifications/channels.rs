//! A push service and a mail server that do as they are told, and remember what they were asked. What an endpoint may be,
//! the real gateway of Web Push says.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use adapters::outgoing::{AddressPolicy, Dns, Outgoing, tls_of_platform};
use adapters::webpush::{VapidKey, VapidSubject, WebPushConfig, WebPushGateway};
use async_trait::async_trait;
use coherence::WallClock;
use domain::notification::model::target_address;
use domain::ports::{
    MailError, MailReceipt, MailSession, MailTransport, OutgoingMail, PushError, PushGateway, PushMessage, PushOrigin,
    PushReceipt, PushTarget,
};

/// What a push service does with the messages to a device.
#[derive(Clone, Debug)]
pub(super) enum Does {
    Says(PushError),
    Hangs,
}

/// A name service that knows nothing: registering a device must ask nobody.
struct NoNames;

#[async_trait]
impl Dns for NoNames {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        panic!("somebody asked for {host}");
    }
}

#[derive(Clone)]
pub(super) struct TestPush {
    real: Arc<WebPushGateway>,
    does: Arc<Mutex<BTreeMap<String, Does>>>,
    asked: Arc<Mutex<Vec<(String, PushMessage)>>>,
}

impl TestPush {
    pub(super) fn new(clock: Arc<dyn WallClock>) -> Self {
        let tls = tls_of_platform().unwrap();
        let outgoing = Outgoing::new(AddressPolicy::default(), Arc::new(NoNames), tls, clock.clone()).unwrap();
        let subject = VapidSubject::parse("mailto:ops@example.com").unwrap();
        let config = WebPushConfig { key: VapidKey::generate().unwrap(), subject };
        Self {
            real: Arc::new(WebPushGateway::new(config, outgoing, clock)),
            does: Arc::default(),
            asked: Arc::default(),
        }
    }

    pub(super) fn public_key(&self) -> String {
        self.real.key().public_key().to_owned()
    }

    /// To this endpoint or token.
    pub(super) fn to(&self, address: &str, does: Does) {
        self.does.lock().unwrap().insert(address.to_owned(), does);
    }

    pub(super) fn takes_all(&self) {
        self.does.lock().unwrap().clear();
    }

    /// What was sent, with the endpoint or token.
    pub(super) fn asked(&self) -> Vec<(String, PushMessage)> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl PushGateway for TestPush {
    fn check(&self, target: &PushTarget) -> Result<(), PushError> {
        match target {
            PushTarget::WebPush(_) => self.real.check(target),
            PushTarget::Fcm { .. } => Ok(()),
        }
    }

    fn origin(&self, target: &PushTarget) -> PushOrigin {
        match target {
            PushTarget::WebPush(_) => self.real.origin(target),
            PushTarget::Fcm { .. } => PushOrigin("https://fcm.test".into()),
        }
    }

    async fn attempt(&self, target: &PushTarget, message: &PushMessage) -> Result<PushReceipt, PushError> {
        let address = target_address(target).to_owned();
        self.asked.lock().unwrap().push((address.clone(), message.clone()));
        let does = self.does.lock().unwrap().get(&address).cloned();
        match does {
            None => Ok(PushReceipt { status: 201 }),
            Some(Does::Says(error)) => Err(error),
            Some(Does::Hangs) => std::future::pending().await,
        }
    }
}

/// Takes every mail.
#[derive(Clone, Default)]
pub(super) struct TestMail(Arc<Mutex<Vec<OutgoingMail>>>);

impl TestMail {
    pub(super) fn taken(&self) -> Vec<OutgoingMail> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl MailTransport for TestMail {
    async fn connect(&self) -> Result<Box<dyn MailSession>, MailError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl MailSession for TestMail {
    async fn send(&mut self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(MailReceipt { answer: "250 ok".to_owned() })
    }

    fn is_over(&self) -> bool {
        false
    }

    async fn quit(self: Box<Self>) {}
}
