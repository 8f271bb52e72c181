//! The layers of the configuration, its errors, and its printed form.

use std::collections::BTreeMap;
use std::time::Duration;

use smartpulse::config::{
    AuthMode, BusKind, CacheFreshness, ConfigError, Inputs, InstanceRole, Override, Profile, SharedKind, StoreKind,
    load, read_file,
};

fn file(text: &str) -> Inputs {
    Inputs { file: Some(("x.toml".to_owned(), text.to_owned())), ..Inputs::default() }
}

fn env(pairs: &[(&str, &str)]) -> Inputs {
    let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Inputs { env, ..Inputs::default() }
}

fn flag(key: &str, value: &str) -> Override {
    Override { flag: "--set".to_owned(), key: key.to_owned(), value: value.to_owned() }
}

fn errors(inputs: &Inputs) -> Vec<String> {
    load(inputs).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_the_embedded_system() {
    let config = load(&Inputs::default()).unwrap().config;
    assert_eq!(config.profile, Profile::Embedded);
    assert_eq!((config.store.kind, config.bus.kind), (StoreKind::Sqlite, BusKind::Store));
    assert_eq!(config.shared.kind, SharedKind::Memory);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.store.path.to_str(), Some("./data/smartpulse.db"));
    assert_eq!(config.bus.max_bytes, 1 << 30);
    assert_eq!(config.cache.l1_ttl, Duration::from_secs(60));
    assert_eq!(config.drain.delay, Duration::ZERO);
    assert!(matches!(config.auth.mode, AuthMode::Hs256 { secret: None, previous: None }));
    assert!(config.sample.load);
    assert_eq!(config.cache.freshness, CacheFreshness::EndToEnd);
    assert_eq!(config.instances, 1);
    assert!(InstanceRole::ALL.into_iter().all(|role| config.roles.has(role)));
}

#[test]
fn roles_are_known_words_and_at_least_one() {
    let of = |roles: &str| load(&Inputs { flags: vec![flag("roles", roles)], ..Inputs::default() });
    let roles = of("tracker, sync").unwrap().config.roles;
    assert_eq!(roles.names(), ["tracker", "sync"]);
    assert!(!roles.has(InstanceRole::ForecastApi));
    for bad in ["", "tracker,cook"] {
        let errors = of(bad).unwrap_err().to_string();
        for role in InstanceRole::ALL {
            assert!(errors.contains(role.name()), "{errors}");
        }
        assert_eq!(errors.contains("\"cook\" is none"), bad.contains("cook"), "{errors}");
    }
}

#[test]
fn times_that_would_defeat_each_other_are_refused() {
    let refused =
        |key: &str, value: &str| errors(&Inputs { flags: vec![flag(key, value)], ..Inputs::default() }).join("\n");
    assert!(refused("lease.renew_ms", "650").contains("`lease.life_ms`"));
    assert!(refused("follower.reconnect_ms", "5000").contains("`follower.reconnect_max_ms`"));
    assert!(refused("http.idle_timeout_ms", "15000").contains("`streams.heartbeat_ms`"));
    assert!(refused("tracker.beacon_ms", "5000").contains("an integer from 50 to 3000"));
    assert!(refused("instances", "0").contains("an integer from 1 to 32"));
    assert!(refused("cache.freshness", "maybe").contains("\"end_to_end\", \"ttl\""));
}

#[test]
fn each_layer_overrides_the_one_before_and_is_named_as_the_source() {
    let mut inputs = file("data_dir = \"a\"\n[http]\nmax_age_s = 1\nlisten = \"0.0.0.0:1\"\nbody_limit_bytes = 2048\n");
    inputs.env = BTreeMap::from([
        ("SMARTPULSE__HTTP__MAX_AGE_S".to_owned(), "2".to_owned()),
        ("SMARTPULSE__HTTP__LISTEN".to_owned(), "0.0.0.0:2".to_owned()),
        ("SMARTPULSE_TOKEN".to_owned(), "not a setting".to_owned()),
        ("PATH".to_owned(), "/bin".to_owned()),
    ]);
    inputs.flags = vec![flag("http.listen", "0.0.0.0:3")];
    let loaded = load(&inputs).unwrap();
    let http = &loaded.config.http;
    assert_eq!((http.body_limit_bytes, http.max_age.as_secs(), http.listen.port()), (2048, 2, 3));
    let printed = loaded.print();
    let source = |key: &str| {
        let line = printed.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        line.rsplit("# ").next().unwrap().to_owned()
    };
    assert_eq!(source("http.body_limit_bytes"), "x.toml:5");
    assert_eq!(source("data_dir"), "x.toml:1");
    assert_eq!(source("http.max_age_s"), "env SMARTPULSE__HTTP__MAX_AGE_S");
    assert_eq!(source("http.listen"), "flag --set");
    assert_eq!(source("http.idle_timeout_ms"), "default");
    assert_eq!(source("store.kind"), "profile embedded");
}

