//! The commands of the notification service, and starts that are refused: each names its setting.

use std::os::unix::fs::PermissionsExt;

use crate::running::{Running, printed, refused};

#[test]
fn a_vapid_key_is_printed_or_put_into_a_private_file() {
    let dir = tempfile::tempdir().unwrap();
    let shown = printed(dir.path(), &["vapid-keys"]);
    let public = shown.lines().find_map(|line| line.strip_prefix("public key:")).unwrap().trim().to_owned();
    assert_eq!(public.len(), 87, "an uncompressed point in base64url: {public}");
    let pem = &shown[shown.find("-----BEGIN PRIVATE KEY-----").unwrap()..];
    std::fs::write(dir.path().join("shown.pem"), pem).unwrap();

    let kept = printed(dir.path(), &["vapid-keys", "--out", "vapid.pem"]);
    assert!(!kept.contains("BEGIN") && kept.contains("in vapid.pem") && !kept.contains(&public), "{kept}");
    let mode = std::fs::metadata(dir.path().join("vapid.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = refused(dir.path(), &["vapid-keys", "--out", "vapid.pem"]);
    assert!(again.contains("vapid.pem") && again.contains("exists"), "a key is never written over: {again}");
}

#[tokio::test]
async fn the_key_that_is_named_is_the_one_that_browsers_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let made = printed(dir.path(), &["vapid-keys", "--out", "vapid.pem"]);
    let public = made.lines().find_map(|line| line.strip_prefix("public key:")).unwrap().trim().to_owned();
    let running = Running::start(dir.path(), &["--empty", "--set", "push.vapid_key_file=vapid.pem"]);
    let base = running.shown("Notifications").trim_end_matches("/api/notifications").to_owned();
    let url = format!("{base}/api/push/vapid-public-key");
    let told = running.client().get(url).bearer_auth(running.token()).send().await.unwrap().text().await.unwrap();
    assert!(told.contains(&public), "{told}");
    assert!(!dir.path().join("data/vapid.pem").exists(), "no other one is made");
    assert!(running.welcome.contains(".eml files in ./data/outbox"), "{}", running.welcome);
    running.stop();
}

#[test]
fn the_directory_comes_from_a_table() {
    let dir = tempfile::tempdir().unwrap();
    let id = "0b5d0000-0000-4000-8000-000000000001";
    let table =
        format!("type,id,name,email\nuser,{id},Anna,anna@example.com\nuser,{id}0,Bob,\nunit,{id},\"Süd, 1\",\n");
    std::fs::write(dir.path().join("people.csv"), &table).unwrap();
    let nowhere = refused(dir.path(), &["import-directory", "people.csv"]);
    assert!(nowhere.contains("there is no database at ./data/smartpulse.db"), "{nowhere}");
    printed(dir.path(), &["migrate"]);
    let partly = refused(dir.path(), &["import-directory", "people.csv"]);
    assert!(partly.contains("people.csv: line 3: id must be a UUID"), "{partly}");
    assert!(partly.contains("1 of 3 rows were not accepted"), "{partly}");
    std::fs::write(dir.path().join("people.csv"), table.replace(&format!("{id}0"), id)).unwrap();
    for _ in 0..2 {
        assert_eq!(
            printed(dir.path(), &["import-directory", "people.csv"]),
            "1 people, 1 units, 0 rows not accepted\n"
        );
    }
    std::fs::write(dir.path().join("people.csv"), "id,name\n").unwrap();
    let refused = refused(dir.path(), &["import-directory", "people.csv"]);
    assert!(refused.contains("there is no column \"type\""), "{refused}");
}

#[test]
fn the_description_of_the_notification_api_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let printed = printed(dir.path(), &["openapi", "--notifications"]);
    let api: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(api["info"]["title"], "SmartPulse NotificationService");
    assert!(api["paths"]["/api/send-push-notification"].is_object());
}

#[test]
fn a_start_that_cannot_work_names_its_setting() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("no-key.pem"), "nothing").unwrap();
    std::fs::set_permissions(dir.path().join("no-key.pem"), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(dir.path().join("account.json"), "{\"type\": \"authorized_user\"}").unwrap();
    std::fs::create_dir(dir.path().join("templates")).unwrap();
    std::fs::write(dir.path().join("templates/alert.txt"), "{{ nobody }}").unwrap();
    std::fs::write(dir.path().join("templates/alert.html"), "{{ nobody }}").unwrap();
    let server = "mail.host=mail.example.com";
    for (settings, expected) in [
        (&["push.vapid_key_file=absent.pem"][..], "the VAPID key absent.pem (`push.vapid_key_file`"),
        (&["push.vapid_key_file=no-key.pem"], "no private key on P-256"),
        (&["push.subject=mailto:root@localhost"], "`push.subject`:"),
        (&["push.allowed_private_origins=http://127.0.0.1:1/x"], "`push.allowed_private_origins`:"),
        (&["fcm.service_account_file=absent.json"], "`fcm.service_account_file`: cannot read absent.json"),
        (&["fcm.service_account_file=account.json"], "`fcm.service_account_file` account.json"),
        (&[server, "mail.send_timeout_s=660"], "`mail.send_timeout_s` is 660 s, and must be more than the 660.5 s"),
        (&[server, "mail.session_timeout_s=80"], "`mail.session_timeout_s` is 80 s, and must be more than"),
        (&[server, "mail.ca_file=absent.pem"], "absent.pem"),
        (&["mail.outbox_dir=no-key.pem"], "`mail.outbox_dir`"),
        (&["notifications.templates_dir=absent"], "`notifications.templates_dir`"),
        (&["notifications.templates_dir=templates"], "alert.txt names unknown values: nobody"),
        (&["alerts.template=absent"], "`alerts.template`: there is no template \"absent\""),
    ] {
        let mut args = vec!["serve", "--empty", "--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"];
        for setting in settings {
            args.extend(["--set", setting]);
        }
        let found = refused(dir.path(), &args);
        assert!(found.contains(expected), "{settings:?}: {found}");
    }
}
