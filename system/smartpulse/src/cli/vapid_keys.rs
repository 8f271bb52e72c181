//! `smartpulse vapid-keys`.

use std::path::PathBuf;

use clap::Args;

use super::error::CliError;
use super::run::Surroundings;
use crate::wiring::new_vapid_key;

/// Makes a key pair by which push services know this system (VAPID, RFC 8292)
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  smartpulse vapid-keys --out vapid.pem
  smartpulse serve --set push.vapid_key_file=vapid.pem

All instances use one key. Browsers subscribe with its public half, which GET /api/push/vapid-public-key tells them: with \
another key they must all subscribe again. The embedded default makes one at its first start.")]
pub(super) struct VapidKeysCommand {
    /// A new file for the private key, which only its owner may read [default: it is printed]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl VapidKeysCommand {
    pub(super) fn run(&self, surroundings: &mut Surroundings<'_>) -> Result<(), CliError> {
        let key = new_vapid_key(self.out.as_deref())?;
        writeln!(surroundings.out, "public key:  {}", key.public_key)?;
        match (&self.out, &key.private_key) {
            (Some(path), _) => writeln!(surroundings.out, "private key: in {}", path.display())?,
            // The one place that shows it: whoever asks wants to put it away.
            (None, Some(private_key)) => write!(surroundings.out, "private key:\n{}", private_key.expose())?,
            (None, None) => {}
        }
        Ok(())
    }
}