#[test]
fn unknown_keys_are_errors_with_a_suggestion() {
    let found = errors(&file("[http]\nlissten = \"x\"\n[quite]\nother = 1\n"));
    assert_eq!(found[0], "x.toml:2: there is no setting `http.lissten`; did you mean `http.listen`?");
    assert_eq!(found[1], "x.toml:4: there is no setting `quite.other`");
    let found = errors(&env(&[("SMARTPULSE__CACHE__MAX_AGE_S", "1")]));
    assert_eq!(
        found,
        ["env SMARTPULSE__CACHE__MAX_AGE_S: there is no setting `cache.max_age_s`; did you mean `http.max_age_s`?"]
    );
    let found = errors(&Inputs { flags: vec![flag("listen", "x")], ..Inputs::default() });
    assert!(found[0].starts_with("flag --set: there is no setting `listen`; did you mean `"), "{found:?}");
}

#[test]
fn type_and_range_errors_name_key_and_source_and_come_all_at_once() {
    let mut inputs =
        file("[http]\nmax_age_s = \"long\"\nmax_connections = 0\ncors_origins = [1]\n[log]\nformat = \"xml\"\n");
    inputs.env = BTreeMap::from([("SMARTPULSE__SAMPLE__LOAD".to_owned(), "perhaps".to_owned())]);
    let found = errors(&inputs);
    for expected in [
        "x.toml:2: `http.max_age_s` must be an integer, not a string",
        "x.toml:3: `http.max_connections` must be an integer from 1 to 1000000, not 0",
        "x.toml:4: `http.cors_origins` must be a list of strings, not something else",
        "x.toml:6: `log.format` must be one of \"text\", \"json\", not \"xml\"",
        "env SMARTPULSE__SAMPLE__LOAD: `sample.load` must be true or false, not \"perhaps\"",
    ] {
        assert!(found.iter().any(|error| error == expected), "{expected}\nin {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn a_file_that_is_not_toml_says_where() {
    let found = load(&file("[http\n")).unwrap_err();
    assert!(matches!(found.0[0], ConfigError::Syntax { .. }));
    assert!(found.to_string().contains("x.toml: ") && found.to_string().contains("line 1"), "{found}");
}

#[test]
fn combinations_are_checked() {
    let one = |text: &str| {
        let found = errors(&file(text));
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].clone()
    };
    assert!(one("[store]\nkind = \"memory\"\n[bus]\nkind = \"store\"").contains("lives inside the SQLite file"));
    assert!(one("[http]\nlisten = \"127.0.0.1:9090\"").contains("two addresses"));
    assert!(one("[cache]\nsoft_timeout_ms = 3000").contains("never act"));
    assert!(one("[cache]\nhard_timeout_ms = 20000").contains("request_timeout_ms"));
    assert!(one("[cache]\nl2_bytes = 1").contains("the larger"));
    assert!(one("[auth]\nsecret = \"short\"").contains("at least 32"));
    assert!(one("[auth]\nmode = \"jwks\"").contains("has neither"));
    assert!(one("[auth]\nmode = \"jwks\"\njwks_url = \"http://issuer.example/keys\"").contains("https"));
    assert!(one("[auth]\njwks_file = \"x\"").contains("no meaning"));
    assert!(one("[http]\ncors_origins = [\"*\"]").contains("origins such as"));
    assert!(one("[log]\nlevel = \"=?=\"").contains("log.level"));
    #[cfg(not(feature = "production"))]
    assert!(
        one("[shared]\nkind = \"redis\"\nurl = \"redis://h\"")
            .contains("no adapter in this build, which contains \"memory\"")
    );
    #[cfg(feature = "production")]
    assert!(one("[shared]\nkind = \"redis\"").contains("needs `shared.url`"));
    let memory = load(&file("[store]\nkind = \"memory\"")).unwrap().config;
    assert_eq!(memory.bus.kind, BusKind::Memory, "the embedded bus follows the store");
}

#[test]
fn production_asks_for_more_and_names_what_is_absent() {
    let found = errors(&env(&[("SMARTPULSE__PROFILE", "production")])).join("\n");
    for part in [
        "`auth.issuer` must be set in production",
        "`auth.audience` must be set in production",
        "a generated secret would differ on each instance",
        "`store.kind` = \"sqlserver\" (profile production) has no adapter in this build",
        if cfg!(feature = "production") { "`bus.url`" } else { "`bus.kind` = \"pulsar\"" },
        "`shared.kind` = \"redis\"",
        "`notifications.public_base_url` must be set in production",
        "`push.vapid_key_file` must be set in production",
        "`push.subject` must be set in production",
        "`mail.host` must be set in production",
        "`mail.from` must be set in production",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
    let inputs = env(&[
        ("SMARTPULSE__PROFILE", "production"),
        ("SMARTPULSE__STORE__KIND", "sqlite"),
        ("SMARTPULSE__BUS__KIND", "store"),
        ("SMARTPULSE__SHARED__KIND", "memory"),
        ("SMARTPULSE__AUTH__ISSUER", "https://issuer.example"),
        ("SMARTPULSE__AUTH__AUDIENCE", "smartpulse"),
        ("SMARTPULSE__AUTH__SECRET", "0123456789abcdef0123456789abcdef"),
        ("SMARTPULSE__NOTIFICATIONS__PUBLIC_BASE_URL", "https://app.example.com/"),
        ("SMARTPULSE__PUSH__VAPID_KEY_FILE", "/etc/smartpulse/vapid.pem"),
        ("SMARTPULSE__PUSH__SUBJECT", "mailto:ops@example.com"),
        ("SMARTPULSE__MAIL__HOST", "mail.example.com"),
        ("SMARTPULSE__MAIL__FROM", "smartpulse@example.com"),
    ]);
    let config = load(&inputs).unwrap().config;
    assert_eq!(config.notifications.public_base_url.as_deref(), Some("https://app.example.com"));
    assert_eq!((config.profile, config.drain.delay), (Profile::Production, Duration::from_secs(5)));
}

/// A forecast instance of production needs nothing of the notification service.
#[test]
fn what_the_roles_do_not_need_is_not_asked_for() {
    let mut inputs = env(&[("SMARTPULSE__PROFILE", "production"), ("SMARTPULSE__ROLES", "forecast-api,tracker,sync")]);
    let found = errors(&inputs).join("\n");
    for part in ["notifications.", "push.", "mail."] {
        assert!(!found.contains(part), "{part} in {found}");
    }
    inputs.env.insert("SMARTPULSE__ROLES".to_owned(), "mail-send".to_owned());
    let found = errors(&inputs).join("\n");
    assert!(found.contains("mail.host") && !found.contains("push.") && !found.contains("notifications."), "{found}");
}

#[test]
fn settings_of_notifications_that_cannot_work_are_refused_by_name() {
    let refused = |pairs: &[(&str, &str)]| {
        let flags = pairs.iter().map(|(key, value)| flag(key, value)).collect();
        errors(&Inputs { flags, ..Inputs::default() }).join("\n")
    };
    for (key, value, expected) in [
        ("notifications.listen", "127.0.0.1:9090", "`notifications.listen` and `internal.listen` are both"),
        ("notifications.listen", "here", "`notifications.listen` must be an address with a port"),
        (
            "notifications.public_base_url",
            "app.example.com",
            "`notifications.public_base_url` must be an http or https URL",
        ),
        (
            "notifications.acceptances_days",
            "7",
            "`notifications.acceptances_days` must be more than `bus.retention_days`",
        ),
        ("push.claim_life_s", "10", "`push.claim_life_s` must be 6 s more than `push.attempt_timeout_ms`"),
        ("push.breaker_failures", "5", "`push.breaker_failures` must be more than the attempts of one message"),
        ("push.retry_ms", "100,soon", "`push.retry_ms` must be a list of integers"),
        ("push.allowed_ports", "0", "`push.allowed_ports` must be a list of integers from 1 to 65535"),
        ("fcm.base_url", "https://fcm.example", "`fcm.base_url` is set, but `fcm.service_account_file` is not"),
        ("mail.from", "nobody", "`mail.from` must be a mail address"),
        ("mail.tls", "perhaps", "`mail.tls` must be one of \"starttls\""),
        ("mail.user", "pulse", "`mail.password` or `mail.password_file` is not set"),
        ("mail.claim_life_s", "725", "`mail.claim_life_s` must be 6 s more than `mail.send_timeout_s`"),
        ("mail.drain_ms", "30000", "`mail.drain_ms` is longer than `drain.deadline_ms`"),
        ("mail.later_s", "3600", "`mail.later_s` is longer than `mail.later_max_s`"),
        ("mail.unsubscribe_url", "http://app.example.com/unsubscribe/", "`mail.unsubscribe_url` must be an https URL"),
        ("alerts.address", "ops", "`alerts.address` must be a mail address"),
    ] {
        let found = refused(&[(key, value)]);
        assert!(found.contains(expected), "{key} = {value}: {found}");
    }
    let plaintext = [("mail.user", "pulse"), ("mail.password", "hunter2"), ("mail.tls", "none")];
    let found = refused(&plaintext);
    assert!(found.contains("mail.allow_plaintext_login") && !found.contains("hunter2"), "{found}");
    let origin = ("push.allowed_private_origins", "http://127.0.0.1:9001");
    assert!(refused(&[("profile", "production"), origin]).contains("production refuses it"));
    assert!(load(&Inputs { flags: vec![flag(origin.0, origin.1)], ..Inputs::default() }).is_ok());
}

#[test]
fn the_notification_api_listens_beside_the_forecast_api() {
    let listens = |inputs: &Inputs| load(inputs).unwrap().config.notifications.listen.to_string();
    assert_eq!(listens(&Inputs::default()), "127.0.0.1:8081");
    assert_eq!(listens(&env(&[("SMARTPULSE__HTTP__LISTEN", "0.0.0.0:0")])), "0.0.0.0:0");
    assert_eq!(listens(&env(&[("SMARTPULSE__NOTIFICATIONS__LISTEN", "0.0.0.0:80")])), "0.0.0.0:80");
}

#[test]
fn a_secret_comes_by_value_or_by_file_and_is_never_shown() {
    let secret = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    let by_value = env(&[("SMARTPULSE__AUTH__SECRET", secret)]);
    let by_file = env(&[("SMARTPULSE__AUTH__SECRET_FILE", path.to_str().unwrap())]);
    for inputs in [&by_value, &by_file] {
        let loaded = load(inputs).unwrap();
        let AuthMode::Hs256 { secret: Some(read), .. } = &loaded.config.auth.mode else { panic!("no secret") };
        assert_eq!(read.expose(), secret);
        assert!(!loaded.print().contains("hunter2") && !format!("{:?}", loaded.config).contains("hunter2"));
    }
    assert!(load(&by_value).unwrap().print().contains("auth.secret = \"***\""));
    let both = Inputs { env: by_value.env.into_iter().chain(by_file.env).collect(), ..Inputs::default() };
    assert!(errors(&both)[0].contains("are both set"));
    let absent = errors(&env(&[("SMARTPULSE__AUTH__SECRET_FILE", "/does/not/exist")]));
    assert!(absent[0].starts_with("`auth.secret_file`: cannot read /does/not/exist"), "{absent:?}");
}

#[test]
fn the_default_file_is_optional_and_a_named_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read_file(None, dir.path()).unwrap(), None);
    assert!(read_file(Some(&dir.path().join("no.toml")), dir.path()).is_err());
    std::fs::write(dir.path().join("smartpulse.toml"), "data_dir = \"here\"").unwrap();
    assert!(read_file(None, dir.path()).unwrap().unwrap().1.contains("here"));
}

