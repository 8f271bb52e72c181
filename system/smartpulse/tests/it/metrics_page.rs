//! `system/METRICS.md` says what an instance really exposes.

use smartpulse::app::App;
use smartpulse::config::{Inputs, Override, load};
use smartpulse::wiring::Embedded;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../METRICS.md");

async fn instance() -> App {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let secret = "0123456789abcdef0123456789abcdef";
    let settings = [("store.kind", "memory"), ("auth.secret", secret), ("data_dir", data)];
    let flag = |(key, value): (&str, &str)| Override {
        flag: "--set".to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let config = load(&Inputs { flags: settings.map(flag).into(), ..Inputs::default() }).unwrap().config;
    App::new(&config, Embedded::open(&config).await.unwrap().ports, "page").await.unwrap()
}

#[tokio::test]
async fn the_page_of_metrics_is_that_of_an_instance() {
    let page = instance().await.catalogue().to_markdown();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(written, page, "run BLESS=1 cargo test -p smartpulse metrics_page");
}

/// A family without a sample is not scraped, so the reverse is held: whatever is scraped is described.
#[tokio::test]
async fn whatever_is_scraped_is_described() {
    let app = instance().await;
    let described: Vec<String> = app.catalogue().descriptors().into_iter().map(|metric| metric.name).collect();
    assert!(described.len() > 20, "{described:?}");
    let text = app.catalogue().encode();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    for name in samples.filter_map(|line| line.split(['{', ' ']).next()) {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        assert!(described.iter().any(|known| known == name || Some(known.as_str()) == base), "{name}");
    }
}
