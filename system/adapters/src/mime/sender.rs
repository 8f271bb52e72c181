//! Who our mails are from.

use lettre::message::Mailbox;

use super::address::{checked, mailbox};

/// The settings of the sender are not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sender of mails ({field}): {reason}")]
pub struct SenderError {
    /// Which setting.
    pub field: &'static str,
    /// Why.
    pub reason: String,
}

/// Who our mails are from: their `From`, and the domain of their `Message-ID`.
#[derive(Debug, Clone)]
pub struct Sender {
    pub(super) from: Mailbox,
    pub(super) id_domain: String,
}

impl Sender {
    /// Mails from `address`; without `id_domain` its domain is that of the message ids.
    ///
    /// # Errors
    /// One of them cannot stand in a mail.
    pub fn new(address: &str, name: Option<&str>, id_domain: Option<&str>) -> Result<Self, SenderError> {
        let failed = |field| move |reason| SenderError { field, reason };
        let address = checked(address).map_err(failed("address"))?;
        let id_domain = id_domain.unwrap_or(address.domain()).to_owned();
        checked(&format!("id@{id_domain}")).map_err(failed("domain of message ids"))?;
        let from = mailbox(address, name).map_err(failed("name"))?;
        Ok(Self { from, id_domain })
    }

    /// Its address.
    pub fn address(&self) -> &str {
        self.from.email.as_ref()
    }
}
