//! The text form of keys (RFC 7468): base64 between two lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const LINE: usize = 64;

/// A text is no PEM block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no PEM block of the label {0}")]
pub(crate) struct PemError(pub(crate) &'static str);

/// The bytes of the first block with `label`; other blocks (parameters, certificates) are passed over.
pub(crate) fn der_of_pem(text: &str, label: &'static str) -> Result<Vec<u8>, PemError> {
    let wrong = PemError(label);
    let begin = format!("-----BEGIN {label}-----");
    let inside = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&format!("-----END {label}-----")));
    let (inside, _) = inside.ok_or(wrong)?;
    let base64: String = inside.split_ascii_whitespace().collect();
    STANDARD.decode(base64).map_err(|_| wrong)
}

/// One block.
pub(crate) fn pem_of_der(der: &[u8], label: &str) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for at in (0..base64.len()).step_by(LINE) {
        text.push_str(&base64[at..base64.len().min(at + LINE)]);
        text.push('\n');
    }
    text + "-----END " + label + "-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for length in [0, 1, 47, 48, 49, 138] {
            let der = vec![7; length];
            let text = pem_of_der(&der, "PRIVATE KEY");
            assert!(text.lines().all(|line| line.len() <= LINE));
            let with_another =
                format!("-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\r\n{text}\r\n");
            assert_eq!(der_of_pem(&with_another, "PRIVATE KEY").unwrap(), der);
        }
        for text in
            ["", "-----BEGIN PRIVATE KEY-----\nAAAA", "-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----"]
        {
            assert_eq!(der_of_pem(text, "PRIVATE KEY"), Err(PemError("PRIVATE KEY")));
        }
    }
}
