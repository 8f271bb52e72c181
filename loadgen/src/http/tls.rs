//! TLS to targets: rustls with aws-lc-rs, the certificates that the machine trusts and those of a file.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_platform_verifier::Verifier;

/// Whom to trust.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// Nobody can be trusted so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("TLS: {0}")]
pub struct TrustError(String);

impl Trust {
    /// Those that the machine trusts, and the certificates in a file (PEM).
    ///
    /// # Errors
    /// [`TrustError`]: the file holds none.
    pub fn of(extra: Option<&Path>) -> Result<Self, TrustError> {
        let failed = |error: &dyn fmt::Display| TrustError(error.to_string());
        let extra = match extra {
            Some(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| TrustError(format!("{}: {error}", path.display())))
                .and_then(|found| match found.is_empty() {
                    true => Err(TrustError(format!("{}: no certificate in it", path.display()))),
                    false => Ok(found),
                })?,
            None => Vec::new(),
        };
        // The provider is given explicitly: a library has no `main` that installs one.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
        let mut config = match Verifier::new_with_extra_roots(extra.clone(), provider) {
            Ok(verifier) => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
            }
            // A bare container: the file's certificates alone.
            Err(_) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(extra);
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

/// TLS to one host.
#[derive(Debug, Clone)]
pub struct Tls {
    trust: Trust,
    name: ServerName<'static>,
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Tls {}

impl Tls {
    /// To this host (a name or an address, without brackets); nothing if it can be none.
    pub(super) fn to(host: &str, trust: &Trust) -> Option<Self> {
        Some(Self { trust: trust.clone(), name: ServerName::try_from(host.to_owned()).ok()? })
    }

    /// A connection that has not yet begun.
    ///
    /// # Errors
    /// The configuration does not allow it.
    pub fn begin(&self) -> io::Result<ClientConnection> {
        ClientConnection::new(Arc::clone(&self.trust.0), self.name.clone()).map_err(io::Error::other)
    }
}

/// A blocking connection, with TLS or without.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    pub(super) fn new(stream: TcpStream, tls: Option<&Tls>) -> io::Result<Self> {
        Ok(match tls {
            None => Self::Plain(stream),
            Some(tls) => Self::Tls(Box::new(StreamOwned::new(tls.begin()?, stream))),
        })
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
