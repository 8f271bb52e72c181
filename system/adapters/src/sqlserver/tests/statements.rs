//! Each statement against what `statements.rs` says of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::scan::{answers, code, parameters};
use crate::sqlserver::statements::ALL;

/// As many parameters as its type has, from 1, without a hole: the server would refuse one too few, and the driver sends
/// one too many without a word.
#[test]
fn a_statement_names_as_many_parameters_as_it_gets() {
    for statement in ALL {
        let named = parameters(statement.text);
        let due: BTreeSet<usize> = (1..=statement.parameters).collect();
        assert_eq!(named, due, "{}", statement.path);
    }
}

/// The readers read by place.
#[test]
fn a_statement_answers_the_columns_that_its_readers_read() {
    for statement in ALL {
        // A procedure's columns stand with the procedure.
        let text = match statement.path {
            "notifications/list" => procedure("GetNotifications"),
            "notifications/devices" => procedure("GetUserDevices"),
            _ => statement.text.to_owned(),
        };
        let found = answers(&text);
        let due: Vec<Vec<String>> = match statement.path {
            "notifications/list" => answers_of("notifications/list_after"),
            "notifications/devices" => answers_of("notifications/device_known"),
            _ => statement.answers.iter().map(|answer| answer.iter().map(|one| (*one).to_owned()).collect()).collect(),
        };
        assert_eq!(found, due, "{}", statement.path);
    }
}

fn answers_of(path: &str) -> Vec<Vec<String>> {
    answers(ALL.iter().find(|statement| statement.path == path).unwrap().text)
}

/// The body of a procedure, whose statements are between its BEGIN and its END.
fn procedure(name: &str) -> String {
    let text = include_str!("../schema/0007_notification_procedures.sql");
    let rest = text.split(&format!("CREATE PROCEDURE dbo.{name}\n")).nth(1).unwrap();
    let body = rest.split("BEGIN\n").nth(1).unwrap().split("END;\nGO").next().unwrap();
    body.to_owned()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// A file that no statement is made of is not run, and not tested.
#[test]
fn every_file_is_a_statement() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlserver/sql");
    let mut found = Vec::new();
    files(&folder, &mut found);
    let named = |path: &PathBuf| path.strip_prefix(&folder).unwrap().with_extension("").to_str().unwrap().to_owned();
    let found: BTreeSet<String> = found.iter().map(named).collect();
    // The pool's own.
    let known: BTreeSet<String> =
        ALL.iter().map(|statement| statement.path.to_owned()).chain(["session/reset".to_owned()]).collect();
    assert_eq!(found, known);
}

/// What Babelfish and others do not take, where there is a choice; and what would be wrong in any.
#[test]
fn statements_stay_within_the_dialect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlserver");
    let mut found = Vec::new();
    files(&folder.join("sql"), &mut found);
    files(&folder.join("schema"), &mut found);
    assert!(found.len() > 90, "{}", found.len());
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = code(&text);
        let name = path.display();
        assert!(text.starts_with("-- "), "{name} says what it is");
        assert!(text.lines().all(|line| line.len() <= 130), "{name} has long lines");
        for banned in
            ["MERGE ", "CREATE OR ALTER", "NOLOCK", "WAITFOR", "SELECT *", "GETDATE(", "GETUTCDATE(", "@@IDENTITY"]
        {
            assert!(!code.contains(banned), "{name} uses {banned}");
        }
        // A table that has triggers answers OUTPUT only into a table.
        for (at, _) in code.match_indices("OUTPUT ") {
            let clause = code[at..].split("FROM").next().unwrap();
            assert!(clause.contains(" INTO @"), "{name}: {clause}");
        }
        // A time of the client's would be another clock.
        assert!(!code.contains("SYSDATETIME("), "{name}");
        let begins = code.matches("BEGIN TRANSACTION").count();
        assert_eq!(begins, code.matches("COMMIT TRANSACTION").count(), "{name} ends what it begins");
    }
}

/// A statement by itself commits by itself: what a restore changes of the incarnation and of the leases must stand or fall
/// together, or a fork is known whose leases still hold.
#[test]
fn what_raises_the_incarnation_does_so_in_one_transaction() {
    for path in ["session/fork", "store/raise_incarnation"] {
        let listed = ALL.iter().find(|one| one.path == path).unwrap_or_else(|| panic!("{path}"));
        let code = code(listed.text);
        let inside =
            code.split("BEGIN TRANSACTION").nth(1).and_then(|rest| rest.split("COMMIT TRANSACTION").next()).unwrap();
        assert_eq!(code.matches("UPDATE dbo.").count(), inside.matches("UPDATE dbo.").count(), "{path}: {code}");
        assert_eq!(inside.matches("UPDATE dbo.ForecastMeta").count(), 1, "{path}");
        // As everybody else does: leases first.
        assert!(inside.find("UPDATE dbo.ForecastLeases") < inside.find("UPDATE dbo.ForecastMeta"), "{path}");
    }
}
