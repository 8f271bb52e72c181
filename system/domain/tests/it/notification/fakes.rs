//! A push service and a mail server that do as they are told, and remember what they were asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::notification::model::target_address;
use domain::ports::{
    MailError, MailReceipt, MailSession, MailTemplates, MailTransport, OutgoingMail, PushError, PushGateway,
    PushMessage, PushOrigin, PushReceipt, PushTarget, RenderError, RenderedMail, TemplateData, TemplateId,
    UnknownPolicy,
};
use tokio::time::Instant;

/// What a push service does with a message.
#[derive(Clone, Debug)]
pub(super) enum Does {
    Takes,
    Says(PushError),
    /// The message arrives; the answer does not.
    TakesAndHangs,
    Hangs,
    Panics,
}

#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) at: Instant,
    pub(super) to: String,
    pub(super) tag: String,
    pub(super) title: String,
}

#[derive(Default)]
struct PushState {
    usually: Option<Does>,
    of: BTreeMap<String, Does>,
    next: BTreeMap<String, VecDeque<Does>>,
    takes: Duration,
    attempts: Vec<Attempt>,
    arrived: Vec<Attempt>,
}

/// Endpoints are `https://<origin>/<device>`, tokens are of one origin.
#[derive(Clone, Default)]
pub(super) struct FakePush(Arc<Mutex<PushState>>);

impl FakePush {
    pub(super) fn usually(&self, does: Does) {
        self.0.lock().unwrap().usually = Some(does);
    }

    pub(super) fn of(&self, to: &str, does: Does) {
        self.0.lock().unwrap().of.insert(to.to_owned(), does);
    }

    pub(super) fn next(&self, to: &str, does: impl IntoIterator<Item = Does>) {
        self.0.lock().unwrap().next.entry(to.to_owned()).or_default().extend(does);
    }

    pub(super) fn takes(&self, time: Duration) {
        self.0.lock().unwrap().takes = time;
    }

    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.0.lock().unwrap().attempts.clone()
    }

    pub(super) fn attempts_to(&self, to: &str) -> Vec<Attempt> {
        self.attempts().into_iter().filter(|attempt| attempt.to == to).collect()
    }

    pub(super) fn arrived(&self) -> Vec<Attempt> {
        self.0.lock().unwrap().arrived.clone()
    }

    pub(super) fn arrivals(&self) -> usize {
        self.0.lock().unwrap().arrived.len()
    }

    /// How many different messages each device shows: a tag replaces itself.
    pub(super) fn shown(&self, to: &str) -> usize {
        let tags: std::collections::BTreeSet<_> =
            self.arrived().into_iter().filter(|one| one.to == to).map(|one| one.tag).collect();
        tags.len()
    }
}

#[async_trait]
impl PushGateway for FakePush {
    fn check(&self, target: &PushTarget) -> Result<(), PushError> {
        match target_address(target) {
            address if address.contains("127.0.0.1") => Err(PushError::Blocked("loopback".to_owned())),
            address if address.starts_with("http:") => Err(PushError::Invalid("must be https".to_owned())),
            _ => Ok(()),
        }
    }

    fn origin(&self, target: &PushTarget) -> PushOrigin {
        match target {
            PushTarget::WebPush(subscription) => {
                PushOrigin(subscription.endpoint.splitn(4, '/').take(3).collect::<Vec<_>>().join("/").into())
            }
            PushTarget::Fcm { .. } => PushOrigin("https://fcm.test".into()),
        }
    }

    async fn attempt(&self, target: &PushTarget, message: &PushMessage) -> Result<PushReceipt, PushError> {
        let attempt = Attempt {
            at: Instant::now(),
            to: target_address(target).to_owned(),
            tag: message.tag.clone(),
            title: message.title.clone(),
        };
        let (does, takes) = {
            let mut state = self.0.lock().unwrap();
            state.attempts.push(attempt.clone());
            let next = state.next.get_mut(&attempt.to).and_then(VecDeque::pop_front);
            let does = next.or_else(|| state.of.get(&attempt.to).cloned()).or_else(|| state.usually.clone());
            (does.unwrap_or(Does::Takes), state.takes)
        };
        tokio::time::sleep(takes).await;
        let arrives = || self.0.lock().unwrap().arrived.push(attempt.clone());
        match does {
            Does::Takes => {
                arrives();
                Ok(PushReceipt { status: 201 })
            }
            Does::Says(error) => Err(error),
            Does::TakesAndHangs => {
                arrives();
                std::future::pending().await
            }
            Does::Hangs => std::future::pending().await,
            Does::Panics => panic!("as the test wants it"),
        }
    }
}

