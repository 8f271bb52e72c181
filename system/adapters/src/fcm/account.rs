//! The service account that sends.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use coherence::Timestamp;
use serde::{Deserialize, Serialize};

use crate::outgoing::{Jwt, der_of_pem};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// Google takes no longer grants.
const GRANT_SECONDS: i64 = 3_600;
const PROJECT_CHARS_MAX: usize = 128;

/// The file that Google gives for a service account, of which this much is used. `Debug` shows the project only.
pub struct ServiceAccount {
    pub(super) project: String,
    pub(super) token_uri: String,
    email: String,
    key_id: Option<String>,
    key: KeyPair,
}

/// A file is no service account. Nothing here repeats what it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// It is no JSON object with the fields of one.
    #[error("not the JSON of a service account: line {line}, column {column}")]
    Json {
        /// Where reading ended.
        line: usize,
        /// Where reading ended.
        column: usize,
    },
    /// It is of another kind of account, which cannot send.
    #[error("the account's type is not service_account")]
    Kind,
    /// Its project cannot be part of a URL.
    #[error("project_id is no id of a project")]
    Project,
    /// Its key is no RSA key.
    #[error("private_key is no RSA key in PEM (PKCS#8)")]
    Key,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    project_id: String,
    private_key_id: Option<String>,
    private_key: String,
    client_email: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl ServiceAccount {
    /// Reads the file's text.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(json: &str) -> Result<Self, AccountError> {
        // The parser's own words could repeat a value.
        let place = |error: serde_json::Error| AccountError::Json { line: error.line(), column: error.column() };
        let file: File = serde_json::from_str(json).map_err(place)?;
        if file.kind != "service_account" {
            return Err(AccountError::Kind);
        }
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
        let project = file.project_id;
        if !(1..=PROJECT_CHARS_MAX).contains(&project.len()) || !project.bytes().all(is_legal) || project.contains("..")
        {
            return Err(AccountError::Project);
        }
        let der = der_of_pem(&file.private_key, "PRIVATE KEY").map_err(|_| AccountError::Key)?;
        let key = KeyPair::from_pkcs8(&der).map_err(|_| AccountError::Key)?;
        Ok(Self { project, token_uri: file.token_uri, email: file.client_email, key_id: file.private_key_id, key })
    }

    /// The grant (RFC 7523): a token of an hour that says who we are, signed RS256, for the token service at `audience`.
    /// `None` if the cryptographic library fails.
    pub(super) fn grant(&self, audience: &str, now: Timestamp) -> Option<String> {
        let header = Header { typ: "JWT", alg: "RS256", kid: self.key_id.as_deref() };
        let iat = now.as_second();
        let claims = Claims { iss: &self.email, scope: SCOPE, aud: audience, iat, exp: iat + GRANT_SECONDS };
        let jwt = Jwt::new(&header, &claims).ok()?;
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), jwt.signing_input(), &mut signature).ok()?;
        Some(jwt.signed(&signature))
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("project", &self.project).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_none_is_refused_without_repeating_it() {
        let file = |kind: &str, project: &str, key: &str| {
            serde_json::json!({"type": kind, "project_id": project, "private_key": key, "client_email": "a@b.example",
                "token_uri": "https://oauth2.googleapis.com/token"})
            .to_string()
        };
        let refused = |json: &str| ServiceAccount::parse(json).unwrap_err();
        assert_eq!(refused("{\n\"type\": 7}"), AccountError::Json { line: 2, column: 9 });
        assert_eq!(refused(&file("authorized_user", "p", "hunter2")), AccountError::Kind);
        for project in ["", "a/b", "a b", "..", &"x".repeat(129)] {
            assert_eq!(refused(&file("service_account", project, "hunter2")), AccountError::Project, "{project}");
        }
        assert_eq!(refused(&file("service_account", "p", "hunter2")), AccountError::Key);
        assert!(!format!("{:?}", refused(r#"{"type":"hunter2"}"#)).contains("hunter2"));
    }
}
