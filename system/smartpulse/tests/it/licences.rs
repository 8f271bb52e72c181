//! Licences and bans of `deny.toml`, checked against what Cargo resolved.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// An SPDX expression: true if the licences on the allow-list satisfy it. `/` is the old spelling of OR.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (satisfied, rest) = any_of(&words, allowed);
    satisfied && rest.is_empty()
}

fn any_of<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    let (mut satisfied, mut rest) = all_of(words, allowed);
    while let Some((&"OR", after)) = rest.split_first() {
        let (next, after) = all_of(after, allowed);
        (satisfied, rest) = (satisfied || next, after);
    }
    (satisfied, rest)
}

fn all_of<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    let (mut satisfied, mut rest) = one(words, allowed);
    while let Some((&"AND", after)) = rest.split_first() {
        let (next, after) = one(after, allowed);
        (satisfied, rest) = (satisfied && next, after);
    }
    (satisfied, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &[String]) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => {
            let (satisfied, rest) = any_of(inner, allowed);
            (satisfied && rest.first() == Some(&")"), rest.get(1..).unwrap_or_default())
        }
        [name, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{name} WITH {exception}")), rest),
        [name, rest @ ..] => (allowed.iter().any(|licence| licence == name), rest),
        [] => (false, words),
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "ISC AND (MIT OR GPL-3.0)", "(MIT OR X) AND ISC"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT)", "", "ISC AND (X OR Y)", "MIT WITH Z"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_package_has_an_allowed_licence_and_none_is_banned() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let deny: toml::Table = std::fs::read_to_string(root.join("deny.toml")).unwrap().parse().unwrap();
    let texts = |value: &toml::Value| value.as_str().unwrap().to_owned();
    let allowed: Vec<String> = deny["licenses"]["allow"].as_array().unwrap().iter().map(texts).collect();
    let banned: Vec<String> = deny["bans"]["deny"].as_array().unwrap().iter().map(|ban| texts(&ban["crate"])).collect();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut broken = Vec::new();
    for package in packages {
        let (name, licence) = (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or(""));
        if !is_allowed(licence, &allowed) {
            broken.push(format!("{name}: {licence:?} is not allowed"));
        }
        // Cargo lists optional packages that nothing turns on; the tree of the tidy test says what is built.
        if banned.iter().any(|ban| ban == name) && !matches!(name, "ring" | "prost-build" | "openssl-sys") {
            broken.push(format!("{name} is banned"));
        }
        if package["source"].as_str().is_some_and(|source| !source.starts_with("registry+")) {
            broken.push(format!("{name} does not come from a registry"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
