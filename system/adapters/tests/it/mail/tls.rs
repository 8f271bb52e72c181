//! Encryption: required is required.

use std::time::Duration;

use adapters::smtp::testing::{Act, Script, Stage};
use adapters::smtp::{Password, SmtpConfig, SmtpFault, SmtpLogin, TlsMode};
use domain::ports::MailError;

use super::support::{Authority, fault, mail, refused, session_with};

fn starttls(authority: &Authority) -> impl Fn(&mut SmtpConfig) {
    let file = authority.file();
    move |config: &mut SmtpConfig| {
        config.tls = TlsMode::StartTls;
        config.extra_ca = Some(file.clone());
    }
}

#[tokio::test]
async fn by_starttls_and_from_the_first_byte() {
    let authority = Authority::for_server("127.0.0.1");
    let password = Password::new("secret");
    let login = SmtpLogin { user: "smart".to_owned(), password, allow_plaintext: false };
    for (mode, script) in [
        (TlsMode::StartTls, Script::new().tls(authority.server.clone())),
        (TlsMode::Implicit, Script::new().implicit_tls(authority.server.clone())),
    ] {
        let (server, mut session) = session_with(script.login("smart", "secret"), |config| {
            starttls(&authority)(config);
            config.tls = mode;
            config.login = Some(login.clone());
        })
        .await;
        for n in 0..5 {
            session.send(&mail(n)).await.unwrap();
        }
        session.quit().await;
        let mails = server.mails();
        assert_eq!((mails.len(), mails[0].tls, mails[0].user.as_deref()), (5, true, Some("smart")), "{mode:?}");
    }
}

#[tokio::test]
async fn a_server_without_it_gets_no_mail() {
    let authority = Authority::for_server("127.0.0.1");
    let error = refused(Script::new(), starttls(&authority)).await;
    assert!(matches!(fault(&error), SmtpFault::NoStartTls), "{error:?}");
    let says_no = Script::new().tls(authority.server.clone()).on(Stage::StartTls, Act::reply("454 4.7.0 not now"));
    let error = refused(says_no, starttls(&authority)).await;
    assert!(matches!(error, MailError::Transient { code: 454, .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_of_another_or_by_nobody_known() {
    let other_name = Authority::for_server("mail.example.org");
    let error = refused(Script::new().tls(other_name.server.clone()), starttls(&other_name)).await;
    assert!(matches!(fault(&error), SmtpFault::Tls(_)), "{error:?}");
    let authority = Authority::for_server("127.0.0.1");
    let unknown = refused(Script::new().tls(authority.server.clone()), |config| config.tls = TlsMode::StartTls).await;
    assert!(matches!(fault(&unknown), SmtpFault::Tls(_)), "{unknown:?}");
    let implicit = refused(Script::new().implicit_tls(authority.server), |config| config.tls = TlsMode::Implicit).await;
    assert!(matches!(fault(&implicit), SmtpFault::Tls(_)), "{implicit:?}");
}

/// Somebody in between adds plain text to the answer, to have it taken for an encrypted one.
#[tokio::test]
async fn what_comes_between_starttls_and_the_handshake_ends_the_connection() {
    let authority = Authority::for_server("127.0.0.1");
    let injected = Act::reply("220 go\r\n250-evil\r\n250 AUTH PLAIN");
    let script = Script::new().tls(authority.server.clone()).on(Stage::StartTls, injected);
    let error = refused(script, starttls(&authority)).await;
    assert!(matches!(fault(&error), SmtpFault::Injected), "{error:?}");
}

/// What was offered in plain text is forgotten: it can have been anybody's offer.
#[tokio::test]
async fn extensions_are_asked_for_again() {
    let authority = Authority::for_server("127.0.0.1");
    let script = Script::new()
        .tls(authority.server.clone())
        .on(Stage::Hello, Act::reply("250-fake\r\n250-SIZE 1\r\n250 STARTTLS"))
        .on(Stage::Hello, Act::reply("250 fake"));
    let (server, mut session) = session_with(script, starttls(&authority)).await;
    session.send(&mail(1)).await.unwrap();
    assert!(server.commands().contains(&"MAIL FROM:<smartpulse@example.org>".to_owned()), "{:?}", server.commands());
}

#[tokio::test]
async fn a_handshake_that_never_ends_ends() {
    let authority = Authority::for_server("127.0.0.1");
    // Greets, and never speaks TLS.
    let script = Script::new().on(Stage::Greeting, Act::Stall);
    let error = refused(script, |config| {
        starttls(&authority)(config);
        config.tls = TlsMode::Implicit;
        config.connect_timeout = Duration::from_millis(200);
    })
    .await;
    assert!(matches!(fault(&error), SmtpFault::Timeout(_)), "{error:?}");
}
