//! Mails before they are rendered.

use super::text::breaks_lines;
use super::{AttachmentId, MailAddress, Name, Title};
use crate::model::UserId;
use crate::ports::{Attachment, TemplateData, TemplateId};

/// The most files of one mail.
pub const ATTACHMENTS_MAX: usize = 5;
/// The most bytes of a mail's files together.
pub const ATTACHMENTS_BYTES_MAX: usize = 10 << 20;
/// The longest name of a file, and the longest media type, in bytes.
pub const ATTACHMENT_NAME_BYTES_MAX: usize = 200;

/// One mail (specification 5.1): To, Subject, TemplateId, TemplateData; its files are stored beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailItem {
    /// Where it goes.
    pub to: MailAddress,
    /// Whom it addresses.
    pub to_name: Option<Name>,
    /// The user, where it is one.
    pub user_id: Option<UserId>,
    /// Its subject.
    pub subject: Title,
    /// Its template.
    pub template: TemplateId,
    /// What the template names.
    pub data: TemplateData,
    /// Its files.
    pub attachments: Vec<AttachmentId>,
}

/// A file, stored once for however many mails it goes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    /// Names it.
    pub id: AttachmentId,
    /// The file.
    pub file: Attachment,
}

/// What a store counts for each file beside its bytes: else there could be any number of empty ones.
const FILE_OVERHEAD_BYTES: u64 = 4_096;

/// Whether a store that holds `files` files of `bytes` bytes in all has room for more, where `max` bytes are allowed.
///
/// # Errors
/// What is wrong, for people.
pub fn check_room_for_files(files: u64, bytes: u64, more: &[StoredAttachment], max: u64) -> Result<(), String> {
    let with_overhead = |files: u64, bytes: u64| bytes.saturating_add(files.saturating_mul(FILE_OVERHEAD_BYTES));
    let held = with_overhead(files, bytes);
    let new = more.iter().map(|stored| with_overhead(1, stored.file.bytes.len() as u64)).sum();
    match held.saturating_add(new) <= max {
        true => Ok(()),
        false => Err(format!("files of mails that are not sent take {held} of {max} bytes")),
    }
}

/// Checks the files of a mail: what passes can travel as it is.
///
/// # Errors
/// What is wrong with them, for people.
pub fn check_attachments(files: &[Attachment]) -> Result<(), String> {
    if files.len() > ATTACHMENTS_MAX {
        return Err(format!("at most {ATTACHMENTS_MAX} files go with a mail"));
    }
    if files.iter().map(|file| file.bytes.len()).sum::<usize>() > ATTACHMENTS_BYTES_MAX {
        return Err(format!("the files of a mail have at most {ATTACHMENTS_BYTES_MAX} bytes together"));
    }
    for file in files {
        let is_name = (1..=ATTACHMENT_NAME_BYTES_MAX).contains(&file.name.len())
            && !file.name.chars().any(|c| breaks_lines(c) || matches!(c, '/' | '\\' | '"'));
        if !is_name {
            return Err(format!("a file's name has 1 to {ATTACHMENT_NAME_BYTES_MAX} bytes, and is no path"));
        }
        if !is_media_type(&file.content_type) {
            return Err("a file's type is a media type, such as application/pdf, and no message of its own".to_owned());
        }
    }
    Ok(())
}

fn is_media_type(text: &str) -> bool {
    let fits = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
            && part.starts_with(|first: char| first.is_ascii_alphanumeric())
    };
    // RFC 2046, 5.2.1: those hold messages, and may not be encoded.
    let is_composite = |kind: &str| ["multipart", "message"].iter().any(|other| kind.eq_ignore_ascii_case(other));
    text.len() <= ATTACHMENT_NAME_BYTES_MAX
        && text.split_once('/').is_some_and(|(kind, name)| fits(kind) && fits(name) && !is_composite(kind))
}
