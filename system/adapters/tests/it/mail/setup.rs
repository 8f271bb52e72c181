//! Settings that cannot be used are refused before anything is sent.

use std::sync::Arc;

use adapters::mime::Sender;
use adapters::smtp::{Smtp, SmtpConfig, SmtpSetupError, TlsMode};

use super::support::{Standing, config, sender};

fn refused(set: impl FnOnce(&mut SmtpConfig)) -> SmtpSetupError {
    let mut config = config(25);
    set(&mut config);
    Smtp::new(config, sender(), Arc::new(Standing)).err().unwrap()
}

#[test]
fn names_that_would_be_commands() {
    for bad in ["", "a b", "a\r\nRSET", "exämple.org", &"a".repeat(300)] {
        let host = refused(|config| config.host = bad.to_owned());
        assert!(host.to_string().starts_with("smtp.host"), "{host}");
        let hello = refused(|config| config.hello_name = bad.to_owned());
        assert!(hello.to_string().starts_with("smtp.hello_name"), "{hello}");
    }
    let envelope = refused(|config| config.envelope_sender = Some("a@b> SIZE=1".to_owned()));
    assert!(envelope.to_string().starts_with("smtp.envelope_sender"), "{envelope}");
}

#[test]
fn certificates_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, text).unwrap();
        let error = refused(|config| {
            config.tls = TlsMode::StartTls;
            config.extra_ca = Some(file.clone());
        });
        assert!(matches!(&error, SmtpSetupError::ExtraCa { path, .. } if *path == file), "{error:?}");
    }
    let missing = refused(|config| {
        config.tls = TlsMode::Implicit;
        config.extra_ca = Some(folder.path().join("missing.pem"));
    });
    assert!(missing.to_string().contains("missing.pem"), "{missing}");
}

#[test]
fn senders_that_are_none() {
    for (address, name, domain, field) in [
        ("nobody", None, None, "address"),
        ("a@example.org\r\n", None, None, "address"),
        ("a@example.org", Some("A\r\nBcc: b@example.org"), None, "name"),
        ("a@example.org", None, Some("x y"), "domain of message ids"),
    ] {
        assert_eq!(Sender::new(address, name, domain).unwrap_err().field, field);
    }
    assert_eq!(Sender::new("a@example.org", Some(""), Some("ids.example")).unwrap().address(), "a@example.org");
}
