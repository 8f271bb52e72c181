//! What the tables hold, as values of the model.

use domain::model::UserId;
use domain::notification::model::{
    AttachmentId, Body, Channel, ChannelSet, DeliveryId, DeliveryStatus, Device, DeviceId, IntegrationType,
    MailAddress, MailItem, Name, Notification, NotificationId, NotificationType, Title,
};
use domain::ports::{PushTarget, TemplateId, WebPushSubscription};
use uuid::Uuid;

use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, value};

/// How a channel stands in `Channel`: as its bit.
pub(super) fn channel_bit(channel: Channel) -> u8 {
    ChannelSet::of([channel]).bits()
}

impl Columns<'_> {
    pub(super) fn channel(&mut self) -> Result<Channel, SqlError> {
        match self.int()? {
            1 => Ok(Channel::InApp),
            2 => Ok(Channel::PushNotification),
            4 => Ok(Channel::Email),
            other => value(Err(format!("the channel {other}"))),
        }
    }

    pub(super) fn channels(&mut self) -> Result<ChannelSet, SqlError> {
        Ok(ChannelSet::from_bits(u8::try_from(self.int()?).unwrap_or_default()))
    }

    pub(super) fn kind(&mut self) -> Result<NotificationType, SqlError> {
        let name = self.text()?;
        let found = NotificationType::ALL.into_iter().find(|kind| kind.name() == name);
        value(found.ok_or_else(|| format!("the type {name}")))
    }

    pub(super) fn status(&mut self) -> Result<DeliveryStatus, SqlError> {
        let name = self.text()?;
        let found = DeliveryStatus::ALL.into_iter().find(|status| status.name() == name);
        value(found.ok_or_else(|| format!("the status {name}")))
    }

    pub(super) fn attempts(&mut self) -> Result<u32, SqlError> {
        Ok(u32::try_from(self.int()?).unwrap_or_default())
    }

    pub(super) fn title(&mut self) -> Result<Title, SqlError> {
        value(Title::new(self.string()?))
    }

    pub(super) fn body(&mut self) -> Result<Body, SqlError> {
        value(Body::new(self.string()?))
    }

    pub(super) fn address(&mut self) -> Result<MailAddress, SqlError> {
        value(MailAddress::new(self.string()?))
    }

    pub(super) fn delivery_id(&mut self) -> Result<DeliveryId, SqlError> {
        self.id().map(DeliveryId)
    }

    /// Seven columns; `None` if they are empty.
    pub(super) fn notification(&mut self) -> Result<Option<Notification>, SqlError> {
        let Some(id) = self.optional_id()? else {
            self.skip(6);
            return Ok(None);
        };
        Ok(Some(Notification {
            id: NotificationId(id),
            user_id: UserId(self.id()?),
            title: self.title()?,
            body: self.body()?,
            kind: self.kind()?,
            read_at: self.optional_time()?,
            created_at: self.time()?,
        }))
    }

    /// Ten columns.
    pub(super) fn device(&mut self) -> Result<Device, SqlError> {
        let (id, user) = (self.id()?, self.id()?);
        let kind = self.int()?;
        let (token, subscription) = (self.optional_text()?, self.optional_text()?);
        let target = match kind == IntegrationType::WebPush as i64 {
            true => {
                let json = value(subscription.ok_or_else(|| "a browser without a subscription".to_owned()))?;
                let read = WebPushSubscription::from_json(json).map_err(|error| error.to_string());
                PushTarget::WebPush(value(read)?)
            }
            false => {
                let token = value(token.ok_or_else(|| "an app without a token".to_owned()))?;
                PushTarget::Fcm { token: token.to_owned() }
            }
        };
        Ok(Device {
            id: DeviceId(id),
            user_id: UserId(user),
            target,
            os_version: self.optional_text()?.map(str::to_owned),
            vapid_key_id: self.optional_text()?.map(str::to_owned),
            created_at: self.time()?,
            last_seen_at: self.time()?,
            must_resubscribe: self.flag()?,
        })
    }

    /// The columns of a mail to render, from its address to its files.
    pub(super) fn mail_item(&mut self) -> Result<MailItem, SqlError> {
        Ok(MailItem {
            to: self.address()?,
            to_name: self.optional_text()?.map(|name| value(Name::new(name.to_owned()))).transpose()?,
            user_id: self.optional_id()?.map(UserId),
            subject: self.title()?,
            template: TemplateId(self.string()?),
            data: value(serde_json::from_str(self.text()?).map_err(|error| error.to_string()))?,
            attachments: self.files()?,
        })
    }

    /// The files of a mail, in their order.
    pub(super) fn files(&mut self) -> Result<Vec<AttachmentId>, SqlError> {
        let ids: Vec<Uuid> = value(serde_json::from_str(self.text()?).map_err(|error| error.to_string()))?;
        Ok(ids.into_iter().map(AttachmentId).collect())
    }
}
