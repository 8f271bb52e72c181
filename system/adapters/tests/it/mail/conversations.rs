//! What is said to a mail server when all goes well.

use adapters::smtp::testing::Script;

use super::support::{attachment, mail, session, session_with};

/// The commands of one mail, whether they travel together or not.
const OF_A_MAIL: [&str; 3] = ["MAIL FROM:<smartpulse@example.org>", "RCPT TO:<john@example.com>", "DATA"];

#[tokio::test]
async fn a_mail_with_and_without_extensions() {
    for (extensions, size) in [(&["PIPELINING", "SIZE"][..], true), (&["SIZE 1000"], true), (&[], false)] {
        let (server, mut session) = session(Script::new().extensions(extensions)).await;
        let receipt = session.send(&mail(1)).await.unwrap();
        assert_eq!(receipt.answer, "2.0.0 taken");
        session.quit().await;
        let mails = server.mails();
        assert_eq!((mails.len(), mails[0].from.as_str()), (1, "smartpulse@example.org"));
        assert_eq!(mails[0].to, ["john@example.com"]);
        let data = String::from_utf8(mails[0].data.clone()).unwrap();
        assert!(data.contains("\r\nSubject: Production Alert 1\r\n"), "{data}");
        let commands = server.commands();
        assert_eq!(commands.first().map(String::as_str), Some("EHLO [127.0.0.1]"));
        let sized = format!("{} SIZE={}", OF_A_MAIL[0], data.len());
        assert_eq!(commands[1], if size { sized.as_str() } else { OF_A_MAIL[0] });
        assert_eq!(commands[2..], ["RCPT TO:<john@example.com>", "DATA", "QUIT"]);
    }
}

#[tokio::test]
async fn many_mails_share_a_connection() {
    let (server, mut session) = session(Script::new()).await;
    for n in 0..100 {
        session.send(&mail(n)).await.unwrap();
    }
    session.quit().await;
    let mails = server.mails();
    assert_eq!((mails.len(), server.connections()), (100, 1));
    for (n, mail) in mails.iter().enumerate() {
        let data = String::from_utf8_lossy(&mail.data);
        assert!(data.contains(&format!("Message-ID: <00000000-0000-7000-8000-{n:012}@example.org>\r\n")), "{data}");
    }
}

#[tokio::test]
async fn the_sender_of_the_envelope_may_be_another_or_none() {
    for (setting, expected) in [("bounces@example.org", "bounces@example.org"), ("", "")] {
        let (server, mut session) =
            session_with(Script::new(), |config| config.envelope_sender = Some(setting.to_owned())).await;
        session.send(&mail(1)).await.unwrap();
        assert_eq!(server.mails()[0].from, expected);
        assert!(String::from_utf8_lossy(&server.mails()[0].data).contains("From: SmartPulse <smartpulse@example.org>"));
    }
}

/// A line that begins with a dot arrives as it was, and ends nothing.
#[tokio::test]
async fn dots_and_large_files_arrive() {
    let (server, mut session) = session(Script::new()).await;
    let mut dotted = mail(1);
    dotted.text = ".\n..\n.\r\n.leading\r\n\r\n.\r\nQUIT\r\n".to_owned();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    dotted.attachments = vec![attachment("big.bin", "application/octet-stream", bytes)];
    session.send(&dotted).await.unwrap();
    session.send(&mail(2)).await.unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    let data = String::from_utf8(mails[0].data.clone()).unwrap();
    assert!(data.contains("\r\n\r\n.\r\n..\r\n.\r\n.leading\r\n\r\n.\r\nQUIT\r\n"), "{}", &data[..2_000]);
    assert!(data.len() > 4_000_000);
}
