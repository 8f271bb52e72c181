//! What the profile `production` demands.

use smartpulse::config::{Inputs, load};

fn env(pairs: &[(&str, &str)]) -> Inputs {
    let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Inputs { env, ..Inputs::default() }
}

fn errors(inputs: &Inputs) -> Vec<String> {
    load(inputs).unwrap_err().0.iter().map(ToString::to_string).collect()
}

/// All that production asks for.
const WHOLE: [(&str, &str); 15] = [
    ("SMARTPULSE__PROFILE", "production"),
    ("SMARTPULSE__STORE__URL", "Server=tcp:db,1433;Database=SmartPulse;User Id=app;Password=hunter2"),
    ("SMARTPULSE__BUS__URL", "pulsar://pulsar:6650"),
    ("SMARTPULSE__BUS__ADMIN_URL", "http://pulsar:8080"),
    ("SMARTPULSE__SHARED__URL", "redis://redis"),
    ("SMARTPULSE__AUTH__ISSUER", "https://issuer.example"),
    ("SMARTPULSE__AUTH__AUDIENCE", "smartpulse"),
    ("SMARTPULSE__AUTH__SECRET", "9Zk1vQm3uT7wYb5nRd2sHf8gJc4xLp6eAo0iUyKtBqW="),
    ("SMARTPULSE__NOTIFICATIONS__PUBLIC_BASE_URL", "https://app.example.com/"),
    ("SMARTPULSE__PUSH__VAPID_KEY_FILE", "/etc/smartpulse/vapid.pem"),
    ("SMARTPULSE__PUSH__SUBJECT", "mailto:ops@example.com"),
    ("SMARTPULSE__MAIL__HOST", "mail.example.com"),
    ("SMARTPULSE__MAIL__FROM", "smartpulse@example.com"),
    ("SMARTPULSE__ALERTS__ADDRESS", "operations@example.com"),
    ("SMARTPULSE__CDC__MODE", "cdc"),
];

fn whole_but(key: &str, value: &str) -> Inputs {
    let mut inputs = env(&WHOLE);
    inputs.env.insert(key.to_owned(), value.to_owned());
    inputs
}

#[test]
fn production_asks_for_more_and_names_what_is_absent() {
    let found = errors(&env(&[("SMARTPULSE__PROFILE", "production")])).join("\n");
    let of_any_build = [
        "`auth.issuer` must be set in production",
        "`auth.audience` must be set in production",
        "a generated secret would differ on each instance",
        "`notifications.public_base_url` must be set in production",
        "`push.vapid_key_file` must be set in production",
        "`push.subject` must be set in production",
        "`mail.host` must be set in production",
        "`mail.from` must be set in production",
        "`alerts.address` must be set in production",
    ];
    #[cfg(not(feature = "production"))]
    let of_this_build = [
        "`store.kind` = \"sqlserver\" (profile production) has no adapter in this build, which contains \"sqlite\", \
         \"memory\": build it with `--features smartpulse/production`",
        "`bus.kind` = \"pulsar\" (profile production) has no adapter",
        "`shared.kind` = \"redis\" (profile production) has no adapter",
    ];
    #[cfg(feature = "production")]
    let of_this_build =
        ["needs `store.url` or `store.url_file`", "default: `bus.url` must be pulsar://", "needs `shared.url`"];
    for part in of_any_build.into_iter().chain(of_this_build) {
        assert!(found.contains(part), "{part} in {found}");
    }
}

#[cfg(feature = "production")]
#[test]
fn a_whole_configuration_of_production_is_accepted() {
    use smartpulse::config::{BusKind, CdcMode, Profile, SharedKind, StoreKind};
    use std::time::Duration;
    let config = load(&env(&WHOLE)).unwrap().config;
    assert_eq!((config.store.kind, config.cdc.mode), (StoreKind::SqlServer, CdcMode::Cdc));
    assert_eq!((config.bus.kind, config.shared.kind), (BusKind::Pulsar, SharedKind::Redis));
    assert_eq!(config.notifications.public_base_url.as_deref(), Some("https://app.example.com"));
    assert_eq!((config.profile, config.drain.delay), (Profile::Production, Duration::from_secs(5)));
}

/// Each alone, and whatever named it.
#[test]
fn production_refuses_what_is_of_one_process_or_known_to_all() {
    for (key, value, expected) in [
        ("SMARTPULSE__STORE__KIND", "sqlite", "`store.kind` (env SMARTPULSE__STORE__KIND) must be \"sqlserver\" in"),
        ("SMARTPULSE__STORE__KIND", "memory", "`store.kind` (env SMARTPULSE__STORE__KIND) must be \"sqlserver\" in"),
        ("SMARTPULSE__BUS__KIND", "memory", "`bus.kind` (env SMARTPULSE__BUS__KIND) must be \"pulsar\" in production"),
        ("SMARTPULSE__SHARED__KIND", "memory", "`shared.kind` (env SMARTPULSE__SHARED__KIND) must be \"redis\" in"),
        ("SMARTPULSE__AUTH__SECRET", "change-me-change-me-change-me-change-me", "`auth.secret` looks like an example"),
        ("SMARTPULSE__AUTH__PREVIOUS_SECRET", "0123456789abcdef0123456789abcdef", "`auth.previous_secret` looks like"),
        ("SMARTPULSE__PUSH__ALLOWED_PRIVATE_ORIGINS", "http://127.0.0.1:9001", "production refuses it"),
        ("SMARTPULSE__NOTIFICATIONS__PUBLIC_BASE_URL", "http://app.example.com", "an https URL"),
    ] {
        let found = errors(&whole_but(key, value)).join("\n");
        assert!(found.contains(expected), "{key} = {value}: {found}");
        assert!(!found.contains("hunter2") && !found.contains("change-me-change"), "{found}");
    }
}

/// A forecast instance of production needs nothing of the notification service.
#[test]
fn what_the_roles_do_not_need_is_not_asked_for() {
    let mut inputs = env(&[("SMARTPULSE__PROFILE", "production"), ("SMARTPULSE__ROLES", "forecast-api,tracker,sync")]);
    let found = errors(&inputs).join("\n");
    for part in ["notifications.", "push.", "mail.", "alerts."] {
        assert!(!found.contains(part), "{part} in {found}");
    }
    inputs.env.insert("SMARTPULSE__ROLES".to_owned(), "mail-send".to_owned());
    let found = errors(&inputs).join("\n");
    assert!(
        found.contains("mail.host")
            && found.contains("alerts.address")
            && !found.contains("push.")
            && !found.contains("notifications."),
        "{found}"
    );
}
