//! The list of migrations.

use super::scan::code;
use crate::sqlserver::migrations::{Applied, MIGRATIONS, Phase, compare};
use crate::sqlserver::{SqlServerError, migrations};

/// The hashes of what was released. A migration that a database has is never changed: what it should have been is another
/// migration.
const RELEASED: [(u32, &str, &str); 7] = [
    (1, "0001_database", "ea74cfd7a0c90d1e2629a11284b528d39a3563e09b409403ba3b0437fde16dc9"),
    (2, "0002_forecasts", "47a40283852a867cc6c89f18244c4421ffe2e90ca3e04267532c4cf6f93a509f"),
    (3, "0003_forecast_triggers", "58bbc2442d8b50fd500d9cf249cba1e7d928faa7d36d32f223a0161ac6146acd"),
    (4, "0004_forecast_work", "bfde966eea32254c7999c3409ba4d5ed297baacb02646252603e0ef6ef46aa65"),
    (5, "0005_change_tracking", "383e03e358a43e69130d0ca8dfb334494c85a0a134a3ccc79032ae5ed59c5298"),
    (6, "0006_notifications", "a4ef87604db75b6a902cf82574822eec52d63677337c2e67c60ca2fd4b7aa2e2"),
    (7, "0007_notification_procedures", "82e22660d179cab8decb1f11d0ecc2a5bd6b4a60d3b28fec65d784aaed177cc0"),
];

#[test]
fn the_migrations_are_what_was_released() {
    let found: Vec<_> = MIGRATIONS.iter().map(|one| (one.number, one.name, one.hash())).collect();
    let due: Vec<_> = RELEASED.iter().map(|(number, name, hash)| (*number, *name, (*hash).to_owned())).collect();
    assert_eq!(found, due);
    for (at, migration) in (1..).zip(MIGRATIONS) {
        assert_eq!(migration.number, at, "in their order, without holes");
        assert_eq!(migration.name.split('_').next().unwrap().parse(), Ok(at), "{}", migration.name);
    }
}

#[test]
fn a_migration_says_its_phase_and_falls_into_batches() {
    for migration in MIGRATIONS {
        let phase = migration.text.lines().next().unwrap();
        assert!(["-- phase: expand", "-- phase: contract"].contains(&phase), "{}: {phase}", migration.name);
        assert_eq!(migration.phase(), Phase::Expand, "{}", migration.name);
        let batches: Vec<String> = migration.batches().collect();
        assert!(!batches.is_empty());
        let named = migration.text.lines().filter(|line| line.trim() == "GO").count();
        assert_eq!(batches.len(), named, "{}: each batch ends with GO", migration.name);
        for batch in batches {
            let code = code(&batch);
            assert!(!code.lines().any(|line| line.trim() == "GO"), "{code}");
            // A procedure or trigger is alone in its batch.
            if let Some(at) = code.find("CREATE PROCEDURE").or_else(|| code.find("CREATE TRIGGER")) {
                assert!(code[..at].trim().is_empty(), "{code}");
            }
            // Changing the database is refused inside a transaction.
            assert!(!code.contains("ALTER DATABASE") || !migration.is_transaction(), "{}", migration.name);
        }
    }
    assert_eq!(MIGRATIONS.iter().filter(|one| !one.is_transaction()).map(|one| one.number).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_is_due_follows_from_what_was_applied() {
    let of = |one: &crate::sqlserver::migrations::Migration| Applied {
        number: one.number,
        hash: one.hash(),
        is_contract: false,
    };
    let all: Vec<Applied> = MIGRATIONS.iter().map(of).collect();
    let numbers =
        |applied: &[Applied]| -> Vec<u32> { compare(applied).unwrap().iter().map(|one| one.number).collect() };
    assert_eq!(numbers(&[]), (1..=7).collect::<Vec<_>>());
    assert_eq!(numbers(&all[..3]), [4, 5, 6, 7]);
    assert!(numbers(&all).is_empty());
    let mut changed = all.clone();
    changed[2].hash = "0".repeat(64);
    assert!(matches!(compare(&changed), Err(SqlServerError::Changed(3))));
    // The next release expanded the database: this one runs on it, and may come back to it. Once something was taken away
    // it may not.
    let later = |number, is_contract| Applied { number, hash: "0".repeat(64), is_contract };
    let expanded = [all.clone(), vec![later(8, false), later(9, false)]].concat();
    assert!(numbers(&expanded).is_empty());
    assert_eq!(numbers(&expanded[1..]), [1], "what is ours is still due");
    let contracted = [expanded, vec![later(10, true)]].concat();
    assert!(matches!(compare(&contracted), Err(SqlServerError::Ahead { found: 10, known: 7 })));
}

/// The tables that the specification names, and the procedures.
#[test]
fn the_schema_has_what_the_specification_names() {
    let all: String = MIGRATIONS.iter().map(|one| one.text).collect();
    for table in ["Forecasts", "Notifications", "SysUserDeviceInfo", "NheaMailQueue"] {
        assert!(all.contains(&format!("CREATE TABLE dbo.{table}\n")), "{table}");
    }
    for (procedure, parameters) in [
        ("GetNotifications", &["@UserId", "@Skip", "@Take"][..]),
        ("InsertNotification", &["@Id", "@UserId", "@Title", "@Body", "@Type", "@CreatedAt"]),
        ("GetUserDevices", &["@UserId"]),
    ] {
        let rest = all.split(&format!("CREATE PROCEDURE dbo.{procedure}\n")).nth(1).expect(procedure);
        let head = rest.split("AS\nBEGIN").next().unwrap();
        for parameter in parameters {
            assert!(head.contains(&format!("    {parameter} ")), "{procedure} {parameter}");
        }
        assert_eq!(head.matches('@').count(), parameters.len(), "{procedure}");
    }
    for column in migrations::CAPTURED {
        assert!(all.contains(&format!("\n    {column} ")), "dbo.Forecasts has {column}");
    }
}
