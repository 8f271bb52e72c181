//! The ports to the providers, as one instance holds them.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use domain::notification::model::target_address;
use domain::ports::{
    MailError, MailReceipt, MailSession, MailTemplates, MailTransport, OutgoingMail, PushError, PushGateway,
    PushMessage, PushOrigin, PushReceipt, PushTarget, RenderError, RenderedMail, TemplateData, TemplateId,
    UnknownPolicy,
};
use tokio::time::sleep;
use uuid::Uuid;

use super::notify_tuning::RETRY_AFTER_MAX;
use super::providers::{Providers, Trouble, carrier_of, number_in};
use crate::log::{Event, MAIL, Notified, Reply};
use crate::wire::Net;

/// The push services as one host reaches them.
pub(super) struct SimPush {
    pub(super) providers: Providers,
    pub(super) net: Net,
}

fn note(net: &Net, what: Notified) {
    net.log.record(&net.host, None, Event::Notify(what));
}

fn reply_of(result: &Result<PushReceipt, PushError>) -> Reply {
    match result {
        Ok(_) => Reply::Taken,
        Err(PushError::Unreachable(_) | PushError::Timeout) => Reply::Nothing,
        Err(error) if error.is_retryable() => Reply::Later,
        Err(_) => Reply::Never,
    }
}

impl SimPush {
    /// What the push service does with what has arrived.
    async fn does(
        &self,
        trouble: Option<Trouble>,
        address: &str,
        attempt: u64,
    ) -> (&'static str, Result<PushReceipt, PushError>) {
        let takes = || note(&self.net, Notified::PushTaken { attempt });
        let retry_after = |ms| Some(Duration::from_millis(ms));
        match trouble {
            Some(Trouble::Dead) => ("push_dead", Err(PushError::Unreachable(None))),
            Some(Trouble::Hangs) => {
                self.net.mark("push_hung");
                pending().await
            }
            Some(Trouble::TakesAndHangs) => {
                takes();
                self.net.mark("push_taken_and_hung");
                pending().await
            }
            Some(Trouble::TakesAndBreaks) => {
                takes();
                ("push_answer_lost", Err(PushError::Unreachable(None)))
            }
            _ if !self.providers.knows(address) => ("push_gone", Err(PushError::Gone { status: 410 })),
            Some(Trouble::Throttles { after_ms }) => {
                ("push_throttled", Err(PushError::Throttled { status: 429, retry_after: retry_after(after_ms) }))
            }
            Some(Trouble::Fails) => ("push_failed", Err(PushError::Failing { status: 503, retry_after: None })),
            Some(Trouble::Unauthorized) => {
                ("push_unauthorized", Err(PushError::Unauthorized { status: 401, reason: String::new() }))
            }
            Some(Trouble::Refuses) => ("push_refused", Err(PushError::SenderMismatch { status: 403 })),
            None => {
                takes();
                ("push_taken", Ok(PushReceipt { status: 201 }))
            }
        }
    }
}

#[async_trait]
impl PushGateway for SimPush {
    fn check(&self, _: &PushTarget) -> Result<(), PushError> {
        Ok(())
    }

    fn origin(&self, target: &PushTarget) -> PushOrigin {
        PushOrigin(carrier_of(target_address(target)).into())
    }

    async fn attempt(&self, target: &PushTarget, message: &PushMessage) -> Result<PushReceipt, PushError> {
        let (attempt, address) = (self.providers.next_attempt(), target_address(target).to_owned());
        let (tag, about) = (message.tag.clone(), number_in(&message.body));
        note(&self.net, Notified::PushAttempted { attempt, address: address.clone(), tag, about });
        let meets = self.providers.meets(&carrier_of(&address));
        sleep(meets.there).await;
        let (mark, result) = self.does(meets.trouble, &address, attempt).await;
        sleep(meets.back).await;
        self.net.mark(mark);
        let wait = result.as_ref().err().and_then(PushError::retry_after).map(|wait| wait.min(RETRY_AFTER_MAX));
        let wait_ms = wait.and_then(|wait| u64::try_from(wait.as_millis()).ok());
        note(&self.net, Notified::PushAnswered { attempt, reply: reply_of(&result), wait_ms });
        result
    }
}

