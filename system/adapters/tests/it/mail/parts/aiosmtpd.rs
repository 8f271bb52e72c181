//! PyPI aiosmtpd takes our mails, in the clear and encrypted.

use std::path::Path;
use std::process::Command;

use adapters::smtp::{Password, SmtpConfig, SmtpLogin, TlsMode};
use domain::ports::{MailError, MailTransport};
use serde_json::{Value, json};

use super::super::support::{Authority, attachment, config, mail, smtp};
use super::{Running, python, read};

fn sink(folder: &Path, certificates: Option<&Path>) -> Option<Running> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail/parts/aiosmtpd_sink.py");
    let mut command = Command::new(python()?);
    command.arg(script).arg(folder).args(certificates);
    Some(Running::printing_port(&mut command))
}

#[tokio::test]
async fn it_takes_what_python_reads_as_we_meant_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(sink) = sink(folder.path(), None) else { return };
    let mut session = smtp(config(sink.port)).connect().await.unwrap();
    let mut all = mail(7);
    all.to_name = Some("Jörg \"the <Boss>\" O'Neill, Ltd. 🚀".to_owned());
    all.subject =
        "Ertrag fällt um 30 % – 生産アラート 🌤 and a long tail of words that must be folded somewhere".to_owned();
    all.text = ".\nZeile 1 ä\r\nfrom here = there\n trailing space \n\n--=_a_x--\nEnd 🌤".to_owned();
    all.html = format!("<p>ä &amp; 🌤</p>{}", "x".repeat(3_000));
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    all.attachments = vec![
        attachment("Prognose für März.csv", "text/csv; charset=utf-8", b"a;b\r\n.\r\n1;2\n".to_vec()),
        attachment("all.bin", "application/octet-stream", bytes.clone()),
        attachment("empty.txt", "text/plain", Vec::new()),
    ];
    all.unsubscribe = Some("https://example.org/api/unsubscribe?token=abc_DEF-123".to_owned());
    session.send(&all).await.unwrap();
    session.send(&mail(8)).await.unwrap();
    session.quit().await;
    let envelope: Value = serde_json::from_slice(&std::fs::read(folder.path().join("0000.json")).unwrap()).unwrap();
    let from = "smartpulse@example.org";
    assert_eq!(envelope, json!({ "from": from, "to": ["john@example.com"], "tls": false, "login": null }));
    let read_first = read(&folder.path().join("0000.eml")).unwrap();
    assert_eq!(read_first.headers("Subject"), [all.subject.as_str()]);
    assert_eq!(read_first.people("to"), [(all.to_name.as_deref().unwrap(), "john@example.com")]);
    assert_eq!(read_first.people("from"), [("SmartPulse", from)]);
    assert_eq!(read_first.date(), "2025-11-13T08:12:31+00:00");
    assert_eq!(read_first.headers("Message-ID"), ["<00000000-0000-7000-8000-000000000007@example.org>"]);
    assert_eq!(read_first.headers("List-Unsubscribe"), ["<https://example.org/api/unsubscribe?token=abc_DEF-123>"]);
    assert_eq!(read_first.headers("List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"]);
    assert_eq!(read_first.headers("Auto-Submitted"), ["auto-generated"]);
    let types = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html"];
    assert_eq!(read_first.types(), [&types[..], &["text/csv", "application/octet-stream", "text/plain"]].concat());
    assert_eq!(read_first.text(2), all.text.replace("\r\n", "\n"));
    assert_eq!(read_first.text(3), all.html);
    let files = [(Some("Prognose für März.csv"), b"a;b\r\n.\r\n1;2\n".to_vec()), (Some("all.bin"), bytes)];
    assert_eq!([read_first.part(4), read_first.part(5)], files);
    assert_eq!(read_first.part(6), (Some("empty.txt"), Vec::new()));
    let second = read(&folder.path().join("0001.eml")).unwrap();
    assert_eq!(second.types(), &types[1..]);
    assert!(second.headers("List-Unsubscribe").is_empty());
}

#[tokio::test]
async fn it_takes_them_encrypted_and_after_a_login() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::for_server("127.0.0.1"));
    let Some(sink) = sink(folder.path(), Some(authority.folder())) else { return };
    let settings = |password: &str| {
        let mut config: SmtpConfig = config(sink.port);
        config.tls = TlsMode::StartTls;
        config.extra_ca = Some(authority.file());
        let password = Password::new(password);
        config.login = Some(SmtpLogin { user: "smart".to_owned(), password, allow_plaintext: false });
        config
    };
    let mut session = smtp(settings("pass wörd")).connect().await.unwrap();
    session.send(&mail(1)).await.unwrap();
    session.quit().await;
    let envelope: Value = serde_json::from_slice(&std::fs::read(folder.path().join("0000.json")).unwrap()).unwrap();
    assert_eq!((envelope["tls"].as_bool(), envelope["login"].as_str()), (Some(true), Some("smart")));
    let wrong = smtp(settings("wrong")).connect().await.err().unwrap();
    assert!(matches!(wrong, MailError::Permanent { code: 535, recipient: false, .. }), "{wrong:?}");
}
