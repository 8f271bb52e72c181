//! What each trouble is called, and whether the session goes on.

use std::time::Duration;

use adapters::smtp::SmtpFault;
use adapters::smtp::testing::{Act, FakeSmtp, Script, Stage};
use domain::ports::{MailError, MailSession, MailTransport};
use tokio::time::Instant;

use super::support::{attachment, config, fault, mail, refused, session, session_with, smtp};

const IMPATIENT: Duration = Duration::from_millis(150);

/// With and without commands that travel together.
fn both() -> [Script; 2] {
    [Script::new(), Script::new().extensions(&[])]
}

/// Sends a mail that fails and one that must not; answers the first one's error.
async fn goes_on(script: Script) -> MailError {
    let (server, mut session) = session(script).await;
    let error = session.send(&mail(1)).await.unwrap_err();
    assert!(!session.is_over(), "{error:?}");
    session.send(&mail(2)).await.unwrap_or_else(|second| panic!("after {error:?}: {second:?}"));
    assert_eq!((server.mails().len(), server.connections()), (1, 1));
    assert!(String::from_utf8_lossy(&server.mails()[0].data).contains("Production Alert 2"));
    error
}

/// Sends a mail that fails and ends the session.
async fn ends(script: Script) -> MailError {
    let (_server, mut session) = session_with(script, |config| {
        config.command_timeout = IMPATIENT;
        config.data_timeout = IMPATIENT;
    })
    .await;
    let started = Instant::now();
    let error = session.send(&mail(1)).await.unwrap_err();
    assert!(started.elapsed() < IMPATIENT * 10, "{:?}", started.elapsed());
    let is_over = session.is_over();
    let over = session.send(&mail(2)).await.unwrap_err();
    assert!(is_over || matches!(fault(&over), SmtpFault::Closed), "{error:?}, then {over:?}");
    assert!(matches!(fault(&over), SmtpFault::Over | SmtpFault::Closed | SmtpFault::Broken(_)), "{over:?}");
    session.quit().await;
    error
}

fn is_recipient(error: &MailError) -> bool {
    matches!(error, MailError::Permanent { recipient: true, .. })
}

