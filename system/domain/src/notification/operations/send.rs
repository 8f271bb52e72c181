//! A message to a user.

use super::{NamedRequest, NotificationOperations};
use crate::model::UserId;
use crate::notification::error::NotificationError;
use crate::notification::model::{
    AttachmentId, Body, Channel, ChannelSet, DeviceFilter, Directory, MailItem, NotificationId, NotificationType,
    SendNotification, StoredAttachment, Title, check_attachments,
};
use crate::ports::{Acceptance, Attachment, ForUser, MailFor, NotificationStoreError, TemplateData, TemplateId};

/// Why a mail goes nowhere, as the delivery log tells it.
const NO_ADDRESS: &str = "the directory has no mail address of the user";
/// How a mail addresses somebody whose name is not known.
const NO_NAME: &str = "there";

/// A message to a user (specification 5.1: `SendAsync(userId, title, body, channels)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// To whom.
    pub user_id: UserId,
    /// What it says first.
    pub title: Title,
    /// What it says.
    pub body: Body,
    /// Why.
    pub kind: NotificationType,
    /// How.
    pub channels: ChannelSet,
    /// To which devices.
    pub devices: DeviceFilter,
    /// The files of the mail, if there is one.
    pub attachments: Vec<Attachment>,
}

impl From<SendNotification> for Message {
    fn from(request: SendNotification) -> Self {
        let SendNotification { user_id, title, body, kind, channels, attachments } = request;
        Self { user_id, title, body, kind, channels, devices: DeviceFilter::Both, attachments }
    }
}

/// What a message became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentMessage {
    /// The notification.
    pub id: NotificationId,
    /// The request was answered before; nothing was done now.
    pub replayed: bool,
}

/// What a mail is about.
pub(super) struct MailAbout<'a> {
    pub(super) title: &'a Title,
    pub(super) message: &'a str,
    pub(super) template: &'a TemplateId,
    pub(super) link: String,
}

impl NotificationOperations {
    /// Tells a user something. When it answers, the message is stored, and each channel will have it.
    ///
    /// # Errors
    /// [`NotificationError`]; after [`Unavailable`](NotificationError::Unavailable) it may have been stored, and a request
    /// that was named may be repeated.
    pub async fn send(
        &self,
        message: Message,
        request: Option<&NamedRequest>,
    ) -> Result<SentMessage, NotificationError> {
        check_attachments(&message.attachments).map_err(|why| NotificationError::field("attachments", why))?;
        let (store, asked_at) = (&*self.shared.ports.store, self.shared.ports.clock.now());
        if let Some(request) = request
            && let Some(id) = request.answered(store).await?
        {
            return Ok(SentMessage { id, replayed: true });
        }
        let mut mail = match message.channels.contains(Channel::Email) {
            true => {
                let directory = store.directory(&[message.user_id], None).await?;
                let link = format!("{}/notifications", self.config.inbox_base_url);
                let about = MailAbout {
                    title: &message.title,
                    message: message.body.as_str(),
                    template: &self.config.alert_template,
                    link,
                };
                mail_for(message.user_id, &directory, about)
            }
            false => MailFor::None,
        };
        let id = NotificationId(self.shared.ports.ids.uuid());
        let Message { user_id, title, body, kind, channels, devices, attachments } = message;
        // What has nowhere to go takes no room.
        let attachments = match &mut mail {
            MailFor::Item(item) => self.enclose(attachments, std::slice::from_mut(item)),
            MailFor::None | MailFor::Nowhere(_) => Vec::new(),
        };
        let acceptance = Acceptance {
            event_id: self.shared.ports.ids.event_id(),
            users: vec![ForUser { user_id, id, title, body, kind, channels, devices, mail }],
            attachments,
            idempotency: request.map(|request| request.record(id, self.shared.ports.clock.now())),
        };
        match (self.accept(acceptance, asked_at).await, request) {
            (Ok(_), _) => Ok(SentMessage { id, replayed: false }),
            // The same request came twice at once, and the other one was quicker.
            (Err(NotificationError::Busy), Some(request)) => match request.answered(store).await? {
                Some(id) => Ok(SentMessage { id, replayed: true }),
                None => Err(NotificationError::Unavailable(NotificationStoreError::IdempotencyKeyTaken)),
            },
            (Err(error), _) => Err(error),
        }
    }
}

impl NotificationOperations {
    /// Gives files their names, by which these mails name them.
    pub(super) fn enclose(&self, files: Vec<Attachment>, items: &mut [MailItem]) -> Vec<StoredAttachment> {
        let stored = |file| StoredAttachment { id: AttachmentId(self.shared.ports.ids.uuid()), file };
        let stored: Vec<StoredAttachment> = files.into_iter().map(stored).collect();
        for item in items {
            item.attachments = stored.iter().map(|file| file.id).collect();
        }
        stored
    }
}

/// The mail to a user, if the directory knows an address.
pub(super) fn mail_for(user: UserId, directory: &Directory, about: MailAbout<'_>) -> MailFor {
    let entry = directory.users.get(&user);
    let Some(to) = entry.and_then(|entry| entry.address.clone()) else {
        return MailFor::Nowhere(NO_ADDRESS.to_owned());
    };
    let name = entry.map(|entry| entry.name.clone());
    let data = [
        ("userName", name.as_ref().map_or(NO_NAME, |name| name.as_str())),
        ("alertMessage", about.message),
        ("forecastLink", &about.link),
    ];
    MailFor::Item(MailItem {
        to,
        data: data.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<TemplateData>(),
        to_name: name,
        user_id: Some(user),
        subject: about.title.clone(),
        template: about.template.clone(),
        attachments: Vec::new(),
    })
}
