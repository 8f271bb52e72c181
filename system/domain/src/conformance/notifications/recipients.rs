//! Preferences and directory.

use super::NotificationHarness;
use super::samples::*;
use crate::conformance::samples::{company, unit};
use crate::model::UnitId;
use crate::notification::model::{Channel, ChannelSet, Directory, MailAddress, Name, Preference, UnitEntry, UserEntry};
use crate::ports::Recipient;

fn preference(company_number: u128, unit_id: Option<UnitId>, channels: ChannelSet) -> Preference {
    Preference { company_id: company(company_number), unit_id, channels }
}

/// And are the user's own.
pub async fn preferences_are_replaced_as_a_whole(harness: &dyn NotificationHarness) {
    let store = harness.store();
    assert_eq!(store.preferences(user(1)).await.unwrap(), []);
    let (a, b) = (preference(1, None, ChannelSet::ALL), preference(1, Some(unit(1)), ChannelSet::NONE));
    let c = preference(2, None, ChannelSet::of([Channel::Email]));
    store.set_preferences(user(1), vec![c, b, a]).await.unwrap();
    assert_eq!(store.preferences(user(1)).await.unwrap(), [a, b, c]);
    assert_eq!(store.preferences(user(2)).await.unwrap(), []);
    store.set_preferences(user(1), vec![c]).await.unwrap();
    assert_eq!(store.preferences(user(1)).await.unwrap(), [c]);
    store.set_preferences(user(1), Vec::new()).await.unwrap();
    assert_eq!(store.preferences(user(1)).await.unwrap(), []);
    assert_eq!(store.recipients(company(2), None, None, 10).await.unwrap(), []);
}

/// Also if it says "not at all".
pub async fn a_preference_for_a_unit_goes_first(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let in_app = ChannelSet::of([Channel::InApp]);
    let both = vec![preference(1, None, ChannelSet::ALL), preference(1, Some(unit(1)), ChannelSet::NONE)];
    store.set_preferences(user(1), both).await.unwrap();
    store.set_preferences(user(2), vec![preference(1, Some(unit(1)), in_app)]).await.unwrap();
    store.set_preferences(user(3), vec![preference(2, Some(unit(1)), in_app)]).await.unwrap();
    let of = async |unit| store.recipients(company(1), unit, None, 10).await.unwrap();
    let told = |n, channels| Recipient { user_id: user(n), channels };
    assert_eq!(of(Some(unit(1))).await, [told(1, ChannelSet::NONE), told(2, in_app)]);
    assert_eq!(of(Some(unit(2))).await, [told(1, ChannelSet::ALL)]);
    assert_eq!(of(None).await, [told(1, ChannelSet::ALL)]);
}

/// Ordered by id.
pub async fn recipients_come_in_pages(harness: &dyn NotificationHarness) {
    let store = harness.store();
    for n in [3, 1, 5, 2, 4] {
        store.set_preferences(user(n), vec![preference(1, None, ChannelSet::ALL)]).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.recipients(company(1), Some(unit(1)), after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.user_id);
        seen.extend(page.iter().map(|one| one.user_id));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5].map(user));
}

/// Whoever is not in it is not told of.
pub async fn the_directory_is_written_over(harness: &dyn NotificationHarness) {
    let store = harness.store();
    let entry = |n, name: &str, address: Option<&str>| UserEntry {
        id: user(n),
        name: Name::new(name).unwrap(),
        address: address.map(|address| MailAddress::new(address).unwrap()),
    };
    let unit_named = |name: &str| UnitEntry { id: unit(1), name: Name::new(name).unwrap() };
    assert_eq!(store.directory(&[user(1)], Some(unit(1))).await.unwrap(), Directory::default());
    let users = vec![entry(1, "Anna 'Ä'", Some("anna@example.com")), entry(2, "Bert", None)];
    store.upsert_directory(users.clone(), vec![unit_named("Unit \"A\"")]).await.unwrap();
    let found = store.directory(&[user(1), user(2), user(3)], Some(unit(1))).await.unwrap();
    assert_eq!(found.users.into_values().collect::<Vec<_>>(), users);
    assert_eq!(found.unit, Some(Name::new("Unit \"A\"").unwrap()));
    store.upsert_directory(vec![entry(1, "Anna", None)], vec![unit_named("Unit B")]).await.unwrap();
    let found = store.directory(&[user(1)], Some(unit(1))).await.unwrap();
    assert_eq!(found.users.into_values().collect::<Vec<_>>(), [entry(1, "Anna", None)]);
    assert_eq!(found.unit, Some(Name::new("Unit B").unwrap()));
    assert_eq!(store.directory(&[], None).await.unwrap(), Directory::default());
}
