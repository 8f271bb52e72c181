//! `deploy/`: what its files say is what the program takes and shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn text(path: &str) -> String {
    let path = folder().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each metric of METRICS.md with its type.
fn metrics() -> BTreeMap<String, String> {
    let page = std::fs::read_to_string(folder().join("../system/METRICS.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    })
    .collect()
}

/// The metrics that an expression names.
fn named(expression: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = expression.split(|c: char| !is_part(c)).filter(|word| word.starts_with("smartpulse_"));
    words.map(str::to_owned).collect()
}

/// What is wrong with the metrics of an expression: unknown ones, and functions that do not fit their type.
fn complaints(expression: &str, known: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in named(expression) {
        let part = ["_bucket", "_sum", "_count"].into_iter().find_map(|part| name.strip_suffix(part));
        let of_histogram = part.filter(|base| known.get(*base).is_some_and(|kind| kind == "histogram"));
        let kind = if of_histogram.is_some() { Some("counter") } else { known.get(&name).map(String::as_str) };
        let is_rated = ["rate(", "increase("].iter().any(|call| expression.contains(&format!("{call}{name}")));
        match kind {
            None => wrong.push(format!("there is no {name}")),
            Some("histogram") => wrong.push(format!("{name} is a histogram: _bucket, _sum or _count of it")),
            Some("gauge") if is_rated => wrong.push(format!("{name} is a gauge, and has no rate")),
            Some("counter") if !is_rated && !expression.contains(&format!("{name} >= 0")) => {
                wrong.push(format!("{name} is a counter: only its rate or increase says something"));
            }
            Some(_) => {}
        }
    }
    wrong
}

/// Every string under the key `expr`.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("expr", Value::String(text)) => found.push(text.clone()),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

/// Each alert of the rules with its expression, which may go over lines that are indented further.
fn alerts() -> BTreeMap<String, String> {
    let rules = text("observe/alerts.yml");
    let mut found = BTreeMap::new();
    for block in rules.split("- alert: ").skip(1) {
        let name = block.lines().next().unwrap().trim().to_owned();
        let body = block.split("expr:").nth(1).unwrap();
        let end = ["\n        for:", "\n        labels:"].iter().filter_map(|end| body.find(end)).min().unwrap();
        found.insert(name, body[..end].replace('|', "").split_whitespace().collect::<Vec<_>>().join(" "));
    }
    found
}

#[test]
fn the_dashboard_and_the_rules_name_metrics_that_there_are() {
    let known = metrics();
    assert!(known.len() > 80, "{}", known.len());
    let dashboard: Value = serde_json::from_str(&text("observe/dashboard.json")).unwrap();
    let mut of_dashboard = Vec::new();
    expressions(&dashboard, &mut of_dashboard);
    assert!(of_dashboard.len() > 40, "{}", of_dashboard.len());
    let alerts = alerts();
    assert!(alerts.len() > 20, "{}", alerts.len());
    let mut wrong = Vec::new();
    for expression in of_dashboard.iter().chain(alerts.values()) {
        assert!(!named(expression).is_empty() || expression.starts_with("up{"), "{expression} names nothing of ours");
        wrong.extend(complaints(expression, &known).into_iter().map(|what| format!("{what}, in {expression}")));
    }
    let labels = dashboard["templating"]["list"].to_string();
    wrong.extend(named(&labels).into_iter().filter(|name| !known.contains_key(name)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The test above can fail.
#[test]
fn what_is_misnamed_or_misused_is_found() {
    let known = metrics();
    for (expression, expected) in [
        ("rate(smartpulse_http_request_total[5m])", "there is no smartpulse_http_request_total"),
        ("smartpulse_http_request_duration_seconds", "is a histogram"),
        ("rate(smartpulse_coherence_trusted[5m])", "is a gauge"),
        ("smartpulse_http_requests_total > 5", "is a counter"),
        ("rate(smartpulse_coherence_trusted_bucket[5m])", "there is no smartpulse_coherence_trusted_bucket"),
    ] {
        let found = complaints(expression, &known).join(", ");
        assert!(found.contains(expected), "{expression}: {found:?}");
    }
    assert_eq!(complaints("rate(smartpulse_http_request_duration_seconds_bucket[5m])", &known), [""; 0]);
}

#[test]
fn each_alert_has_its_paragraph_and_each_paragraph_its_alert() {
    let runbook = text("RUNBOOK.md");
    let paragraphs: BTreeMap<&str, &str> =
        runbook.split("\n## ").skip(1).filter_map(|part| part.split_once('\n')).collect();
    let named: BTreeSet<&str> = paragraphs.keys().copied().collect();
    let alerts = alerts();
    assert_eq!(named, alerts.keys().map(String::as_str).collect());
    for (name, paragraph) in paragraphs {
        assert!(paragraph.split_whitespace().count() > 15, "{name} says too little");
    }
    let rules = text("observe/alerts.yml");
    for name in alerts.keys() {
        let anchor = format!("deploy/RUNBOOK.md#{}", name.to_lowercase());
        assert_eq!(rules.matches(&format!("{anchor}\n")).count(), 1, "{anchor}");
    }
    let known = metrics();
    let unknown: Vec<_> = named_in_code(&runbook).into_iter().filter(|name| !known.contains_key(name)).collect();
    assert!(unknown.is_empty(), "the runbook speaks of {unknown:?}");
}

fn named_in_code(page: &str) -> BTreeSet<String> {
    page.split('`').skip(1).step_by(2).flat_map(named).collect()
}

/// The settings that compose mounts, and those inside the ConfigMaps.
fn configurations() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in ["productionforecast", "notificationservice", "migrate"] {
        found.push((format!("compose {name}"), text(&format!("compose/{name}.toml"))));
    }
    for document in text("kubernetes/configuration.yaml").split("\n---\n") {
        let name = document.split("\n  name: ").nth(1).unwrap().lines().next().unwrap();
        let (_, body) = document.split_once("smartpulse.toml: |\n").unwrap();
        let body: Vec<&str> = body.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
        found.push((format!("kubernetes {name}"), body.join("\n")));
    }
    assert_eq!(found.len(), 6);
    found
}

/// Without a key that no program knows, whichever build it is.
#[test]
fn the_configuration_knows_every_key_that_it_sets() {
    for (name, text) in configurations() {
        let inputs = smartpulse::config::Inputs { file: Some((name.clone(), text)), ..Default::default() };
        let Err(errors) = smartpulse::config::load(&inputs) else { panic!("{name}: its secrets are not here") };
        let found = errors.to_string();
        assert!(!found.contains("there is no setting") && !found.contains("must be an integer"), "{name}: {found}");
    }
}

#[cfg(feature = "production")]
mod accepted {
    use std::collections::BTreeMap;

    use smartpulse::config::{BusKind, Config, Inputs, InstanceRole, Profile, SharedKind, StoreKind, load};

    use super::{configurations, text};

    /// With secrets such as those that the place gives.
    fn config(name: &str, text: &str, secrets: &std::path::Path) -> Config {
        let given = text.replace("/run/secrets/smartpulse", secrets.to_str().unwrap());
        let given = given.replace("/run/secrets", secrets.to_str().unwrap());
        let inputs = Inputs { file: Some((name.to_owned(), given)), ..Inputs::default() };
        load(&inputs).unwrap_or_else(|errors| panic!("{name}: {errors}")).config
    }

    #[test]
    fn the_real_loader_accepts_compose_and_kubernetes() {
        let dir = tempfile::tempdir().unwrap();
        for (file, secret) in [
            ("auth-secret", "9Zk1vQm3uT7wYb5nRd2sHf8gJc4xLp6eAo0iUyKtBqW="),
            ("store-url", "Server=tcp:db,1433;Database=SmartPulse;User Id=smartpulse;Password=x"),
            ("store-owner-url", "Server=tcp:db,1433;Database=SmartPulse;User Id=owner;Password=x"),
            ("shared-url", "rediss://:x@redis:6379"),
            ("bus-token", "x"),
            ("mail-password", "x"),
        ] {
            std::fs::write(dir.path().join(file), secret).unwrap();
        }
        for (name, text) in configurations() {
            let config = config(&name, &text, dir.path());
            assert_eq!(config.profile, Profile::Production, "{name}");
            let kinds = (config.store.kind, config.bus.kind, config.shared.kind);
            assert_eq!(kinds, (StoreKind::SqlServer, BusKind::Pulsar, SharedKind::Redis), "{name}");
            assert_eq!(config.store.connections, 100, "{name}");
            match name.split(' ').nth(1).unwrap() {
                "productionforecast" => {
                    assert_eq!(config.http.listen.port(), 8080, "{name}");
                    for role in [InstanceRole::ForecastApi, InstanceRole::Tracker, InstanceRole::Sync] {
                        assert!(config.roles.has(role), "{name}");
                    }
                }
                "notificationservice" => {
                    let port = if name.starts_with("compose") { 80 } else { 8081 };
                    assert_eq!(config.notifications.listen.port(), port, "{name}");
                    assert!(config.roles.has(InstanceRole::NotificationApi), "{name}");
                }
                _ => assert!(text.contains("store-owner-url"), "{name}"),
            }
        }
        // Every role is somebody's.
        let all: BTreeMap<String, String> = configurations().into_iter().collect();
        for place in ["compose", "kubernetes"] {
            let roles = ["productionforecast", "notificationservice"]
                .map(|service| config(place, &all[&format!("{place} {service}")], dir.path()).roles);
            for role in InstanceRole::ALL {
                assert_eq!(roles.iter().filter(|of| of.has(role)).count(), 1, "{place}: {}", role.name());
            }
        }
    }

    /// A pod must be given the time that its process takes.
    #[test]
    fn the_grace_periods_are_longer_than_the_drain() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["auth-secret", "store-url", "store-owner-url", "shared-url", "bus-token", "mail-password"] {
            std::fs::write(dir.path().join(file), "9Zk1vQm3uT7wYb5nRd2sHf8gJc4xLp6eAo0iUyKtBqW=").unwrap();
        }
        let longest =
            configurations().iter().map(|(name, text)| config(name, text, dir.path()).drain).max_by_key(|d| d.delay);
        let drain = longest.unwrap();
        let needed = (drain.delay + drain.deadline).as_secs() + 10;
        let of = |text: &str, key: &str| -> u64 {
            let rest = text.split(key).nth(1).unwrap().trim_start();
            rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
        };
        for file in ["kubernetes/productionforecast.yaml", "kubernetes/notificationservice.yaml"] {
            assert!(of(&text(file), "terminationGracePeriodSeconds:") >= needed, "{file}");
        }
        assert!(of(&text("compose.yaml"), "stop_grace_period:") >= needed);
    }
}

#[test]
fn compose_names_the_services_as_the_specification_does() {
    let compose = text("compose.yaml");
    for (service, port) in [("productionforecast", "8080"), ("notificationservice", "80")] {
        let block = compose.split(&format!("\n  {service}:\n")).nth(1).unwrap();
        assert!(block.lines().take(4).any(|line| line.contains(&format!("expose: [\"{port}\""))), "{service}");
    }
    assert!(compose.contains("replicas: 3"));
    for file in ["productionforecast", "notificationservice"] {
        assert!(
            text(&format!("kubernetes/{file}.yaml")).contains(&format!("kind: Service\nmetadata:\n  name: {file}\n"))
        );
    }
    assert!(text("kubernetes/notificationservice.yaml").contains("port: 80, targetPort: http"));
}