/// What the mail server does with a mail.
#[derive(Clone, Debug)]
pub(super) enum Replies {
    Says(MailError),
    /// It has the mail; its answer does not come.
    TakesAndHangs,
}

#[derive(Default)]
struct MailState {
    away: Option<MailError>,
    next: BTreeMap<String, VecDeque<Replies>>,
    takes: Duration,
    connects: Vec<Instant>,
    quits: u32,
    asked: Vec<(Instant, String)>,
    taken: Vec<OutgoingMail>,
}

#[derive(Clone, Default)]
pub(super) struct FakeMail(Arc<Mutex<MailState>>);

impl FakeMail {
    pub(super) fn away(&self, away: bool) {
        self.0.lock().unwrap().away = away.then_some(MailError::Unreachable(None));
    }

    /// No connection can be made.
    pub(super) fn refuses(&self, why: MailError) {
        self.0.lock().unwrap().away = Some(why);
    }

    pub(super) fn next(&self, to: &str, replies: impl IntoIterator<Item = Replies>) {
        self.0.lock().unwrap().next.entry(to.to_owned()).or_default().extend(replies);
    }

    pub(super) fn takes(&self, time: Duration) {
        self.0.lock().unwrap().takes = time;
    }

    pub(super) fn connects(&self) -> Vec<Instant> {
        self.0.lock().unwrap().connects.clone()
    }

    pub(super) fn quits(&self) -> u32 {
        self.0.lock().unwrap().quits
    }

    pub(super) fn asked(&self, to: &str) -> Vec<Instant> {
        let state = self.0.lock().unwrap();
        state.asked.iter().filter(|(_, asked)| asked == to).map(|(at, _)| *at).collect()
    }

    pub(super) fn taken(&self) -> Vec<OutgoingMail> {
        self.0.lock().unwrap().taken.clone()
    }
}

#[async_trait]
impl MailTransport for FakeMail {
    async fn connect(&self) -> Result<Box<dyn MailSession>, MailError> {
        let mut state = self.0.lock().unwrap();
        state.connects.push(Instant::now());
        match &state.away {
            Some(why) => Err(why.clone()),
            None => Ok(Box::new(FakeSession { mail: self.clone(), over: false })),
        }
    }
}

struct FakeSession {
    mail: FakeMail,
    over: bool,
}

#[async_trait]
impl MailSession for FakeSession {
    async fn send(&mut self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        if self.over {
            return Err(MailError::Unreachable(None));
        }
        let (reply, takes) = {
            let mut state = self.mail.0.lock().unwrap();
            state.asked.push((Instant::now(), mail.to.clone()));
            (state.next.get_mut(&mail.to).and_then(VecDeque::pop_front), state.takes)
        };
        tokio::time::sleep(takes).await;
        let taken = || self.mail.0.lock().unwrap().taken.push(mail.clone());
        match reply {
            None => {
                taken();
                Ok(MailReceipt { answer: "250 ok".to_owned() })
            }
            Some(Replies::Says(error)) => {
                self.over = matches!(error, MailError::Transient { code: 421, .. });
                Err(error)
            }
            Some(Replies::TakesAndHangs) => {
                taken();
                std::future::pending().await
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }

    async fn quit(self: Box<Self>) {
        self.mail.0.lock().unwrap().quits += 1;
    }
}

/// Templates whose names say what they do.
pub(super) struct FakeTemplates;

impl MailTemplates for FakeTemplates {
    fn render(&self, template: &TemplateId, data: &TemplateData) -> Result<RenderedMail, RenderError> {
        let value = |name: &str| {
            let failed = || RenderError::Failed { template: template.0.clone(), reason: format!("no {name}") };
            data.get(name).cloned().ok_or_else(failed)
        };
        match template.0.as_str() {
            "alert" | "forecast_completed" | "ops_alert" | "resend" => {
                let text = format!("{}: {} ({})", value("userName")?, value("alertMessage")?, value("forecastLink")?);
                Ok(RenderedMail { html: format!("<p>{text}</p>"), text })
            }
            other => Err(RenderError::Unknown(other.to_owned())),
        }
    }

    fn unknown_policy(&self, template: &TemplateId) -> UnknownPolicy {
        match template.0.as_str() {
            "resend" => UnknownPolicy::Resend,
            _ => UnknownPolicy::Hold,
        }
    }
}
