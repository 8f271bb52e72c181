//! Samples, and a transport to a server of a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapters::mime::Sender;
use adapters::smtp::testing::{FakeSmtp, Script};
use adapters::smtp::{Smtp, SmtpConfig, SmtpFault, TlsMode};
use bytes::Bytes;
use coherence::{Timestamp, WallClock};
use domain::ports::{Attachment, MailError, MailSession, MailTransport, OutgoingMail};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// A clock that stands at 2025-11-13T08:12:31.5Z.
pub(crate) struct Standing;

impl WallClock for Standing {
    fn now(&self) -> Timestamp {
        "2025-11-13T08:12:31.5Z".parse().unwrap()
    }
}

pub(crate) fn sender() -> Sender {
    Sender::new("smartpulse@example.org", Some("SmartPulse"), None).unwrap()
}

pub(crate) fn mail(n: u32) -> OutgoingMail {
    OutgoingMail {
        message_id: format!("00000000-0000-7000-8000-{n:012}"),
        to: "john@example.com".to_owned(),
        to_name: Some("John".to_owned()),
        subject: format!("Production Alert {n}"),
        text: "Demand dropped 30%\n".to_owned(),
        html: "<p>Demand dropped 30%</p>\n".to_owned(),
        attachments: Vec::new(),
        unsubscribe: None,
    }
}

pub(crate) fn attachment(name: &str, content_type: &str, bytes: Vec<u8>) -> Attachment {
    Attachment { name: name.to_owned(), content_type: content_type.to_owned(), bytes: Bytes::from(bytes) }
}

/// Settings for a server of a test: no TLS, short waits.
pub(crate) fn config(port: u16) -> SmtpConfig {
    let mut config = SmtpConfig::new("127.0.0.1");
    config.port = port;
    config.tls = TlsMode::None;
    config.connect_timeout = Duration::from_secs(5);
    config.command_timeout = Duration::from_secs(5);
    config.data_timeout = Duration::from_secs(5);
    config
}

pub(crate) fn smtp(config: SmtpConfig) -> Smtp {
    Smtp::new(config, sender(), Arc::new(Standing)).unwrap()
}

/// A scripted server, and a session with it.
pub(crate) async fn session(script: Script) -> (FakeSmtp, Box<dyn MailSession>) {
    session_with(script, |_| {}).await
}

/// The same with settings changed by `set`.
pub(crate) async fn session_with(
    script: Script,
    set: impl FnOnce(&mut SmtpConfig),
) -> (FakeSmtp, Box<dyn MailSession>) {
    let server = FakeSmtp::start(script).await.unwrap();
    let mut config = config(server.address().port());
    set(&mut config);
    let session = smtp(config).connect().await.unwrap();
    (server, session)
}

/// What connecting to a scripted server came to, which failed.
pub(crate) async fn refused(script: Script, set: impl FnOnce(&mut SmtpConfig)) -> MailError {
    let server = FakeSmtp::start(script).await.unwrap();
    let mut config = config(server.address().port());
    set(&mut config);
    match smtp(config).connect().await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

/// What lies under [`MailError::Unreachable`].
pub(crate) fn fault(error: &MailError) -> &SmtpFault {
    match error {
        MailError::Unreachable(Some(source)) => source.downcast_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A certificate authority of a test, and a server that it vouches for.
pub(crate) struct Authority {
    folder: TempDir,
    pub(crate) server: Arc<ServerConfig>,
}

impl Authority {
    /// The server's certificate is for `name`.
    pub(crate) fn for_server(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = certificate.signed_by(&server_key, &issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let folder = tempfile::tempdir().unwrap();
        let files = [("ca.pem", pem), ("server.pem", certificate.pem()), ("server.key", server_key.serialize_pem())];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let server_key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let server = Arc::new(server.with_no_client_auth().with_single_cert(chain, server_key).unwrap());
        Self { folder, server }
    }

    /// The file with the authority's certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Where the server's certificate (`server.pem`) and key (`server.key`) lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
