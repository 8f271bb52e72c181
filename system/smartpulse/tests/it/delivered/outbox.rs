//! The folder of mails, and what a browser registers.

use std::collections::BTreeMap;
use std::path::Path;

use adapters::testing::FakePushService;
use domain::ports::PushTarget;
use serde_json::{Value, json};

pub(super) const COMPANY: &str = "0b5d0000-0000-4000-8000-00000000c0de";
pub(super) const UNIT: &str = "0b5d0000-0000-4000-8000-0000000000de";
pub(super) const USER: &str = "0b5d0000-0000-4000-8000-000000000001";

/// A forecast that is complete from the start; each `day` is another one.
pub(super) fn forecast(day: u32) -> Value {
    let date = jiff::Timestamp::from_second(1_900_000_000 + i64::from(day) * 86_400).unwrap().to_string();
    json!({"companyId": COMPANY, "productionUnitId": UNIT, "forecastDate": date, "demand": 1.0, "supply": 2.0,
        "confidence": 0.5})
}

/// What a browser registers that subscribed at `service` with our key.
pub(super) fn browser(service: &FakePushService, key: &str) -> Value {
    let PushTarget::WebPush(subscription) = service.subscribe(key).unwrap() else { panic!("a browser") };
    let subscription: Value = serde_json::from_str(&subscription.to_json()).unwrap();
    json!({"integrationType": 0, "subscriptionJson": subscription})
}

/// How often each mail, by its `Message-ID`, lies in the folder.
pub(super) fn mails(folder: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "eml") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
        *found.entry(id).or_default() += 1;
    }
    found
}

/// How often each message, by its tag, arrived at the browser.
pub(super) fn count_tags(service: &FakePushService, tags: &mut BTreeMap<String, u32>) {
    for message in service.delivered() {
        let shown: Value = serde_json::from_str(&message.text).unwrap();
        let tag = shown["tag"].as_str().unwrap().to_owned();
        assert_eq!(message.headers["topic"], tag, "what replaces itself on the device does so at the service");
        *tags.entry(tag).or_default() += 1;
    }
}
