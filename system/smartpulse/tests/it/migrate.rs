//! `smartpulse migrate` on the file of SQLite.

use super::running::{command, printed, refused};

#[test]
fn migrate_says_what_it_did_and_refuses_what_is_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let due = command(dir.path(), &["migrate", "--check"]);
    let said = String::from_utf8_lossy(&due.stdout).into_owned();
    assert!(due.status.code() == Some(1) && said.contains("due (expand): schema 3"), "{said}");
    assert!(printed(dir.path(), &["migrate", "--dry-run"]).contains("CREATE TABLE forecasts"));
    assert!(!dir.path().join("data").exists(), "neither of the two makes anything");
    let made = printed(dir.path(), &["migrate"]);
    assert!(made.contains("made with schema "), "{made}");
    let again = printed(dir.path(), &["migrate"]);
    assert_eq!(again, made.replace("made with schema 3", "has schema 3 already"));
    let standing = printed(dir.path(), &["migrate", "--check"]);
    assert!(standing.contains("schema 3, this release's is 3") && standing.contains("nothing is due"), "{standing}");
    assert_eq!(printed(dir.path(), &["migrate", "--dry-run"]), "");
    std::fs::write(
        dir.path().join("text"),
        "This is no database, and long enough to be read as the head of one. ".repeat(20),
    )
    .unwrap();
    for command in ["migrate", "serve"] {
        let mut args = vec![command, "--set", "store.path=text"];
        if command == "serve" {
            args.extend(["--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"]);
        }
        let error = refused(dir.path(), &args);
        assert!(error.contains("text") && error.contains("not a database"), "{error}");
    }
    let memory = command(dir.path(), &["migrate", "--set", "store.kind=memory"]);
    assert!(String::from_utf8_lossy(&memory.stderr).contains("store.kind"));
}
