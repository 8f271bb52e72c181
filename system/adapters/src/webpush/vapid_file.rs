//! The key's file.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::vapid_key::{VapidKey, VapidKeyError};
use crate::system::{make_private_file, make_private_folder};

/// Makes a new key in a new file that only its owner may read (`smartpulse vapid-keys`).
///
/// # Errors
/// There is such a file already, or it cannot be made.
pub fn create_vapid_key(path: &Path) -> Result<VapidKey, VapidKeyError> {
    let key = VapidKey::generate()?;
    let written = make_private_file(path).and_then(|file| write(file, &key));
    written.map_err(|error| failed(path, error))?;
    Ok(key)
}

/// Reads the key in `path`.
///
/// # Errors
/// It cannot be read, is open to others, or is no key.
pub fn load_vapid_key(path: &Path) -> Result<VapidKey, VapidKeyError> {
    let text = std::fs::read_to_string(path).map_err(|error| failed(path, error))?;
    if is_exposed(path).map_err(|error| failed(path, error))? {
        return Err(VapidKeyError::Exposed(path.to_owned()));
    }
    VapidKey::parse(&text)
}

/// The key in `path`; when there is none, a new one. Two processes that start at once get the same: the file appears
/// whole, by a link, and whoever comes second reads it.
///
/// # Errors
/// As [`load_vapid_key`], or it cannot be made.
pub fn load_or_create_vapid_key(path: &Path) -> Result<VapidKey, VapidKeyError> {
    if !path.try_exists().map_err(|error| failed(path, error))? {
        let key = VapidKey::generate()?;
        appear(path, &key).map_err(|error| failed(path, error))?;
    }
    load_vapid_key(path)
}

fn appear(path: &Path, key: &VapidKey) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_private_folder(folder)?;
    }
    let temporary = path.with_extension(format!("new-{}-{}", std::process::id(), key.id()));
    let written = make_private_file(&temporary).and_then(|file| write(file, key));
    let linked = written.and_then(|()| match std::fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    std::fs::remove_file(&temporary).or_else(|error| if linked.is_err() { Ok(()) } else { Err(error) })?;
    linked
}

fn write(mut file: std::fs::File, key: &VapidKey) -> io::Result<()> {
    file.write_all(key.to_pem().map_err(io::Error::other)?.as_bytes())?;
    file.sync_all()
}

fn failed(path: &Path, source: io::Error) -> VapidKeyError {
    VapidKeyError::Io { path: path.to_owned(), source: Arc::new(source) }
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let of_file = std::fs::metadata(path)?;
    // Where the system does not say who we are, every file counts as ours.
    let us = std::fs::metadata("/proc/self").map(|process| process.uid()).ok();
    Ok(is_exposed_by(of_file.mode(), of_file.uid(), us))
}

/// A file of ours is ours to close. One of another owner was put there for us, as orchestrators mount secrets: of root, and
/// open to our group or, in a container of its own, to all; who may read it was decided there.
#[cfg(unix)]
fn is_exposed_by(mode: u32, owner: u32, us: Option<u32>) -> bool {
    mode & 0o077 != 0 && us.is_none_or(|us| us == owner)
}

#[cfg(not(unix))]
fn is_exposed(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_start_finds_the_key_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("vapid.pem");
        let first = load_or_create_vapid_key(&path).unwrap();
        assert_eq!(load_or_create_vapid_key(&path).unwrap().public_key(), first.public_key());
        assert_eq!(std::fs::read_dir(folder.path().join("data")).unwrap().count(), 1, "no temporary file is left");
        let again = create_vapid_key(&path).unwrap_err();
        assert!(matches!(again, VapidKeyError::Io { .. }), "a key is never written over");
    }

    #[test]
    fn eight_starts_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vapid.pem");
        let keys: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> =
                (0..8).map(|_| scope.spawn(|| load_or_create_vapid_key(&path).unwrap().id().to_owned())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|id| *id == keys[0]), "{keys:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_mounted_secret_is_of_another_owner() {
        let (us, root) = (Some(10_001), 0);
        assert!(!is_exposed_by(0o100_440, root, us), "Kubernetes: a secret volume with fsGroup");
        assert!(!is_exposed_by(0o100_444, 1_000, us), "compose: a file of the host");
        assert!(is_exposed_by(0o100_440, 10_001, us) && is_exposed_by(0o100_604, 10_001, us));
        assert!(!is_exposed_by(0o100_600, 10_001, us) && !is_exposed_by(0o100_400, 10_001, None));
        assert!(is_exposed_by(0o100_440, root, None));
    }

    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vapid.pem");
        create_vapid_key(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load_vapid_key(&path), Err(VapidKeyError::Exposed(_))));
    }
}