#[test]
fn a_delay_of_the_drain_may_be_a_number() {
    assert_eq!(load(&file("[drain]\ndelay_ms = 250")).unwrap().config.drain.delay, Duration::from_millis(250));
    assert!(errors(&file("[drain]\ndelay_ms = \"long\""))[0].contains("\"auto\" or an integer"));
}

#[test]
fn a_short_secret_is_named_with_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, "short-as-it-is").unwrap();
    let by_value = errors(&env(&[("SMARTPULSE__AUTH__SECRET", "short-as-it-is")])).join("\n");
    assert!(by_value.contains("env SMARTPULSE__AUTH__SECRET: `auth.secret` has 14 characters"), "{by_value}");
    let by_file = errors(&env(&[("SMARTPULSE__AUTH__SECRET_FILE", path.to_str().unwrap())])).join("\n");
    assert!(by_file.contains("env SMARTPULSE__AUTH__SECRET_FILE: `auth.secret_file` has 14 characters"), "{by_file}");
}

#[test]
fn the_url_of_redis_is_a_secret() {
    let loaded = load(&env(&[("SMARTPULSE__SHARED__URL", "redis://:hunter2@redis.example")])).unwrap();
    assert_eq!(loaded.config.shared.url.as_ref().unwrap().expose(), "redis://:hunter2@redis.example");
    assert!(loaded.print().contains("shared.url = \"***\""));
    assert!(!loaded.print().contains("hunter2") && !format!("{:?}", loaded.config).contains("hunter2"));
}

#[test]
fn credentials_in_a_url_are_not_shown() {
    let with = |url: &str| env(&[("SMARTPULSE__AUTH__MODE", "jwks"), ("SMARTPULSE__AUTH__JWKS_URL", url)]);
    let printed = load(&with("https://user:hunter2@issuer.example/a@b")).unwrap().print();
    assert!(printed.contains("auth.jwks_url = \"https://***@issuer.example/a@b\""), "{printed}");
    for url in ["http://user:hunter2@issuer.example/keys", "https://user:hunter2@"] {
        let refused = errors(&with(url)).join("\n");
        assert!(!refused.contains("hunter2") && refused.contains("auth.jwks_url"), "{refused}");
    }
}
