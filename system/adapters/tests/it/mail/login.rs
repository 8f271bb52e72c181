//! Logging in.

use adapters::smtp::testing::{Act, Script, Stage};
use adapters::smtp::{Password, Smtp, SmtpConfig, SmtpFault, SmtpLogin, SmtpSetupError};
use domain::ports::MailError;

use super::support::{Standing, config, fault, mail, refused, sender, session_with};

fn login(config: &mut SmtpConfig) {
    let password = Password::new("pass wörd");
    config.login = Some(SmtpLogin { user: "smart".to_owned(), password, allow_plaintext: true });
}

#[tokio::test]
async fn by_plain_and_by_login() {
    for mechanisms in ["AUTH PLAIN LOGIN", "AUTH LOGIN", "auth=LOGIN"] {
        let script = Script::new().login("smart", "pass wörd");
        let offered = Act::reply(&format!("250-fake\r\n250-PIPELINING\r\n250 {mechanisms}"));
        let (server, mut session) = session_with(script.on(Stage::Hello, offered), login).await;
        session.send(&mail(1)).await.unwrap();
        assert_eq!(server.mails()[0].user.as_deref(), Some("smart"), "{mechanisms}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_refusal_that_names_none() {
    let error = refused(Script::new().login("smart", "another"), login).await;
    assert!(matches!(error, MailError::Permanent { code: 535, recipient: false, .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("wörd"), "{error:?}");
    let later = refused(
        Script::new().login("smart", "pass wörd").on(Stage::Auth, Act::reply("454 4.7.0 directory is down")),
        login,
    )
    .await;
    assert!(matches!(later, MailError::Transient { code: 454, .. }), "{later:?}");
}

/// Some servers repeat what they do not understand, and what they say is shown.
#[tokio::test]
async fn a_password_that_is_repeated_is_not_shown() {
    let plain = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "\0smart\0pass wörd");
    for answer in [
        format!("500 5.5.2 unknown command AUTH PLAIN {plain}"),
        "535 5.7.8 no \"pass wörd\" of smart".to_owned(),
        format!("AUTH PLAIN {plain}?"),
    ] {
        let script = Script::new().login("smart", "pass wörd").on(Stage::Auth, Act::reply(&answer));
        let error = refused(script, login).await;
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&plain) && !shown.contains("wörd"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_offers_no_way_in() {
    let error = refused(Script::new(), login).await;
    assert!(matches!(fault(&error), SmtpFault::NoAuth), "{error:?}");
    let odd = Script::new().on(Stage::Hello, Act::reply("250-fake\r\n250 AUTH CRAM-MD5"));
    assert!(matches!(fault(&refused(odd, login).await), SmtpFault::NoAuth));
}

#[test]
fn no_password_without_tls_unless_told() {
    let mut config = config(25);
    login(&mut config);
    if let Some(login) = &mut config.login {
        login.allow_plaintext = false;
    }
    assert!(!format!("{config:?}").contains("wörd"), "{config:?}");
    assert!(format!("{config:?}").contains("***"));
    let refused = Smtp::new(config, sender(), std::sync::Arc::new(Standing)).err();
    assert!(matches!(refused, Some(SmtpSetupError::PlaintextLogin)));
}