#[tokio::test]
async fn a_refusal_is_the_mails_and_the_session_goes_on() {
    for script in both() {
        for stage in [Stage::MailFrom, Stage::RcptTo, Stage::Data, Stage::Message] {
            let later = goes_on(script.clone().on(stage, Act::reply("451 4.3.0 later"))).await;
            assert!(
                matches!(&later, MailError::Transient { code: 451, answer } if answer == "4.3.0 later"),
                "{stage:?}: {later:?}"
            );
            assert!(later.is_retryable());
            let never = goes_on(script.clone().on(stage, Act::reply("550-5.1.1 no\r\n550 5.1.1 such user"))).await;
            assert!(matches!(never, MailError::Permanent { code: 550, .. }), "{stage:?}: {never:?}");
            assert_eq!(is_recipient(&never), stage == Stage::RcptTo, "{stage:?}");
            assert!(!never.is_retryable());
            assert!(never.to_string().contains("such user"));
        }
        // It is said at RCPT, and meant of us.
        let policy = goes_on(script.on(Stage::RcptTo, Act::reply("554 5.7.1 you are on a list"))).await;
        assert!(matches!(policy, MailError::Permanent { code: 554, recipient: false, .. }), "{policy:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_message_took_nothing() {
    for script in both() {
        for stage in [Stage::MailFrom, Stage::RcptTo, Stage::Data] {
            for act in [Act::Drop, Act::Stall, Act::HalfClose, Act::Flood(10_000), Act::reply("what?")] {
                let error = ends(script.clone().on(stage, act.clone())).await;
                assert!(matches!(error, MailError::Unreachable(Some(_))), "{stage:?} {act:?}: {error:?}");
                assert!(error.is_retryable());
            }
        }
        // Neither is an answer: 250 to DATA would have the message read as commands.
        assert!(matches!(ends(script.clone().on(Stage::Data, Act::reply("250 ok"))).await, MailError::Unreachable(_)));
        assert!(matches!(ends(script.on(Stage::RcptTo, Act::reply("354 go"))).await, MailError::Unreachable(_)));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_it_leaves_its_fate_open() {
    let acts = [
        Act::Drop,
        Act::TakeAndDrop,
        Act::Stall,
        Act::HalfClose,
        Act::Flood(1 << 20),
        Act::reply("thanks"),
        Act::reply("354 more"),
        Act::Bytes(b"25".to_vec()),
    ];
    for script in both() {
        for act in &acts {
            let error = ends(script.clone().on(Stage::Message, act.clone())).await;
            assert!(matches!(error, MailError::Unknown), "{act:?}: {error:?}");
            assert!(!error.is_retryable());
        }
    }
}

/// The server stops in the middle of a message: it never saw the final dot, so it cannot have taken the mail.
#[tokio::test]
async fn a_message_that_stuck_before_its_end_was_not_taken() {
    for act in [Act::Stall, Act::Drop] {
        let (server, mut session) = session_with(Script::new().on(Stage::Body, act.clone()), |config| {
            config.data_timeout = IMPATIENT * 4;
        })
        .await;
        let mut large = mail(1);
        large.attachments = vec![attachment("x.bin", "application/octet-stream", vec![7; 20_000_000])];
        let error = session.send(&large).await.unwrap_err();
        assert!(matches!(error, MailError::Unreachable(Some(_))), "{act:?}: {error:?}");
        assert!(server.mails().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_goes_away_says_so_and_ends_the_session() {
    for stage in [Stage::MailFrom, Stage::RcptTo, Stage::Data, Stage::Message] {
        for script in both() {
            let error = ends(script.on(stage, Act::reply("421 4.3.2 going down"))).await;
            assert!(matches!(error, MailError::Transient { code: 421, .. }), "{stage:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn no_session_without_a_greeting_and_an_answer_to_it() {
    for stage in [Stage::Greeting, Stage::Hello] {
        let refusal = refused(Script::new().on(stage, Act::reply("554 5.7.1 not you")), |_| {}).await;
        assert!(matches!(refusal, MailError::Permanent { code: 554, recipient: false, .. }), "{refusal:?}");
        let busy = refused(Script::new().on(stage, Act::reply("421 too many")), |_| {}).await;
        assert!(matches!(busy, MailError::Transient { code: 421, .. }), "{busy:?}");
        for act in [Act::Drop, Act::Stall, Act::Flood(1 << 20), Act::reply("hello"), Act::HalfClose] {
            let error = refused(Script::new().on(stage, act.clone()), |config| {
                config.command_timeout = IMPATIENT;
            })
            .await;
            assert!(matches!(error, MailError::Unreachable(Some(_))), "{stage:?} {act:?}: {error:?}");
        }
        // A line of spaces and words of another time are no trouble.
        let odd = Act::Bytes(b"250- \r\n250-\xe9\xff\r\n250 \r\n".to_vec());
        let (_server, mut session) = session(Script::new().on(Stage::Hello, odd)).await;
        session.send(&mail(1)).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_there() {
    let gone = FakeSmtp::start(Script::new()).await.unwrap();
    let port = gone.address().port();
    drop(gone);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let closed = smtp(config(port)).connect().await.err().unwrap();
    assert!(matches!(fault(&closed), SmtpFault::Connect(_)), "{closed:?}");
    let mut nameless = config(port);
    nameless.host = "no-such-host.invalid".to_owned();
    let nameless = smtp(nameless).connect().await.err().unwrap();
    assert!(matches!(nameless, MailError::Unreachable(Some(_))), "{nameless:?}");
}

/// Whoever gives up a mail half-way leaves a conversation that nobody can continue.
#[tokio::test]
async fn a_send_that_was_given_up_ends_the_session() {
    let (server, mut session) = session(Script::new().on(Stage::RcptTo, Act::Stall)).await;
    let mut given_up: Box<dyn MailSession> = {
        let sent = tokio::time::timeout(IMPATIENT, session.send(&mail(1))).await;
        assert!(sent.is_err());
        session
    };
    let error = given_up.send(&mail(2)).await.unwrap_err();
    assert!(matches!(fault(&error), SmtpFault::Over));
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_refuses_to_forget_is_left() {
    for act in [Act::reply("500 what"), Act::Drop] {
        let script = Script::new().on(Stage::RcptTo, Act::reply("550 no")).on(Stage::Reset, act);
        assert!(is_recipient(&ends(script).await));
    }
}

/// What cannot be a mail costs the session nothing.
#[tokio::test]
async fn an_impossible_mail_is_not_begun() {
    let (server, mut session) = session(Script::new()).await;
    let mut bad = mail(1);
    bad.to = "a@example.org>\r\nRCPT TO:<b@example.org".to_owned();
    assert!(matches!(session.send(&bad).await, Err(MailError::Invalid(_))));
    session.send(&mail(2)).await.unwrap();
    assert_eq!(server.mails().len(), 1);
    assert!(server.commands().iter().all(|line| !line.contains("b@example.org")));
}
