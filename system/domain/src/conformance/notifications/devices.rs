//! Devices.

use uuid::Uuid;

use super::NotificationHarness;
use super::samples::*;
use crate::conformance::samples::day;
use crate::notification::model::{DEVICES_PER_USER_MAX, Device, DeviceId};
use crate::ports::{NotificationStoreError, PushTarget, WebPushSubscription};

/// By its endpoint or token, whatever the request calls it.
pub async fn a_device_is_registered_once(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let (first, second) = (browser(1, user(1)), app(2, user(1)));
    let registered = store.register(first.clone()).await.unwrap();
    assert_eq!((registered.id, registered.is_new), (first.id, true));
    store.register(second.clone()).await.unwrap();
    let PushTarget::WebPush(subscription) = first.target.clone() else { unreachable!("a browser") };
    let again = Device {
        id: DeviceId(Uuid::from_u128(77)),
        target: PushTarget::WebPush(WebPushSubscription { auth: [9; 16], ..subscription }),
        os_version: None,
        vapid_key_id: Some("another".to_owned()),
        created_at: day(50),
        last_seen_at: day(50),
        ..first.clone()
    };
    let registered = store.register(again.clone()).await.unwrap();
    assert_eq!((registered.id, registered.is_new), (first.id, false));
    let kept = Device { id: first.id, created_at: first.created_at, ..again };
    assert_eq!(store.devices(user(1)).await.unwrap(), [kept, second]);
    assert_eq!(store.devices(user(2)).await.unwrap(), []);
}

/// Then it is the other user's only, under an id of its own.
pub async fn a_device_moves_only_to_who_knows_its_keys(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let device = browser(1, user(1));
    store.register(device.clone()).await.unwrap();
    let PushTarget::WebPush(subscription) = device.target.clone() else { unreachable!("a browser") };
    let taken = Device {
        id: DeviceId(Uuid::from_u128(77)),
        user_id: user(2),
        target: PushTarget::WebPush(WebPushSubscription { auth: [9; 16], ..subscription }),
        ..device.clone()
    };
    let refused = store.register(taken.clone()).await;
    assert!(matches!(refused, Err(NotificationStoreError::DeviceTaken)), "{refused:?}");
    assert_eq!(store.devices(user(1)).await.unwrap(), std::slice::from_ref(&device));
    accepted(&*store, 1).await;
    let moved = Device { target: device.target, ..taken };
    let registered = store.register(moved.clone()).await.unwrap();
    assert_eq!((registered.id, registered.is_new), (moved.id, true));
    assert_eq!(store.devices(user(1)).await.unwrap(), []);
    assert_eq!(store.devices(user(2)).await.unwrap(), [moved]);
    assert_eq!(pushes(&*store, claim(1, LONG, 10)).await, [], "what was meant for the first user does not follow");
    // A token is all that there is to know.
    store.register(app(5, user(1))).await.unwrap();
    let same = Device { id: DeviceId(Uuid::from_u128(78)), ..app(5, user(2)) };
    assert!(store.register(same).await.unwrap().is_new);
}

/// A foreign one cannot be removed.
pub async fn devices_are_bounded_and_ones_own(harness: &dyn NotificationHarness) {
    let store = harness.store();
    for n in 0..DEVICES_PER_USER_MAX as u128 {
        store.register(app(n, user(1))).await.unwrap();
    }
    let refused = store.register(app(100, user(1))).await;
    assert!(matches!(refused, Err(NotificationStoreError::TooManyDevices)), "{refused:?}");
    store.register(app(3, user(1))).await.expect("it is there already");
    assert!(!store.remove(user(2), app(3, user(1)).id).await.unwrap());
    assert!(store.remove(user(1), app(3, user(1)).id).await.unwrap());
    assert!(!store.remove(user(1), app(3, user(1)).id).await.unwrap());
    store.register(app(100, user(1))).await.unwrap();
    assert_eq!(store.devices(user(1)).await.unwrap().len(), DEVICES_PER_USER_MAX);
}
