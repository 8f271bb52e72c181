//! TLS to the mail server: aws-lc-rs, the system's certificates and those of a file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::error::SmtpSetupError;

/// How we verify. The provider is given explicitly: in tests and simulations no `main` installs one.
pub(super) fn client_config(extra_ca: Option<&Path>) -> Result<Arc<ClientConfig>, SmtpSetupError> {
    let extra = extra_ca.map_or(Ok(Vec::new()), certificates)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(SmtpSetupError::Tls)?;
    let config = match Verifier::new_with_extra_roots(extra.clone(), provider) {
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
        Err(error) => {
            // A bare container: the file's certificates alone, and without any no server is trusted.
            tracing::debug!(%error, "the platform has no root certificates");
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(extra);
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SmtpSetupError> {
    let failed = |reason: String| SmtpSetupError::ExtraCa { path: path.to_owned(), reason };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| failed(error.to_string()))?;
    match read.is_empty() {
        true => Err(failed("there is none in it".to_owned())),
        false => Ok(read),
    }
}