/// The mail server as one host reaches it.
#[derive(Clone)]
pub(super) struct SimMail {
    pub(super) providers: Providers,
    pub(super) net: Net,
}

struct SimSession {
    mail: SimMail,
    over: bool,
}

#[async_trait]
impl MailTransport for SimMail {
    async fn connect(&self) -> Result<Box<dyn MailSession>, MailError> {
        let meets = self.providers.meets(MAIL);
        sleep(meets.there + meets.back).await;
        match meets.trouble {
            Some(Trouble::Hangs | Trouble::TakesAndHangs) => pending().await,
            Some(Trouble::Dead | Trouble::Unauthorized) => {
                self.net.mark("mail_unreachable");
                Err(MailError::Unreachable(None))
            }
            _ => Ok(Box::new(SimSession { mail: self.clone(), over: false })),
        }
    }
}

fn transient(code: u16) -> MailError {
    MailError::Transient { code, answer: "later".to_owned() }
}

#[async_trait]
impl MailSession for SimSession {
    async fn send(&mut self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        let SimMail { providers, net } = self.mail.clone();
        let attempt = providers.next_attempt();
        let id = mail.message_id.parse::<Uuid>().unwrap_or_default();
        let about = number_in(&mail.text);
        note(&net, Notified::MailHanded { attempt, mail: id, to: mail.to.clone(), about });
        let meets = providers.meets(MAIL);
        sleep(meets.there).await;
        let takes = || note(&net, Notified::MailTaken { attempt });
        let result = match meets.trouble {
            None => {
                takes();
                Ok(MailReceipt { answer: "250 taken".to_owned() })
            }
            Some(Trouble::Hangs) => pending().await,
            Some(Trouble::TakesAndHangs) => {
                takes();
                net.mark("mail_taken_and_hung");
                pending().await
            }
            Some(Trouble::TakesAndBreaks) => {
                takes();
                Err(MailError::Unknown)
            }
            Some(Trouble::Throttles { .. }) => Err(transient(451)),
            Some(Trouble::Fails) => Err(transient(421)),
            Some(Trouble::Dead | Trouble::Unauthorized) => Err(MailError::Unreachable(None)),
            Some(Trouble::Refuses) => {
                Err(MailError::Permanent { code: 554, answer: "no".to_owned(), recipient: false })
            }
        };
        sleep(meets.back).await;
        let (mark, reply) = match &result {
            Ok(_) => ("mail_taken", Reply::Taken),
            Err(MailError::Unknown) => ("mail_answer_lost", Reply::Nothing),
            Err(MailError::Permanent { .. }) => ("mail_refused", Reply::Never),
            Err(_) => ("mail_put_off", Reply::Later),
        };
        self.over = matches!(&result, Err(MailError::Unknown | MailError::Unreachable(_)))
            || matches!(&result, Err(MailError::Transient { code: 421, .. }));
        net.mark(mark);
        note(&net, Notified::MailAnswered { attempt, reply });
        result
    }

    fn is_over(&self) -> bool {
        self.over
    }

    async fn quit(self: Box<Self>) {}
}

/// Templates that say what they are told to say.
pub(super) struct SimTemplates {
    /// Mails of which nobody knows whether they were taken are sent again.
    pub(super) resend: bool,
}

impl MailTemplates for SimTemplates {
    fn render(&self, template: &TemplateId, data: &TemplateData) -> Result<RenderedMail, RenderError> {
        let Some(text) = data.get("alertMessage") else {
            return Err(RenderError::Failed { template: template.0.clone(), reason: "no message".to_owned() });
        };
        Ok(RenderedMail { text: text.clone(), html: text.clone() })
    }

    fn unknown_policy(&self, _: &TemplateId) -> UnknownPolicy {
        if self.resend { UnknownPolicy::Resend } else { UnknownPolicy::Hold }
    }
}
