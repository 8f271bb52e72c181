//! Who is told: users with addresses, devices and preferences.

use domain::model::{CompanyId, UnitId, UserId};
use domain::notification::model::{
    Channel, ChannelSet, Device, DeviceId, MailAddress, Name, Preference, UnitEntry, UserEntry,
};
use domain::ports::{Devices, PushTarget, Recipients, WebPushSubscription};
use jiff::Timestamp;
use uuid::Uuid;

use crate::world::{NotifyHost, app, browser, text_of};

/// The users.
pub(super) const USERS: [UserId; 3] =
    [UserId(Uuid::from_u128(0x51)), UserId(Uuid::from_u128(0x52)), UserId(Uuid::from_u128(0x53))];
/// The company that all users have a preference for.
pub(super) const PREFERRED: CompanyId = CompanyId(Uuid::from_u128(0xc3));
/// A company that nobody has a preference for: whoever completes a forecast is told.
pub(super) const OTHER: CompanyId = CompanyId(Uuid::from_u128(0xc4));
/// So many events can be told apart by their units.
pub(super) const EVENTS_MAX: u64 = 400;

/// The unit whose name carries the number of an event.
pub(super) fn unit(event: u64) -> UnitId {
    UnitId(Uuid::from_u128(0x7a_0000 + u128::from(event)))
}

/// Where pushes to a device go: even ones are browsers.
pub(super) fn target(device: u64) -> PushTarget {
    if device % 2 == 1 {
        return PushTarget::Fcm { token: app(device) };
    }
    let mut p256dh = [7; 65];
    p256dh[0] = 4;
    PushTarget::WebPush(WebPushSubscription { endpoint: browser(device), p256dh, auth: [7; 16] })
}

fn device(number: u64, user_id: UserId) -> Device {
    let at = Timestamp::UNIX_EPOCH;
    Device {
        id: DeviceId(Uuid::from_u128(0xde_0000 + u128::from(number))),
        user_id,
        target: target(number),
        os_version: None,
        vapid_key_id: None,
        created_at: at,
        last_seen_at: at,
        must_resubscribe: false,
    }
}

/// The numbers of the devices that a user has from the begin on.
pub(super) fn first_devices(place: usize) -> Vec<u64> {
    let first = 3 * place as u64;
    (first..first + 3).filter(|number| *number < 8).collect()
}

/// Writes them into the store.
///
/// # Errors
/// A text of the fixture is refused: a defect of the harness.
pub(super) async fn prepare(host: NotifyHost) -> Result<(), String> {
    let wanted = [
        ChannelSet::ALL,
        ChannelSet::of([Channel::InApp, Channel::PushNotification]),
        ChannelSet::of([Channel::InApp, Channel::Email]),
    ];
    let user = |(place, id): (usize, &UserId)| -> Result<UserEntry, String> {
        let address = Some(MailAddress::new(format!("user{place}@example.com"))?);
        Ok(UserEntry { id: *id, name: Name::new(format!("User {place}"))?, address })
    };
    let users = USERS.iter().enumerate().map(user).collect::<Result<Vec<_>, _>>()?;
    let unit = |number| Ok(UnitEntry { id: unit(number), name: Name::new(text_of(number))? });
    let units = (0..EVENTS_MAX).map(unit).collect::<Result<Vec<_>, String>>()?;
    let failed = |error: domain::ports::NotificationStoreError| error.to_string();
    host.store.upsert_directory(users, units).await.map_err(failed)?;
    for ((place, user), channels) in USERS.into_iter().enumerate().zip(wanted) {
        let preference = Preference { company_id: PREFERRED, unit_id: None, channels };
        host.store.set_preferences(user, vec![preference]).await.map_err(failed)?;
        for number in first_devices(place) {
            host.store.register(device(number, user)).await.map_err(failed)?;
        }
    }
    Ok(())
}
