//! Postfix's smtp-sink takes our mails, refuses them, and goes away in the middle.

use domain::ports::{MailError, MailReceipt, MailTransport};

use super::super::support::{attachment, config, mail, smtp};
use super::{read, smtp_sink};

#[tokio::test]
async fn it_takes_our_mails() {
    let folder = tempfile::tempdir().unwrap();
    let Some(sink) = smtp_sink(folder.path(), &["-d", "mail."]) else { return };
    let mut session = smtp(config(sink.port)).connect().await.unwrap();
    let mut with_file = mail(1);
    with_file.attachments = vec![attachment("a.bin", "application/octet-stream", vec![0, 1, 2, 255, 13, 10, 46])];
    session.send(&with_file).await.unwrap();
    for n in 2..=50 {
        session.send(&mail(n)).await.unwrap();
    }
    session.quit().await;
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut mails = files.map(|path| (std::fs::read_to_string(&path).unwrap(), path)).collect::<Vec<_>>();
    assert_eq!(mails.len(), 50);
    mails.retain(|(text, _)| text.contains("Production Alert 1\n"));
    let Some(read) = read(&mails[0].1) else { return };
    assert_eq!(read.headers("X-Rcpt-Args"), ["<john@example.com>"]);
    assert_eq!(read.part(4), (Some("a.bin"), vec![0, 1, 2, 255, 13, 10, 46]));
}

async fn one(arguments: &[&str]) -> Option<Result<MailReceipt, MailError>> {
    let folder = tempfile::tempdir().unwrap();
    let sink = smtp_sink(folder.path(), arguments)?;
    let mut session = match smtp(config(sink.port)).connect().await {
        Ok(session) => session,
        Err(error) => return Some(Err(error)),
    };
    Some(session.send(&mail(1)).await)
}

#[tokio::test]
async fn its_troubles_have_their_names() {
    for command in ["MAIL", "RCPT", "DATA", "."] {
        // With PIPELINING and without (-p).
        for extra in [&[][..], &["-p"]] {
            let arguments = |option| [&[option, command][..], extra].concat();
            let Some(soft) = one(&arguments("-r")).await else { return };
            assert!(matches!(soft, Err(MailError::Transient { code: 450, .. })), "{command} {extra:?}: {soft:?}");
            let hard = one(&arguments("-f")).await;
            let is_recipient = match hard {
                Some(Err(MailError::Permanent { code: 500, recipient, .. })) => recipient,
                other => panic!("{command} {extra:?}: {other:?}"),
            };
            // It says 500 5.3.0: a trouble of its system.
            assert!(!is_recipient);
            for option in ["-q", "-Q"] {
                let gone = one(&arguments(option)).await;
                match (option, command, gone) {
                    // It says 421 first.
                    ("-Q", _, Some(Err(MailError::Transient { code: 421, .. }))) => {}
                    ("-q", ".", Some(Err(MailError::Unknown))) => {}
                    ("-q", "MAIL" | "RCPT" | "DATA", Some(Err(MailError::Unreachable(_)))) => {}
                    other => panic!("{extra:?}: {other:?}"),
                }
            }
        }
    }
    let Some(greeting) = one(&["-q", "CONNECT"]).await else { return };
    assert!(matches!(greeting, Err(MailError::Unreachable(_))), "{greeting:?}");
}

/// It refuses after DATA, reads nothing more, and closes the connection while we still write.
#[tokio::test]
async fn a_refusal_in_the_middle_of_a_message_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let Some(sink) = smtp_sink(folder.path(), &["-A", "0"]) else { return };
    for bytes in [100, 20_000_000] {
        let mut session = smtp(config(sink.port)).connect().await.unwrap();
        let mut with_file = mail(1);
        with_file.attachments = vec![attachment("x.bin", "application/octet-stream", vec![7; bytes])];
        let refused = session.send(&with_file).await.unwrap_err();
        assert!(matches!(refused, MailError::Permanent { code: 550, recipient: false, .. }), "{bytes}: {refused:?}");
    }
}
