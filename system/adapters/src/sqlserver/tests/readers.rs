//! The readers, on rows of the columns that the statements answer: each value by its name, so that a reader that takes
//! another order takes another value.

use coherence::{Incarnation, Timestamp, Version, VersionId};
use domain::model::{CompanyId, ForecastId, Placement, ProviderId, Status, UnitId};
use domain::notification::model::{Channel, DeliveryStatus, NotificationId};
use domain::ports::{Change, FeedError, LeaseName, Lookup, Operation, PushTarget, Topic, UnknownPolicy};
use tiberius::{ColumnData, ColumnType, Row};
use uuid::Uuid;

use crate::sqlserver::feed::{captured, tracked};
use crate::sqlserver::statement::{Value, bytes, float, int, text, text_or_null, time, uuid, uuid_or_null};
use crate::sqlserver::statements::{ALL, Listed};
use crate::sqlserver::{leases, notifications, outbox, parking, store};

fn listed(path: &str) -> &'static Listed {
    ALL.iter().find(|statement| statement.path == path).unwrap()
}

/// A row of an answer of a statement, whose values are made from the columns' names and places.
fn row(path: &str, answer: usize, value: impl Fn(&str, usize) -> Value) -> Row {
    let columns = listed(path).answers[answer];
    let build = |built: tiberius::RowBuilder, (place, name): (usize, &&str)| {
        built.column(*name, ColumnType::Null, value(name, place))
    };
    columns.iter().enumerate().fold(Row::builder(), build).build()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A value for each column of a forecast; others say so.
fn forecast_value(name: &str) -> Option<Value> {
    let id = |n: u128| uuid(Uuid::from_u128(n));
    Some(match name {
        "Id" => id(1),
        "CompanyId" => id(2),
        "ProductionUnitId" => id(3),
        "ProviderId" => id(4),
        "ForecastDate" => time(at(100)).unwrap(),
        "Demand" => float(0.1 + 0.2),
        "Supply" => float(2.5),
        "ConfidenceLevel" => float(0.5),
        "Status" => text("Completed"),
        "Tags" => text("[\"a\",\"ä\"]"),
        "CreatedAt" => time(at(200)).unwrap(),
        "UpdatedAt" => time(at(300)).unwrap(),
        "VersionId" => int(7),
        "Incarnation" => int(9),
        _ => return None,
    })
}

fn placement(n: u128) -> Placement {
    Placement {
        company_id: CompanyId(Uuid::from_u128(n)),
        production_unit_id: UnitId(Uuid::from_u128(n + 1)),
        provider_id: Some(ProviderId(Uuid::from_u128(n + 2))),
    }
}

#[test]
fn a_forecast_is_read_from_its_columns() {
    let found = store::lookup(&row("store/get", 0, |name, _| forecast_value(name).unwrap_or(int(5)))).unwrap();
    let Lookup::Found { forecast, incarnation } = found else { panic!("{found:?}") };
    assert_eq!((forecast.id, forecast.placement()), (ForecastId(Uuid::from_u128(1)), placement(2)));
    assert_eq!((forecast.forecast_date, forecast.created_at, forecast.updated_at), (at(100), at(200), at(300)));
    assert_eq!((forecast.demand, forecast.supply, forecast.confidence_level), (0.1 + 0.2, Some(2.5), 0.5));
    assert_eq!((forecast.status, forecast.tags.join("+")), (Status::Completed, "a+ä".to_owned()));
    assert_eq!((forecast.version_id, incarnation), (VersionId(7), Incarnation(9)));
    let absent = row("store/get", 0, |name, _| match name {
        "Incarnation" => int(9),
        "TombstoneVersion" => int(5),
        _ => ColumnData::Guid(None),
    });
    let version = Version { incarnation: Incarnation(9), id: VersionId(5) };
    assert_eq!(store::lookup(&absent).unwrap(), Lookup::Absent { version });
    // A value of another type is said, and not taken for another one.
    let odd = row(
        "store/get",
        0,
        |name, _| if name == "Demand" { text("1") } else { forecast_value(name).unwrap_or(int(5)) },
    );
    assert!(store::lookup(&odd).is_err());
}

/// A row of Change Tracking.
fn change_row(operation: &'static str, is_there: bool, is_placed: i64) -> Row {
    row("feed/change_tracking", 1, move |name, place| match name {
        "ChangeVersion" => int(33),
        "ChangeKey" => bytes(44_u64.to_be_bytes()),
        "Operation" => text(operation),
        "ChangedId" => uuid(Uuid::from_u128(1)),
        "WrittenAt" => time(at(400)).unwrap(),
        "Traceparent" => text("00-row-01"),
        "TombstoneVersion" if is_there => ColumnData::I64(None),
        "TombstoneVersion" => int(8),
        "DeletedAt" => time(at(500)).unwrap(),
        "TombstoneTraceparent" => text("00-tombstone-01"),
        "Placed" => int(is_placed),
        "TombstoneCompanyId" => uuid(Uuid::from_u128(12)),
        "TombstoneProductionUnitId" => uuid(Uuid::from_u128(13)),
        "TombstoneProviderId" => uuid(Uuid::from_u128(14)),
        _ if !is_there && place >= 4 => ColumnData::Guid(None),
        name => forecast_value(name).unwrap_or_else(|| panic!("{name}")),
    })
}

fn tracked_change(operation: &'static str, is_there: bool, is_placed: i64) -> Result<Change, FeedError> {
    let found = tracked(&change_row(operation, is_there, is_placed))?;
    let id = VersionId(found.version);
    Ok(found.change(Version { incarnation: Incarnation(9), id }))
}

#[test]
fn change_tracking_is_read_from_its_columns() {
    let update = tracked_change("U", true, 1).unwrap();
    assert_eq!(
        (update.operation, update.id, update.version.id),
        (Operation::Update, ForecastId(Uuid::from_u128(1)), VersionId(7))
    );
    assert_eq!(update.position.0, (33 << 64) | 44);
    assert_eq!((update.before, update.committed_at), (Some(placement(2)), Some(at(400))));
    assert_eq!(update.traceparent.as_deref(), Some("00-row-01"));
    // It may have been filed elsewhere since the last look: where, the feed does not know.
    assert_eq!(tracked_change("U", true, 0).unwrap().before, None);
    let insert = tracked_change("I", true, 1).unwrap();
    assert_eq!((insert.operation, insert.before), (Operation::Insert, None));
    let delete = tracked_change("D", false, 1).unwrap();
    assert_eq!((delete.operation, delete.version.id, delete.after.clone()), (Operation::Delete, VersionId(8), None));
    assert_eq!((delete.before, delete.committed_at), (Some(placement(12)), Some(at(500))));
    assert_eq!(delete.traceparent.as_deref(), Some("00-tombstone-01"));
    assert_eq!(tracked_change("D", false, 0).unwrap().before, None, "a row that was moved once");
    // An unreadable one says where it stands, so that it can be passed over.
    let odd = tracked_change("X", true, 1).unwrap_err();
    assert!(matches!(odd, FeedError::Corrupt { position, .. } if position == update.position), "{odd:?}");
}

fn captured_change(first: i64, last: i64) -> Change {
    let found = row("feed/cdc_changes", 0, move |name, _| match name {
        "Lsn" => bytes([0, 0, 0, 1, 0, 0, 0, 2, 0, 3]),
        "Ordinal" => int(6),
        "Operation" => int(last),
        "FirstOperation" => int(first),
        // A large column is empty in the image of a delete.
        "Tags" if last == 1 => text_or_null(None),
        "WrittenAt" => time(at(400)).unwrap(),
        "Traceparent" => text("00-log-01"),
        "BeforeCompanyId" => uuid(Uuid::from_u128(12)),
        "BeforeProductionUnitId" => uuid(Uuid::from_u128(13)),
        "BeforeProviderId" => uuid(Uuid::from_u128(14)),
        name => forecast_value(name).unwrap_or_else(|| panic!("{name}")),
    });
    captured(&found, Incarnation(9)).unwrap().1
}

#[test]
fn cdc_is_read_from_its_columns() {
    for (first, last, operation) in [
        (2, 2, Operation::Insert),
        (3, 4, Operation::Update),
        (1, 1, Operation::Delete),
        // A bare insert that a trigger raised; a key that was changed; a row that came and went in one transaction.
        (2, 4, Operation::Insert),
        (1, 2, Operation::Update),
        (2, 1, Operation::Delete),
    ] {
        let change = captured_change(first, last);
        assert_eq!(change.operation, operation, "{first} to {last}");
        let is_delete = operation == Operation::Delete;
        assert_eq!(change.version.id, VersionId(if is_delete { 8 } else { 7 }));
        assert_eq!(change.after.is_some(), !is_delete);
        assert_eq!(change.before, (operation != Operation::Insert).then(|| placement(12)));
        assert_eq!((change.committed_at, change.traceparent.as_deref()), (Some(at(400)), Some("00-log-01")));
        assert_eq!(change.id, ForecastId(Uuid::from_u128(1)));
    }
}

#[test]
fn work_is_read_from_its_columns() {
    let lease = leases::lease(
        LeaseName::Sync,
        &row("leases/take", 0, |name, _| match name {
            "Token" => int(3),
            "FeedCursor" => bytes((1_u128 << 100).to_be_bytes()),
            _ => int(9),
        }),
    );
    let lease = lease.unwrap();
    assert_eq!((lease.token.0, lease.cursor.0, lease.incarnation), (3, 1 << 100, Incarnation(9)));
    let message = |name: &str| match name {
        "Topic" => text("forecast:updated"),
        "MessageKey" => text("key"),
        "Properties" => text("{\"a\":\"b\"}"),
        name => panic!("{name}"),
    };
    let pending = outbox::pending(&row("outbox/pending", 0, |name, _| match name {
        "Id" => int(5),
        "Payload" => text("{}"),
        "BornAt" => time(at(1)).unwrap(),
        name => message(name),
    }));
    let pending = pending.unwrap();
    assert_eq!((pending.id.0, pending.topic, pending.born_at), (5, Topic::ForecastUpdated, at(1)));
    assert_eq!(
        (&*pending.message.key, &*pending.message.payload, &*pending.message.properties["a"]),
        ("key", &b"{}"[..], "b")
    );
    let parked = parking::event(&row("parking/get", 0, |name, _| match name {
        "Id" => uuid(Uuid::from_u128(1)),
        "Payload" => bytes(*b"\xff{"),
        "Entity" => uuid(Uuid::from_u128(2)),
        "Reason" => text("why"),
        "Attempts" => int(u32::MAX.into()),
        "ParkedAt" => time(at(2)).unwrap(),
        name => message(name),
    }));
    let parked = parked.unwrap();
    assert_eq!((&*parked.message.payload, parked.entity), (&b"\xff{"[..], Some(ForecastId(Uuid::from_u128(2)))));
    assert_eq!((&*parked.reason, parked.attempts, parked.parked_at), ("why", u32::MAX, at(2)));
}

/// Texts say the name of their column, ids its place: each is another one.
fn named(name: &str, place: usize) -> Value {
    match name {
        "Attempts" => int(4),
        "Type" => text("Alert"),
        "IntegrationType" => int(1),
        "SubscriptionJson" | "ToName" => text_or_null(None),
        "MustResubscribe" => ColumnData::Bit(Some(true)),
        "ToAddress" => text("Anna@Example.com"),
        "TemplateData" => text("{\"userName\":\"Anna\"}"),
        "Attachments" => text("[]"),
        "OnUnknown" => text("resend"),
        "Status" => text("failed"),
        "Channel" => int(4),
        "Channels" => int(7),
        "UserId" if place == 4 => uuid_or_null(None),
        name if name.ends_with("At") || name == "WaitsSince" => time(at(i64::try_from(place).unwrap())).unwrap(),
        name if name.ends_with("Id") && name != "VapidKeyId" && name != "TemplateId" => {
            uuid(Uuid::from_u128(u128::try_from(place).unwrap() + 100))
        }
        name => text(name),
    }
}

#[test]
fn notifications_are_read_from_their_columns() {
    let id = |place: u128| Uuid::from_u128(place + 100);
    let push = notifications::push_intent(&row("notifications/claim_pushes", 0, named)).unwrap();
    assert_eq!((push.id.0, push.attempts, push.notification_id.0, push.event_id.0), (id(0), 4, id(2), id(3)));
    assert_eq!((push.title.as_str(), push.body.as_str(), push.waits_since), ("Title", "Body", at(7)));
    assert_eq!((push.device.id.0, push.device.user_id.0), (id(8), id(9)));
    assert_eq!(push.device.target, PushTarget::Fcm { token: "Token".to_owned() });
    assert_eq!(push.device.os_version.as_deref(), Some("OSVersion"));
    assert_eq!(push.device.vapid_key_id.as_deref(), Some("VapidKeyId"));
    assert_eq!(
        (push.device.created_at, push.device.last_seen_at, push.device.must_resubscribe),
        (at(15), at(16), true)
    );
    let mail = notifications::mail_intent(&row("notifications/claim_mail_intents", 0, named)).unwrap();
    assert_eq!((mail.id.0, mail.waits_since, mail.item.to.as_str()), (id(0), at(1), "Anna@Example.com"));
    assert_eq!((mail.item.subject.as_str(), &*mail.item.template.0), ("Subject", "TemplateId"));
    assert_eq!((&*mail.item.data["userName"], mail.item.user_id), ("Anna", None));
    let mail = notifications::mail_to_send(&row("notifications/claim_mails", 1, named)).unwrap();
    assert_eq!((mail.id.0, mail.attempts, mail.waits_since), (id(0), 4, at(2)));
    assert_eq!((&*mail.subject, &*mail.text, &*mail.html), ("Subject", "BodyText", "BodyHtml"));
    assert_eq!((mail.on_unknown, &*mail.unsubscribe_token), (UnknownPolicy::Resend, "Token"));
    let wanted = NotificationId(Uuid::from_u128(1));
    let log = notifications::log(wanted, &[row("notifications/log", 0, named)]).unwrap().unwrap();
    assert_eq!((log.user_id.0, log.deliveries.len()), (id(0), 2));
    assert_eq!((log.deliveries[0].channel, log.deliveries[0].created_at), (Channel::InApp, at(2)));
    let delivery = &log.deliveries[1];
    assert_eq!((delivery.id.0, delivery.channel, delivery.status), (id(3), Channel::Email, DeliveryStatus::Failed));
    assert_eq!((delivery.device_id.map(|device| device.0), delivery.attempts), (Some(id(5)), 4));
    assert_eq!(
        (delivery.last_error.as_deref(), delivery.created_at, delivery.updated_at),
        (Some("LastError"), at(9), at(10))
    );
}
