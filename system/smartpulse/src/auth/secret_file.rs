//! The secret that the first start generates.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::system::make_private_folder;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::Secret;

const FILE_NAME: &str = "secret";
const SECRET_BYTES: usize = 32;

/// The secret of the data directory cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretFileError {
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Arc<io::Error>,
    },
    /// Others may read it.
    #[error("{0} may be read by others; run chmod 600 on it, or remove it to get a new secret")]
    Exposed(PathBuf),
    /// It is too short to be one.
    #[error("{0} holds no secret of {SECRET_BYTES} characters or more; remove it to get a new one")]
    TooShort(PathBuf),
    /// There was no randomness.
    #[error("no random bytes: {0}")]
    Random(String),
}

impl SecretFileError {
    /// Whether another attempt may succeed without anybody's help.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// The secret in `data_dir/secret`; when there is none, `random` makes one. Two processes that start at the same time
/// get the same: the file appears whole, by a link, and whoever comes second reads it. Only its owner may read it.
///
/// # Errors
/// The file cannot be read or made, is open to others, or holds no secret.
pub fn load_or_create_secret(
    data_dir: &Path,
    random: impl FnOnce(&mut [u8]) -> Result<(), String>,
) -> Result<Secret<String>, SecretFileError> {
    let path = data_dir.join(FILE_NAME);
    let failed = |source: io::Error| SecretFileError::Io { path: path.clone(), source: Arc::new(source) };
    if !path.try_exists().map_err(failed)? {
        let mut bytes = [0; SECRET_BYTES];
        random(&mut bytes).map_err(SecretFileError::Random)?;
        make_private_folder(data_dir).map_err(failed)?;
        create(&path, &URL_SAFE_NO_PAD.encode(bytes)).map_err(failed)?;
    }
    if is_exposed(&path).map_err(failed)? {
        return Err(SecretFileError::Exposed(path));
    }
    let text = std::fs::read_to_string(&path).map_err(failed)?.trim().to_owned();
    if text.len() < SECRET_BYTES {
        return Err(SecretFileError::TooShort(path));
    }
    Ok(Secret::new(text))
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let made = write_private(&temporary, text).and_then(|()| match std::fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    std::fs::remove_file(&temporary).or_else(|error| if made.is_err() { Ok(()) } else { Err(error) })?;
    made
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sevens(bytes: &mut [u8]) -> Result<(), String> {
        bytes.fill(7);
        Ok(())
    }

    #[test]
    fn the_second_start_finds_the_secret_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let first = load_or_create_secret(&data, sevens).unwrap();
        let second = load_or_create_secret(&data, |_| Err("not asked".to_owned())).unwrap();
        assert_eq!(first, second);
        assert_eq!(URL_SAFE_NO_PAD.decode(first.expose()).unwrap(), [7; 32]);
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        load_or_create_secret(dir.path(), sevens).unwrap();
        let path = dir.path().join(FILE_NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = load_or_create_secret(dir.path(), sevens).unwrap_err();
        assert!(matches!(refused, SecretFileError::Exposed(_)), "{refused}");
    }

    #[test]
    fn a_secret_made_by_another_process_meanwhile_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let theirs = "x".repeat(40);
        let ours = load_or_create_secret(dir.path(), |bytes| {
            write_private(&path, &theirs).unwrap();
            sevens(bytes)
        });
        assert_eq!(*ours.unwrap().expose(), theirs);
    }

    #[test]
    fn a_truncated_secret_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        write_private(&dir.path().join(FILE_NAME), "short").unwrap();
        assert!(matches!(load_or_create_secret(dir.path(), sevens), Err(SecretFileError::TooShort(_))));
    }
}
