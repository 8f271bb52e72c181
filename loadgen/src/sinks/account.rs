//! A service account for a Firebase that is none.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::failure::Failure;

/// Columns of PEM.
const COLUMNS: usize = 64;

/// The account's file, with a key of its own, whose tokens come from `origin`.
pub(super) fn account(origin: &str) -> Result<String, Failure> {
    let failed = |what: &str| Failure::Usage(format!("a key for the sink of FCM: {what}"));
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| failed("no randomness"))?;
    let der = key.as_der().map_err(|_| failed("no PKCS#8"))?;
    let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    for line in STANDARD.encode(der.as_ref()).as_bytes().chunks(COLUMNS) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    let file = json!({
        "type": "service_account", "project_id": "loadgen", "private_key_id": "1", "private_key": pem,
        "client_email": "loadgen@loadgen.iam.example", "client_id": "1", "token_uri": format!("{origin}/token"),
    });
    Ok(file.to_string())
}
