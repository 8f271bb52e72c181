//! The deliveries that an acceptance, or an enqueueing, leads to: the rule is here, for all stores.

use super::{ForUser, MailEnqueue, MailFor};
use crate::notification::model::{
    Channel, DeliveryId, DeliveryStage, DeliveryStatus, DeviceId, IntegrationType, MailItem, NotificationId,
};

/// A delivery to write. Nobody has tried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewDelivery<'a> {
    /// Names it: the same acceptance leads to the same.
    pub id: DeliveryId,
    /// Of which notification; `None`: of a mail that belongs to none.
    pub notification: Option<NotificationId>,
    /// To which device.
    pub device: Option<DeviceId>,
    /// Over which channel.
    pub channel: Channel,
    /// Where it stands from the start.
    pub status: DeliveryStatus,
    /// Why nothing is sent.
    pub error: Option<&'a str>,
    /// The mail to render.
    pub mail: Option<&'a MailItem>,
}

impl<'a> NewDelivery<'a> {
    /// What it waits for.
    pub fn stage(&self) -> Option<DeliveryStage> {
        DeliveryStage::of(self.channel, self.status)
    }

    fn of_mail(id: DeliveryId, notification: Option<NotificationId>, item: &'a MailItem) -> Self {
        let (channel, status) = (Channel::Email, DeliveryStatus::Pending);
        Self { id, notification, device: None, channel, status, error: None, mail: Some(item) }
    }
}

impl ForUser {
    /// Whether devices of the user are told.
    pub fn wants_push(&self) -> bool {
        self.channels.contains(Channel::PushNotification)
    }

    /// The deliveries beside the inbox: with `PushNotification` one to each of the user's `devices` that the filter lets
    /// through, in their order; then with `Email` that of the mail, or of its absence where it has nowhere to go.
    pub fn deliveries(&self, devices: &[(DeviceId, IntegrationType)]) -> Vec<NewDelivery<'_>> {
        let to = devices.iter().filter(|(_, kind)| self.wants_push() && self.devices.lets(*kind));
        let push = |(device, _): &(DeviceId, IntegrationType)| NewDelivery {
            id: DeliveryId::of_push(self.id, *device),
            notification: Some(self.id),
            device: Some(*device),
            channel: Channel::PushNotification,
            status: DeliveryStatus::Pending,
            error: None,
            mail: None,
        };
        to.map(push).chain(self.mail_delivery()).collect()
    }

    fn mail_delivery(&self) -> Option<NewDelivery<'_>> {
        if !self.channels.contains(Channel::Email) {
            return None;
        }
        let id = DeliveryId::of_mail(self.id);
        match &self.mail {
            MailFor::None => None,
            MailFor::Item(item) => Some(NewDelivery::of_mail(id, Some(self.id), item)),
            MailFor::Nowhere(why) => Some(NewDelivery {
                id,
                notification: Some(self.id),
                device: None,
                channel: Channel::Email,
                status: DeliveryStatus::Skipped,
                error: Some(why),
                mail: None,
            }),
        }
    }
}

impl MailEnqueue {
    /// One delivery for each mail, in their order.
    pub fn deliveries(&self) -> Vec<NewDelivery<'_>> {
        let numbered = (0..).zip(&self.items);
        numbered.map(|(n, item)| NewDelivery::of_mail(DeliveryId::of_enqueued(self.key, n), None, item)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;
    use crate::model::{EventId, UserId};
    use crate::notification::model::{Body, ChannelSet, DeviceFilter, MailAddress, NotificationType, Title};
    use crate::ports::TemplateId;

    const DEVICES: [(DeviceId, IntegrationType); 2] = [
        (DeviceId(Uuid::from_u128(1)), IntegrationType::WebPush),
        (DeviceId(Uuid::from_u128(2)), IntegrationType::Fcm),
    ];

    fn item() -> MailItem {
        MailItem {
            to: MailAddress::new("a@example.com").unwrap(),
            to_name: None,
            user_id: None,
            subject: Title::new("s").unwrap(),
            template: TemplateId("alert".to_owned()),
            data: BTreeMap::new(),
            attachments: Vec::new(),
        }
    }

    fn user(channels: ChannelSet, devices: DeviceFilter, mail: MailFor) -> ForUser {
        ForUser {
            user_id: UserId(Uuid::from_u128(7)),
            id: NotificationId(Uuid::from_u128(8)),
            title: Title::new("t").unwrap(),
            body: Body::new("b").unwrap(),
            kind: NotificationType::Alert,
            channels,
            devices,
            mail,
        }
    }

    #[test]
    fn what_a_user_gets() {
        use DeliveryStage::{Push, Render};
        let (push, email) = (Channel::PushNotification, Channel::Email);
        let nowhere = || MailFor::Nowhere("no address".to_owned());
        let fcm = DeviceFilter::Only(IntegrationType::Fcm);
        for (channels, filter, mail, expected) in [
            (ChannelSet::ALL, DeviceFilter::Both, MailFor::Item(item()), &[Some(Push), Some(Push), Some(Render)][..]),
            (ChannelSet::ALL, fcm, nowhere(), &[Some(Push), None]),
            (ChannelSet::of([push]), DeviceFilter::Both, MailFor::Item(item()), &[Some(Push), Some(Push)]),
            (ChannelSet::of([email]), DeviceFilter::Both, MailFor::Item(item()), &[Some(Render)]),
            (ChannelSet::of([email]), DeviceFilter::Both, MailFor::None, &[]),
            (ChannelSet::of([Channel::InApp]), DeviceFilter::Both, MailFor::Item(item()), &[]),
        ] {
            let user = user(channels, filter, mail);
            let stages: Vec<_> = user.deliveries(&DEVICES).iter().map(NewDelivery::stage).collect();
            assert_eq!(stages, expected, "{channels:?} {filter:?}");
        }
        let skipped = user(ChannelSet::ALL, fcm, nowhere());
        let [push, mail] = skipped.deliveries(&DEVICES)[..] else { panic!("a push and a mail") };
        assert_eq!((push.device, push.id), (Some(DEVICES[1].0), DeliveryId::of_push(skipped.id, DEVICES[1].0)));
        assert_eq!((mail.status, mail.error, mail.mail), (DeliveryStatus::Skipped, Some("no address"), None));
    }

    #[test]
    fn mails_of_no_notification_are_named_by_their_places() {
        let key = EventId(Uuid::from_u128(5));
        let enqueue = MailEnqueue { key, items: vec![item(), item()], attachments: Vec::new() };
        let ids: Vec<_> = enqueue.deliveries().iter().map(|new| (new.id, new.notification)).collect();
        assert_eq!(ids, [(DeliveryId::of_enqueued(key, 0), None), (DeliveryId::of_enqueued(key, 1), None)]);
    }
}
