//! The way to the mail server with counts.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{MailError, MailReceipt, MailSession, MailTransport, OutgoingMail};

use super::call::{Meter, metered};

const PORT: &str = "mail";

/// A transport that tells a meter of every connection and of every mail. Good-byes are not told: they have no result.
pub struct MeterMail {
    inner: Arc<dyn MailTransport>,
    meter: Arc<dyn Meter>,
}

impl MeterMail {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn MailTransport>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl MailTransport for MeterMail {
    async fn connect(&self) -> Result<Box<dyn MailSession>, MailError> {
        let inner = metered(&*self.meter, PORT, "connect", self.inner.connect()).await?;
        Ok(Box::new(MeterSession { inner, meter: Arc::clone(&self.meter) }))
    }
}

struct MeterSession {
    inner: Box<dyn MailSession>,
    meter: Arc<dyn Meter>,
}

#[async_trait]
impl MailSession for MeterSession {
    async fn send(&mut self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        metered(&*self.meter, PORT, "send", self.inner.send(mail)).await
    }

    fn is_over(&self) -> bool {
        self.inner.is_over()
    }

    async fn quit(self: Box<Self>) {
        self.inner.quit().await;
    }
}
