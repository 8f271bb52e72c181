//! The texts of mails.

use std::path::Path;

use adapters::templates::{Templates, TemplatesError};
use domain::ports::{MailTemplates, RenderError, RenderedMail, TemplateData, TemplateId, UnknownPolicy};
use tempfile::TempDir;

fn data(user: &str, message: &str, link: &str) -> TemplateData {
    let pairs = [("userName", user), ("alertMessage", message), ("forecastLink", link)];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn id(name: &str) -> TemplateId {
    TemplateId(name.to_owned())
}

fn render(templates: &Templates, name: &str, data: &TemplateData) -> Result<RenderedMail, RenderError> {
    templates.render(&id(name), data)
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn refused(files: &[(&str, &str)]) -> TemplatesError {
    Templates::with_folder(folder(files).path()).unwrap_err()
}

/// A template with both parts of one text.
fn both(text: &str) -> TempDir {
    folder(&[("alert.txt", text), ("alert.html", text)])
}

#[test]
fn the_built_in_ones_say_all_that_they_are_given() {
    let templates = Templates::built_in().unwrap();
    assert_eq!(templates.names().collect::<Vec<_>>(), ["alert", "forecast_completed", "ops_alert"]);
    let given = data("John", "Demand dropped 30%", "https://example.org/forecasts/7");
    for name in ["alert", "forecast_completed", "ops_alert"] {
        let mail = render(&templates, name, &given).unwrap();
        for part in [&mail.text, &mail.html.replace("&#x2f;", "/")] {
            assert!(given.values().all(|value| part.contains(value)), "{name}: {part}");
        }
        assert!(!mail.text.contains('<') && mail.html.starts_with("<!doctype html>"));
        assert!(!mail.text.contains("unknown:"), "the settings are no part of the text");
        let without = render(&templates, name, &data("John", "x", "")).unwrap();
        assert!(!without.html.contains("href"), "{name}: no link, no button");
    }
    let policies =
        ["alert", "forecast_completed", "ops_alert", "other"].map(|name| templates.unknown_policy(&id(name)));
    assert_eq!(policies, [UnknownPolicy::Resend, UnknownPolicy::Hold, UnknownPolicy::Resend, UnknownPolicy::Hold]);
}

#[test]
fn markup_in_values_is_text() {
    let templates = Templates::built_in().unwrap();
    let evil = "<script>alert('1')</script> & \"q\" {{ userName }}";
    let mail = render(&templates, "alert", &data(evil, evil, "https://example.org/?a=\"><img>&b")).unwrap();
    assert!(mail.text.contains(evil));
    assert!(!mail.html.contains("<script>") && !mail.html.contains("<img>") && !mail.html.contains("\"q\""));
    assert!(mail.html.contains("&lt;script&gt;") && mail.html.contains("{{ userName }}"), "{}", mail.html);
}

#[test]
fn a_link_is_one() {
    let templates = Templates::built_in().unwrap();
    for bad in ["javascript:alert(1)", " https://example.org", "https://example.org/\r\nx", "//example.org", "data:,"] {
        let error = render(&templates, "alert", &data("John", "x", bad)).unwrap_err();
        assert!(matches!(error, RenderError::Failed { .. }), "{bad:?}");
    }
}

#[test]
fn a_value_that_is_missing_is_an_error() {
    let templates = Templates::built_in().unwrap();
    let mut given = data("John", "x", "");
    for name in ["userName", "alertMessage", "forecastLink"] {
        let value = given.remove(name).unwrap();
        let error = render(&templates, "alert", &given).unwrap_err().to_string();
        assert!(error.contains("\"alert\"") && error.contains(name), "{error}");
        given.insert(name.to_owned(), value);
    }
    assert_eq!(render(&templates, "none", &given).unwrap_err(), RenderError::Unknown("none".to_owned()));
    // Of values that no template names nobody takes notice.
    given.insert("more".to_owned(), "x".to_owned());
    render(&templates, "alert", &given).unwrap();
}

#[test]
fn errors_name_no_values() {
    let folder = both("{{ userName }}{{ alertMessage | int }}");
    // As a sample is no number, this is refused at the start already.
    let error = Templates::with_folder(folder.path()).unwrap_err().to_string();
    assert!(error.contains("alert.txt"), "{error}");
    let templates = Templates::with_folder(
        both("{% for c in alertMessage %}{% for d in alertMessage %}{{ d }}{% endfor %}{% endfor %}").path(),
    )
    .unwrap();
    let error = render(&templates, "alert", &data("John", &"secret ".repeat(100), "")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[test]
fn what_is_wrong_with_a_folder_is_said_at_the_start() {
    let text = [("x.txt", "a")];
    assert!(matches!(refused(&text), TemplatesError::Part { missing: "html", .. }), "{:?}", refused(&text));
    assert!(matches!(refused(&[("x.html", "a")]), TemplatesError::Part { missing: "txt", .. }));
    let with = |html: &'static str| refused(&[("x.txt", "a"), ("x.html", html)]);
    let names = |error: &TemplatesError, words: &[&str]| {
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    names(&with("{% if %}"), &["x.html", "syntax error"]);
    names(&with("{{ username }} {{ userName }} {{ link }}"), &["x.html", "link, username", "forecastLink"]);
    names(&with("{{ userName | shout }}"), &["x.html", "filter"]);
    names(&with("{{ shout(userName) }}"), &["x.html", "shout"]);
    names(&with("{{ userName.first }}"), &["x.html", "undefined"]);
    names(&with("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"), &["x.html", "fuel"]);
    names(&with("{{ 'x' * 1000000000 }}"), &["x.html"]);
    names(&refused(&[("x.txt", "---\nunknown: never\n---\n"), ("x.html", "a")]), &["x.txt", "never"]);
    for name in ["Alert.txt", "x.htm", "x", "x.html~", "x y.txt", ".txt.txt.x"] {
        if !name.starts_with('.') {
            assert!(matches!(refused(&[(name, "a")]), TemplatesError::File { .. }), "{name}");
        }
    }
    assert!(matches!(refused(&[("x.txt", &"a".repeat(300_000))]), TemplatesError::File { .. }));
    let missing = Templates::with_folder(Path::new("/nowhere/at/all")).unwrap_err();
    assert!(matches!(missing, TemplatesError::Io { .. }), "{missing}");
}

#[test]
fn a_folder_replaces_and_adds() {
    let folder = folder(&[
        ("alert.txt", "---\nunknown: hold\n---\nOurs: {{ alertMessage }}"),
        ("alert.html", "<b>{{ alertMessage }}</b>"),
        ("weekly.txt", "{{ userName }}"),
        ("weekly.html", "{{ userName|upper }}"),
        (".hidden", "anything"),
    ]);
    let templates = Templates::with_folder(folder.path()).unwrap();
    assert_eq!(templates.names().count(), 4);
    let mail = render(&templates, "alert", &data("J", "a<b", "")).unwrap();
    assert_eq!((mail.text.as_str(), mail.html.as_str()), ("Ours: a<b", "<b>a&lt;b</b>"));
    assert_eq!(templates.unknown_policy(&id("alert")), UnknownPolicy::Hold);
    assert_eq!(render(&templates, "weekly", &data("j", "", "")).unwrap().html, "J");
    render(&templates, "forecast_completed", &data("j", "", "")).unwrap();
}

/// Values, too, can make a template costly: then it ends.
#[test]
fn work_and_output_are_bounded() {
    let nested = "{% for a in alertMessage %}{% for b in alertMessage %}{{ b }}{% endfor %}{% endfor %}";
    let templates = Templates::with_folder(both(nested).path()).unwrap();
    render(&templates, "alert", &data("J", "short", "")).unwrap();
    let error = render(&templates, "alert", &data("J", &"x".repeat(5_000), "")).unwrap_err();
    assert!(error.to_string().contains("fuel"), "{error}");
    let copies = "{{ alertMessage }}".repeat(40);
    let templates = Templates::with_folder(both(&copies).path()).unwrap();
    let error = render(&templates, "alert", &data("J", &"x".repeat(10_000), "")).unwrap_err();
    assert!(error.to_string().contains("262144 bytes"), "{error}");
    let error = render(&templates, "alert", &data("J", &"x".repeat(1 << 20), "")).unwrap_err();
    assert!(error.to_string().contains("65536"), "{error}");
}
