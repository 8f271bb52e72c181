//! `system/METRICS.md` says what an instance really exposes.

use smartpulse::telemetry::{Catalogue, RequestMetrics};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../METRICS.md");

#[test]
fn the_page_of_metrics_is_that_of_the_registry() {
    let mut catalogue = Catalogue::new();
    RequestMetrics::register(&mut catalogue, []);
    let page = catalogue.to_markdown();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(written, page, "run BLESS=1 cargo test -p smartpulse metrics_page");
}
