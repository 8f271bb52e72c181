//! The folder: names, sizes, what goes when it is full.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use coherence::Timestamp;

use crate::system::{make_private_file, make_private_folder};

/// How the names of mails end.
const MAIL: &str = ".eml";

/// How the names of files end that are being written.
const PARTIAL: &str = ".eml.partial";

/// The digits of a name's time, microseconds since 1970: so names sort as their times do until the year 2286.
const TIME_DIGITS: usize = 16;

/// When the folder is full, so many parts of a hundred of it are emptied at once, not one file for each mail.
const EMPTIED_PERCENT: u64 = 10;

/// The bounds of a folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) mails_max: usize,
    pub(super) bytes_max: u64,
}

impl Bounds {
    fn hold(self, count: usize, bytes: u64) -> bool {
        count <= self.mails_max && bytes <= self.bytes_max
    }

    /// What is left after mails were removed.
    fn after_removal(self) -> Self {
        let kept = |all: u64| all - all * EMPTIED_PERCENT / 100;
        let mails_max = usize::try_from(kept(self.mails_max as u64)).unwrap_or(self.mails_max);
        Self { mails_max, bytes_max: kept(self.bytes_max) }
    }
}

/// What is known to be in the folder. Other processes may write there too: it is counted anew when it seems full.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    count: usize,
    bytes: u64,
}

/// A folder of mails.
pub(super) struct Folder {
    path: PathBuf,
    bounds: Bounds,
    held: Mutex<Held>,
}

impl Folder {
    /// Opens the folder, and makes it if it is not there. What a crash left half-written is removed.
    pub(super) fn open(path: PathBuf, bounds: Bounds) -> io::Result<Self> {
        make_private_folder(&path)?;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            if is_ours(&entry.file_name().to_string_lossy(), PARTIAL) {
                remove(&entry.path())?;
            }
        }
        let mails = mails(&path)?;
        let held = Held { count: mails.len(), bytes: mails.values().sum() };
        Ok(Self { path, bounds, held: Mutex::new(held) })
    }

    /// Writes one mail; answers its name. `id` is a checked message id.
    pub(super) fn put(&self, now: Timestamp, id: &str, bytes: &[u8]) -> io::Result<String> {
        let micros = now.as_microsecond().max(0);
        let (name, partial) = self.partial(micros, id)?;
        let path = self.path.join(format!("{name}{PARTIAL}"));
        let written = write(partial, bytes).and_then(|()| fs::rename(&path, self.path.join(format!("{name}{MAIL}"))));
        if let Err(error) = written {
            remove(&path)?;
            return Err(error);
        }
        sync(&self.path)?;
        if let Err(error) = self.make_room(bytes.len() as u64) {
            tracing::warn!(%error, "old mails of the outbox could not be removed");
        }
        Ok(format!("{name}{MAIL}"))
    }

    /// A new file. The same mail may come again within a microsecond, where clocks are coarse: then under the next name.
    /// Whoever holds the file that is being written owns the name of the mail, too: so no mail is written over.
    fn partial(&self, micros: i64, id: &str) -> io::Result<(String, File)> {
        let mut micros = micros;
        loop {
            let name = format!("{micros:0TIME_DIGITS$}-{id}");
            let partial = self.path.join(format!("{name}{PARTIAL}"));
            match make_private_file(&partial) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Ok(_) if self.path.join(format!("{name}{MAIL}")).exists() => remove(&partial)?,
                made => return made.map(|file| (name, file)),
            }
            micros += 1;
        }
    }

    fn make_room(&self, added: u64) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.count += 1;
        held.bytes += added;
        if self.bounds.hold(held.count, held.bytes) {
            return Ok(());
        }
        let mails = mails(&self.path)?;
        let mut left = Held { count: mails.len(), bytes: mails.values().sum() };
        if !self.bounds.hold(left.count, left.bytes) {
            let goal = self.bounds.after_removal();
            // The newest stays, however large.
            for (name, bytes) in mails.iter().take(mails.len().saturating_sub(1)) {
                if goal.hold(left.count, left.bytes) {
                    break;
                }
                remove(&self.path.join(name))?;
                left.count -= 1;
                left.bytes -= bytes;
            }
            tracing::info!(removed = mails.len() - left.count, "the outbox was full: its oldest mails are gone");
        }
        *held = left;
        Ok(())
    }
}

/// The mails of a folder, oldest first, with their sizes.
fn mails(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_ours(&name, MAIL) {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => found.insert(name, metadata.len()),
            // Somebody removed it meanwhile, or it is no file.
            _ => None,
        };
    }
    Ok(found)
}

/// Whether a name is one that we give.
fn is_ours(name: &str, ending: &str) -> bool {
    let time = name.strip_suffix(ending).and_then(|name| name.split_once('-')).map(|(time, _)| time);
    time.is_some_and(|time| time.len() == TIME_DIGITS && time.bytes().all(|byte| byte.is_ascii_digit()))
}

fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts the names on disk, where the system can (Windows has no such thing).
fn sync(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}
