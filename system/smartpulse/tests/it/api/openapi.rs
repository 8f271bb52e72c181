//! The API description: complete, true, and the same as its snapshot.

use super::contract::Contract;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openapi.json");

#[test]
fn the_description_is_that_of_the_snapshot() {
    let current = serde_json::to_string_pretty(&Contract::current().0).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(SNAPSHOT, &current).unwrap();
    }
    let snapshot = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    assert!(
        snapshot == current,
        "the API changed: BLESS=1 cargo test -p smartpulse openapi, and look at the difference"
    );
}
