//! One instance on one database: caches of two would not hear of each other's writes while there is no backplane.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::WiringError;

/// The right to serve a database; dropping it, or dying, gives it up.
#[derive(Debug)]
pub(super) struct InstanceLock {
    _file: File,
}

impl InstanceLock {
    /// Takes the right to serve `database`, whose folder must exist.
    pub(super) fn take(database: &Path) -> Result<Self, WiringError> {
        let path = lock_file(database);
        let failed = |source: io::Error| WiringError::Lock { path: path.clone(), source: Arc::new(source) };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let folder = path.parent().unwrap_or(&path).to_owned();
                Err(WiringError::SecondInstance { folder })
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Beside the database itself, whatever links lead to it.
fn lock_file(database: &Path) -> PathBuf {
    let file = database.canonicalize().or_else(|_| in_real_folder(database)).unwrap_or_else(|_| database.to_owned());
    let mut name = file.into_os_string();
    name.push(".instance.lock");
    name.into()
}

/// A database that is still to be made.
fn in_real_folder(database: &Path) -> io::Result<PathBuf> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(folder.canonicalize()?.join(database.file_name().ok_or(io::ErrorKind::InvalidInput)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_one_instance_before_and_after_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("db");
        let first = InstanceLock::take(&database).unwrap();
        std::fs::write(&database, "").unwrap();
        let second = InstanceLock::take(&database).unwrap_err();
        let shown = folder.path().canonicalize().unwrap();
        assert!(second.to_string().contains(&shown.display().to_string()), "{second}");
        InstanceLock::take(&folder.path().join("other")).unwrap();
        drop(first);
        InstanceLock::take(&database).unwrap();
    }
}
