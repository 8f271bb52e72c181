//! What travels: the specification's JSON.

use domain::event::{Event, ForecastCompleted, NotificationChanged};
use domain::model::UserId;
use domain::notification::model::{
    Body, Channel, ChannelSet, ClaimId, Delivery, DeliveryId, DeliveryStatus, Notification, NotificationId,
    NotificationType, Preference, Title,
};
use domain::ports::{Claim, MailIntents as _};
use serde_json::{Value, json};

use super::world::{World, company, message, ms, user};
use crate::support::{time, uuid};

/// Specification 2.2, one of the items.
#[test]
fn a_notification_is_the_specifications() {
    let notification = Notification {
        id: NotificationId(uuid(1)),
        user_id: UserId(uuid(2)),
        title: Title::new("Forecast Completed").unwrap(),
        body: Body::new("Your forecast for Unit A is ready").unwrap(),
        kind: NotificationType::ForecastCompleted,
        read_at: None,
        created_at: time("2025-11-12T10:30:00Z"),
    };
    let expected = format!(
        r#"{{"id":"{}","userId":"{}","title":"Forecast Completed","body":"Your forecast for Unit A is ready","type":"ForecastCompleted","readAt":null,"createdAt":"2025-11-12T10:30:00Z"}}"#,
        uuid(1),
        uuid(2)
    );
    assert_eq!(serde_json::to_string(&notification).unwrap(), expected);
}

/// Specification 5.1: what a request becomes that goes out by mail, as the batch worker gets it.
#[tokio::test(start_paused = true)]
async fn a_mail_item_is_the_specifications() {
    let world = World::new();
    world.user_with(1, 0).await;
    world.idle().operations.send(message(1), None).await.unwrap();
    let claim = Claim { id: ClaimId(uuid(1)), life: ms(1_000), limit: 10 };
    let intents = world.store.claim_mail_intents(claim).await.unwrap().items;
    let [intent] = &intents[..] else { panic!("{intents:?}") };
    let item = &intent.item;
    let shown = json!({
        "To": item.to.as_str(), "Subject": item.subject.as_str(), "TemplateId": item.template.0,
        "TemplateData": item.data,
    });
    let golden: Value = serde_json::from_str(include_str!("../../golden/5_1_mail_item.json")).unwrap();
    assert_eq!(shown, golden);
}

/// Specification 7.1: the three members alone are understood.
#[test]
fn a_completed_forecast_needs_three_members() {
    let body = json!({"ForecastId": uuid(1), "Status": "Completed", "CompletedAt": "2025-11-12T10:30:00Z"});
    let event = ForecastCompleted::read(body.to_string().as_bytes()).unwrap();
    assert_eq!((event.event_id, event.company_id, event.user_id), (None, None, None));
}

#[test]
fn what_is_ours_is_written_as_the_rest() {
    let changed = NotificationChanged { user_id: user(1) };
    let message = changed.outbox(&Default::default()).unwrap().message;
    assert_eq!(message.payload, json!({ "UserId": user(1) }).to_string());
    assert_eq!(NotificationChanged::read(&message.payload).unwrap(), changed);
    let preference = Preference {
        company_id: company(1),
        unit_id: None,
        channels: ChannelSet::of([Channel::Email, Channel::InApp]),
    };
    let expected = json!({"companyId": company(1), "unitId": null, "channels": ["InApp", "Email"]});
    assert_eq!(serde_json::to_value(preference).unwrap(), expected);
    let at = time("2025-11-12T10:30:00Z");
    let delivery = Delivery {
        id: DeliveryId(uuid(5)),
        channel: Channel::PushNotification,
        device_id: None,
        status: DeliveryStatus::Removed,
        attempts: 1,
        last_error: Some("410".to_owned()),
        created_at: at,
        updated_at: at,
    };
    let shown = serde_json::to_value(delivery).unwrap();
    assert_eq!((&shown["channel"], &shown["status"]), (&json!("PushNotification"), &json!("removed")));
    assert_eq!((&shown["lastError"], &shown["attempts"]), (&json!("410"), &json!(1)));
}

#[test]
fn ids_of_deliveries_are_what_they_deliver() {
    let (one, other) = (NotificationId(uuid(1)), NotificationId(uuid(2)));
    assert_eq!(DeliveryId::of_mail(one), DeliveryId::of_mail(one));
    assert_ne!(DeliveryId::of_mail(one), DeliveryId::of_mail(other));
    assert_ne!(DeliveryId::of_mail(one).0, one.0);
}
