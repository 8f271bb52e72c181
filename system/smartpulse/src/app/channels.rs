//! The ways out of the notification service.

use std::sync::Arc;

use adapters::layers::meter::{Meter, MeterMail, MeterPush};
use domain::notification::push::PushGateways;
use domain::ports::{MailTemplates, MailTransport};

/// The key of ours that browsers subscribe with, as they are told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VapidPublic {
    /// The public key: the uncompressed point in base64url, for `applicationServerKey`.
    pub key: Arc<str>,
    /// Its short name, kept with each device.
    pub id: Arc<str>,
}

/// What carries notifications to people. Clones share everything.
#[derive(Clone)]
pub struct Channels {
    /// Push services, as far as they are configured.
    pub push: PushGateways,
    /// The key of Web Push; `None` without it.
    pub vapid: Option<VapidPublic>,
    /// The way of mails; `None` where this process sends none.
    pub mail: Option<Arc<dyn MailTransport>>,
    /// The texts of mails.
    pub templates: Arc<dyn MailTemplates>,
    /// Whether all messages go to sinks, and none can reach anybody. Readiness says so.
    pub sinks: bool,
}

impl Channels {
    /// Only the in-app channel: no push service, no mails.
    pub fn none(templates: Arc<dyn MailTemplates>) -> Self {
        Self { push: PushGateways::default(), vapid: None, mail: None, templates, sinks: false }
    }

    /// The same channels, each call counted and timed.
    pub(super) fn metered(self, meter: &Arc<dyn Meter>) -> Self {
        let push = |name, gateway| Arc::new(MeterPush::new(gateway, name, Arc::clone(meter))) as _;
        Self {
            push: PushGateways {
                web_push: self.push.web_push.map(|gateway| push("webpush", gateway)),
                fcm: self.push.fcm.map(|gateway| push("fcm", gateway)),
            },
            mail: self.mail.map(|transport| Arc::new(MeterMail::new(transport, Arc::clone(meter))) as _),
            ..self
        }
    }
}
