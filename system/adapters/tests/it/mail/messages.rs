//! What can be a mail, and what it becomes: seen through the outbox of files.

use std::sync::Arc;

use adapters::outbox_files::{OutboxFiles, OutboxFilesConfig};
use domain::ports::{MailError, MailTransport, OutgoingMail};
use proptest::prelude::*;
use tempfile::TempDir;

use super::parts::{python, read};
use super::support::{Standing, attachment, mail, sender};

struct Writer {
    folder: TempDir,
    outbox: OutboxFiles,
}

impl Writer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = OutboxFilesConfig::new(folder.path());
        Self { outbox: OutboxFiles::open(config, sender(), Arc::new(Standing)).unwrap(), folder }
    }

    async fn write(&self, mail: &OutgoingMail) -> Result<std::path::PathBuf, MailError> {
        let mut session = self.outbox.connect().await?;
        Ok(self.folder.path().join(session.send(mail).await?.answer))
    }
}

type Put = fn(&mut OutgoingMail, &str);

/// Every field that a stranger's text can get into.
const FIELDS: [(&str, Put); 8] = [
    ("to", |mail, text| mail.to = text.to_owned()),
    ("name", |mail, text| mail.to_name = Some(text.to_owned())),
    ("subject", |mail, text| mail.subject = text.to_owned()),
    ("unsubscribe", |mail, text| mail.unsubscribe = Some(format!("https://example.org/{text}"))),
    ("message id", |mail, text| mail.message_id = text.to_owned()),
    ("file name", |mail, text| mail.attachments = vec![attachment(text, "text/plain", vec![1])]),
    ("media type", |mail, text| mail.attachments = vec![attachment("a.txt", text, vec![1])]),
    ("media type's parameter", |mail, text| {
        mail.attachments = vec![attachment("a.txt", &format!("text/plain; charset={text}"), vec![1])];
    }),
];

#[tokio::test]
async fn a_line_break_is_refused_wherever_a_header_would_hold_it() {
    let writer = Writer::new();
    for (field, put) in FIELDS {
        for evil in ["a\r\nBcc: b@example.org", "a\nb", "a\rb", "a\0b", "a\u{2028}b", "a\u{85}b", &"x".repeat(1 << 20)]
        {
            let mut bad = mail(1);
            put(&mut bad, evil);
            let refused = writer.write(&bad).await;
            assert!(matches!(refused, Err(MailError::Invalid(_))), "{field} {:?}: {refused:?}", &evil[..5]);
        }
    }
    assert_eq!(std::fs::read_dir(writer.folder.path()).unwrap().count(), 0, "nothing is written");
}

#[tokio::test]
async fn what_is_no_attachment_and_no_link() {
    let writer = Writer::new();
    for (name, kind) in [
        ("", "text/plain"),
        ("../a", "text/plain"),
        ("a\\b", "text/plain"),
        ("a", "nonsense"),
        ("a", "message/rfc822"),
        ("a", "Multipart/Mixed; boundary=x"),
        ("a", ""),
    ] {
        let mut bad = mail(1);
        bad.attachments = vec![attachment(name, kind, vec![1])];
        assert!(matches!(writer.write(&bad).await, Err(MailError::Invalid(_))), "{name:?} {kind:?}");
    }
    for link in ["http://example.org", "mailto:a@example.org", "https://a>, <mailto:b@example.org", ""] {
        let bad = OutgoingMail { unsubscribe: Some(link.to_owned()), ..mail(1) };
        assert!(matches!(writer.write(&bad).await, Err(MailError::Invalid(_))), "{link:?}");
    }
}

/// The same mail is the same bytes at each attempt.
#[tokio::test]
async fn a_mail_is_the_same_at_each_attempt() {
    let writer = Writer::new();
    let mut with_file = mail(1);
    with_file.attachments = vec![attachment("a.txt", "text/plain", b"x".to_vec())];
    let first = std::fs::read(writer.write(&with_file).await.unwrap()).unwrap();
    let second = std::fs::read(writer.write(&with_file).await.unwrap()).unwrap();
    assert_eq!(first, second);
}

/// Whatever ends a line in a text, no bare CR or LF goes out: that is what SMTP smuggling is made of.
#[tokio::test]
async fn no_bare_line_ends() {
    let writer = Writer::new();
    let mut odd = mail(1);
    odd.text = "a\n.\nb\r.\rc\r\n.\r\nMAIL FROM:<x@example.org>\n\r".to_owned();
    odd.html.clone_from(&odd.text);
    let text = std::fs::read_to_string(writer.write(&odd).await.unwrap()).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,80}",
        "[a-zA-Z ,;:<>@\"()\\\\=?_.-]{0,200}",
        "[a-z]{300,700}",
        "(=\\?utf-8\\?[qb]\\?[a-z=]{0,8}\\?= ?){0,4}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// No text panics, adds a header, or makes a line too long; what is taken has the headers that it must have.
    #[test]
    fn any_text_is_taken_whole_or_refused(
        name in text(), subject in text(), body in text(), file in text(), to in "\\PC{0,40}",
    ) {
        let writer = Writer::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut odd = OutgoingMail { to_name: Some(name), subject, text: body.clone(), html: body, ..mail(1) };
        if to.contains('@') {
            odd.to = to;
        }
        odd.attachments = vec![attachment(&file, "text/plain", b"x".to_vec())];
        let written = match runtime.block_on(writer.write(&odd)) {
            Ok(path) => std::fs::read_to_string(path).unwrap(),
            Err(MailError::Invalid(_)) => return Ok(()),
            Err(other) => panic!("{other:?}"),
        };
        prop_assert!(written.is_ascii());
        prop_assert!(!written.replace("\r\n", "").contains(['\r', '\n']));
        prop_assert!(written.lines().all(|line| line.len() <= 998));
        let head = written.split("\r\n\r\n").next().unwrap();
        let names: Vec<_> =
            head.lines().filter(|line| !line.starts_with([' ', '\t'])).map(|line| line.split(':').next().unwrap()).collect();
        let expected =
            ["Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"];
        prop_assert_eq!(names, expected, "{}", head);
    }
}

/// Python reads what was meant, for names and subjects that need all kinds of encoding.
#[tokio::test]
async fn odd_names_are_read_as_they_were_meant() {
    if python().is_none() {
        return;
    }
    let writer = Writer::new();
    for name in [
        "O'Neill, John",
        "\"quoted\"",
        "back\\slash",
        "a (comment) b",
        "Jörg",
        "生産 アラート",
        "🌤🌤🌤🌤🌤🌤🌤🌤🌤🌤",
        "=?utf-8?q?evil?=",
        "a@example.org",
        "x <b@example.org>",
        "two  spaces",
    ] {
        let odd = OutgoingMail { to_name: Some(name.to_owned()), subject: name.to_owned(), ..mail(1) };
        let read = read(&writer.write(&odd).await.unwrap()).unwrap();
        assert_eq!(read.people("to"), [(name, "john@example.com")]);
        assert_eq!(read.headers("Subject"), [name]);
        assert_eq!(read.names().len(), 8);
    }
    // Longer than one encoded word; in a name Python would put blanks between them, against RFC 2047, 6.2.
    for subject in ["🌤".repeat(100), format!("=?utf-8?q?a=0D=0Ab?= {}", "ä".repeat(100))] {
        let long = OutgoingMail { subject, ..mail(1) };
        assert_eq!(read(&writer.write(&long).await.unwrap()).unwrap().headers("Subject"), [long.subject.as_str()]);
    }
}
