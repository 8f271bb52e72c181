//! A mail with files.

use super::NotificationOperations;
use crate::model::EventId;
use crate::notification::error::NotificationError;
use crate::notification::model::{DeliveryId, MailAddress, MailItem, Name, Title, check_attachments};
use crate::ports::{Attachment, MailEnqueue, TemplateData, TemplateId};

/// A mail to enqueue (specification 5.1), to one or several recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRequest {
    /// To whom: each gets a mail of their own. At most [`MailRequest::RECIPIENTS_MAX`].
    pub to: Vec<(MailAddress, Option<Name>)>,
    /// Its subject.
    pub subject: Title,
    /// Its template.
    pub template: TemplateId,
    /// What the template names.
    pub data: TemplateData,
    /// Its files: stored once, however many recipients there are.
    pub attachments: Vec<Attachment>,
}

impl MailRequest {
    /// The most recipients of one mail.
    pub const RECIPIENTS_MAX: usize = 100;
}

impl NotificationOperations {
    /// Enqueues a mail. `key` names it: the same mail, enqueued again, is not sent again. Answers the deliveries.
    ///
    /// # Errors
    /// [`Invalid`](NotificationError::Invalid), if its files or recipients are too many or too large; the store's.
    #[doc(alias = "EnqueueMailWithAttachmentsAsync")]
    pub async fn enqueue_mail_with_attachments(
        &self,
        key: EventId,
        mail: MailRequest,
    ) -> Result<Vec<DeliveryId>, NotificationError> {
        check_attachments(&mail.attachments).map_err(|why| NotificationError::field("attachments", why))?;
        if !(1..=MailRequest::RECIPIENTS_MAX).contains(&mail.to.len()) {
            let message = format!("must have 1 to {} entries", MailRequest::RECIPIENTS_MAX);
            return Err(NotificationError::field("to", message));
        }
        let item = |(to, to_name)| MailItem {
            to,
            to_name,
            user_id: None,
            subject: mail.subject.clone(),
            template: mail.template.clone(),
            data: mail.data.clone(),
            attachments: Vec::new(),
        };
        let mut items: Vec<MailItem> = mail.to.into_iter().map(item).collect();
        let attachments = self.enclose(mail.attachments, &mut items);
        let deliveries = (0..).zip(&items).map(|(number, _)| DeliveryId::of_enqueued(key, number)).collect();
        self.shared.ports.store.enqueue_mails(MailEnqueue { key, items, attachments }).await?;
        self.shared.mail_wake.wake();
        Ok(deliveries)
    }
}
