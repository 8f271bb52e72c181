//! Servers that answer commands that were sent together in odd ways.

use adapters::smtp::testing::{Act, Script, Stage};
use domain::ports::MailError;

use super::support::{mail, session};

/// RFC 2920, 3.1: the recipient is refused, and DATA is not. The message must not go out.
#[tokio::test]
async fn a_server_that_wants_the_message_all_the_same_gets_none() {
    let script = Script::new().on(Stage::RcptTo, Act::reply("550 5.1.1 nobody")).on(Stage::Data, Act::reply("354 go"));
    let (server, mut session) = session(script).await;
    let error = session.send(&mail(1)).await.unwrap_err();
    assert!(matches!(error, MailError::Permanent { code: 550, recipient: true, .. }), "{error:?}");
    session.send(&mail(2)).await.unwrap();
    let mails = server.mails();
    assert_eq!((mails.len(), server.connections()), (1, 1));
    assert!(String::from_utf8_lossy(&mails[0].data).contains("Production Alert 2"));
}

/// The first refusal is the reason; what follows it only follows from it.
#[tokio::test]
async fn the_first_refusal_counts() {
    let script = Script::new()
        .on(Stage::MailFrom, Act::reply("451 4.7.1 greylisted"))
        .on(Stage::RcptTo, Act::reply("503 5.5.1 MAIL first"))
        .on(Stage::Data, Act::reply("503 5.5.1 MAIL first"));
    let (_server, mut session) = session(script).await;
    let error = session.send(&mail(1)).await.unwrap_err();
    assert!(matches!(error, MailError::Transient { code: 451, .. }), "{error:?}");
    session.send(&mail(2)).await.unwrap();
}

#[tokio::test]
async fn a_refusal_before_the_connection_broke_counts() {
    let script = Script::new().on(Stage::RcptTo, Act::reply("550 5.1.1 nobody")).on(Stage::Data, Act::Drop);
    let (_server, mut session) = session(script).await;
    let error = session.send(&mail(1)).await.unwrap_err();
    assert!(matches!(error, MailError::Permanent { recipient: true, .. }), "{error:?}");
    assert!(matches!(session.send(&mail(2)).await, Err(MailError::Unreachable(_))));
}
