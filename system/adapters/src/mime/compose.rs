//! Builds the bytes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coherence::Timestamp;
use domain::ports::{Attachment, MailError, OutgoingMail};
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MessageId,
};
use lettre::message::{MultiPart, SinglePart};
use lettre::{Address, Message};

use super::address::{checked, line, mailbox};
use super::sender::Sender;

/// The longest subject: one word of that length still fits into a line (RFC 5322, 2.1.1).
const SUBJECT_BYTES_MAX: usize = 900;

/// The longest message id; boundaries are made from it, and have at most 70 characters (RFC 2046, 5.1.1).
const ID_BYTES_MAX: usize = 60;

/// The longest name of an attachment.
const FILE_NAME_BYTES_MAX: usize = 200;

/// A URL cannot be folded, and a line has at most 998 characters (RFC 5322, 2.1.1).
const URL_BYTES_MAX: usize = 900;

/// Attachments up to this size are encoded in a fraction of a millisecond.
const INLINE_BYTES_MAX: usize = 128 * 1024;

/// How much of a text goes into one encoded word, which has at most 75 characters (RFC 2047, 2).
const ENCODED_WORD_BYTES_MAX: usize = 45;

/// A mail, ready to go.
pub(crate) struct Composed {
    /// To whom.
    pub(crate) to: Address,
    /// The message: ASCII, its lines ended by CR LF.
    pub(crate) bytes: Vec<u8>,
}

/// Builds the message, a large one beside the tasks of the runtime, which it would hold up. What cannot be one is
/// [`MailError::Invalid`].
pub(crate) async fn compose(mail: &OutgoingMail, sender: &Sender, now: Timestamp) -> Result<Composed, MailError> {
    let bytes: usize = mail.attachments.iter().map(|attachment| attachment.bytes.len()).sum();
    if bytes <= INLINE_BYTES_MAX {
        return build(mail, sender, now);
    }
    let (mail, sender) = (mail.clone(), sender.clone());
    match tokio::task::spawn_blocking(move || build(&mail, &sender, now)).await {
        Ok(built) => built,
        Err(error) if error.is_panic() => Err(MailError::Invalid("its message cannot be built".to_owned())),
        // The runtime is ending.
        Err(error) => Err(MailError::Unreachable(Some(Arc::new(error)))),
    }
}

fn build(mail: &OutgoingMail, sender: &Sender, now: Timestamp) -> Result<Composed, MailError> {
    check(mail).map_err(MailError::Invalid)?;
    let to = checked(&mail.to).map_err(MailError::Invalid)?;
    let to_header = mailbox(to.clone(), mail.to_name.as_deref()).map_err(MailError::Invalid)?;
    let mut builder = Message::builder()
        .header(MessageId::from(format!("<{}@{}>", mail.message_id, sender.id_domain)))
        .date(system_time(now))
        .from(sender.from.clone())
        .to(to_header)
        .raw_header(subject(&mail.subject))
        // RFC 3834: nobody's holiday notice is to answer.
        .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
    if let Some(url) = &mail.unsubscribe {
        builder = builder
            .raw_header(raw("List-Unsubscribe", format!("<{url}>")))
            .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let message = builder.multipart(body(mail)?).map_err(|error| MailError::Invalid(error.to_string()))?;
    Ok(Composed { to, bytes: message.formatted() })
}

fn check(mail: &OutgoingMail) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if mail.message_id.is_empty() || mail.message_id.len() > ID_BYTES_MAX || !mail.message_id.bytes().all(is_plain) {
        return Err(format!("a message id has 1 to {ID_BYTES_MAX} letters, digits, - and _"));
    }
    line("the subject", &mail.subject, SUBJECT_BYTES_MAX)?;
    let is_url = |url: &String| {
        let is_safe = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b',');
        url.starts_with("https://") && url.len() <= URL_BYTES_MAX && url.bytes().all(is_safe)
    };
    match mail.unsubscribe.as_ref().is_none_or(is_url) {
        true => Ok(()),
        // RFC 8058, 3.1.
        false => Err("the link that ends the subscription is not an https URL".to_owned()),
    }
}

fn body(mail: &OutgoingMail) -> Result<MultiPart, MailError> {
    let boundary = |kind: char| format!("=_{kind}_{}", mail.message_id);
    let alternative = MultiPart::alternative()
        .boundary(boundary('a'))
        .singlepart(text_part(ContentType::TEXT_PLAIN, &mail.text))
        .singlepart(text_part(ContentType::TEXT_HTML, &mail.html));
    if mail.attachments.is_empty() {
        return Ok(alternative);
    }
    let mut mixed = MultiPart::mixed().boundary(boundary('m')).multipart(alternative);
    for attachment in &mail.attachments {
        mixed = mixed.singlepart(file_part(attachment).map_err(MailError::Invalid)?);
    }
    Ok(mixed)
}

fn text_part(kind: ContentType, text: &str) -> SinglePart {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    SinglePart::builder().header(kind).header(encoding).body(with_crlf(text))
}

fn file_part(attachment: &Attachment) -> Result<SinglePart, String> {
    let name = attachment.name.as_str();
    line("the name of an attachment", name, FILE_NAME_BYTES_MAX)?;
    if name.is_empty() || name.contains(['/', '\\', '"']) {
        return Err("the name of an attachment is not a file name".to_owned());
    }
    let media_type = attachment.content_type.as_str();
    line("the media type of an attachment", media_type, FILE_NAME_BYTES_MAX)?;
    let kind = ContentType::parse(media_type).map_err(|_| format!("{media_type:?} is not a media type"))?;
    // RFC 2046, 5.2.1 and RFC 2045, 6.4: these may not be encoded, and hold messages of their own.
    let lower = media_type.to_ascii_lowercase();
    if !media_type.is_ascii() || ["multipart/", "message/"].iter().any(|composite| lower.starts_with(composite)) {
        return Err(format!("{media_type:?} cannot be an attachment"));
    }
    Ok(SinglePart::builder()
        .header(kind)
        .header(ContentDisposition::attachment(name))
        .header(ContentTransferEncoding::Base64)
        .body(attachment.bytes.to_vec()))
}

/// The text with its lines ended by CR LF, whatever ended them: a bare CR or LF is what splits one mail into two for
/// servers that take it for a line's end (SMTP smuggling).
fn with_crlf(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 32);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                characters.next_if_eq(&'\n');
                lines.push_str("\r\n");
            }
            '\n' => lines.push_str("\r\n"),
            other => lines.push(other),
        }
    }
    lines
}

/// What lettre wants; before 1970, where it would panic, that year's first second.
fn system_time(now: Timestamp) -> SystemTime {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The subject. lettre encodes what is not ASCII, and leaves what looks encoded already: a reader would decode it into
/// another text than was meant, line breaks included. Such a subject is encoded whole (RFC 2047, 4.1).
fn subject(text: &str) -> HeaderValue {
    const NAME: &str = "Subject";
    if !text.contains("=?") {
        return raw(NAME, text.to_owned());
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = &rest[..rest.floor_char_boundary(ENCODED_WORD_BYTES_MAX)];
        words.push(format!("=?utf-8?b?{}?=", STANDARD.encode(word)));
        rest = &rest[word.len()..];
    }
    let name = HeaderName::new_from_ascii_str(NAME);
    HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), words.join("\r\n "))
}

/// A header with a value of ours.
fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_ended_by_both() {
        assert_eq!(with_crlf("a\nb\r\nc\rd\r\r\n\n"), "a\r\nb\r\nc\r\nd\r\n\r\n\r\n");
        assert_eq!(with_crlf(""), "");
    }
}
