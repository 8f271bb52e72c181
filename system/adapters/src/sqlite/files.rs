//! Files beside the database: how they are made, named and put in place.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::errors::SqliteError;
use crate::system::make_private_file;

/// Gives a file a second name, unless that is taken: `std::fs::hard_link`.
type Link = fn(&Path, &Path) -> io::Result<()>;

/// The name of `path` and `suffix`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes an empty file that will take the name `to` when it is complete. Nobody else writes into it: its name is new.
pub(super) fn partial(to: &Path) -> Result<PathBuf, SqliteError> {
    let failed = || SqliteError::io(format!("making a file beside {}", to.display()));
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| failed()(error.into()))?;
    let path = beside(to, &format!(".{:016x}.partial", u64::from_ne_bytes(random)));
    make_private_file(&path).map_err(|error| failed()(error.into()))?;
    Ok(path)
}

pub(super) fn remove(path: &Path) -> Result<(), SqliteError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(SqliteError::io(format!("removing {}", path.display()))(error.into()))
        }
        _ => Ok(()),
    }
}

/// Makes the database's file, empty, if there is none. SQLite itself would make it readable to everybody, and gives the
/// files beside it the modes that it has.
///
/// Never opens a file that may be a database in use: closing it would end SQLite's locks in this process.
pub(super) fn make_database(path: &Path) -> Result<(), SqliteError> {
    if path.exists() {
        return Ok(());
    }
    let made = partial(path)?;
    let named = name(&made, path, |from, to| std::fs::hard_link(from, to));
    let removed = remove(&made);
    match named {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(SqliteError::io(format!("making {}", path.display()))(error.into()))
        }
        _ => removed,
    }
}

/// Puts the file on disk and gives it its name, unless that is taken.
pub(super) fn place(partial: &Path, to: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    name(partial, to, |from, to| std::fs::hard_link(from, to))?;
    sync_folder(to)
}

/// A link, and not a rename alone, which would replace a file that came meanwhile. Where there are no links, the name is
/// taken by an empty file, which is then replaced. `from` may keep its name.
fn name(from: &Path, to: &Path, link: Link) -> io::Result<()> {
    match link(from, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            make_private_file(to)?;
            std::fs::rename(from, to)
        }
        linked => linked,
    }
}

/// Keeps the file `path` under the name `kept` as well, in the place of what had it. It is never without a name.
pub(super) fn keep(path: &Path, kept: &Path) -> io::Result<()> {
    keep_by(path, kept, |from, to| std::fs::hard_link(from, to))
}

fn keep_by(path: &Path, kept: &Path, link: Link) -> io::Result<()> {
    let new = beside(kept, ".new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if link(path, &new).is_err() {
        // No links here. A copy takes longer, and the modes of the file go with it.
        std::fs::copy(path, &new)?;
        File::open(&new)?.sync_all()?;
    }
    std::fs::rename(&new, kept)?;
    // A rename from one name of a file to another name of it does nothing.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts the name on disk, where the system can (Windows has no such thing).
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_links(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    #[test]
    fn a_name_is_given_once_with_links_and_without() {
        for link in [|from: &Path, to: &Path| std::fs::hard_link(from, to), no_links as Link] {
            let folder = tempfile::tempdir().unwrap();
            let (from, to) = (folder.path().join("from"), folder.path().join("to"));
            std::fs::write(&from, "complete").unwrap();
            name(&from, &to, link).unwrap();
            assert_eq!(std::fs::read_to_string(&to).unwrap(), "complete");
            std::fs::write(&from, "another").unwrap();
            assert_eq!(name(&from, &to, link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn what_is_kept_replaces_what_was_kept_before() {
        for link in [|from: &Path, to: &Path| std::fs::hard_link(from, to), no_links as Link] {
            let folder = tempfile::tempdir().unwrap();
            let (path, kept) = (folder.path().join("db"), folder.path().join("kept"));
            for text in ["first", "second"] {
                remove(&path).unwrap();
                std::fs::write(&path, text).unwrap();
                keep_by(&path, &kept, link).unwrap();
                // As after a crash between the two steps of a restore.
                keep_by(&path, &kept, link).unwrap();
                assert_eq!(std::fs::read_to_string(&kept).unwrap(), text);
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
            }
        }
    }

    #[test]
    fn partial_files_have_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("to");
        assert_ne!(partial(&to).unwrap(), partial(&to).unwrap());
    }
}
