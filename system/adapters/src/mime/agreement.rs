//! What the domain takes can travel: a mail that was accepted is never refused here.

use bytes::Bytes;
use coherence::Timestamp;
use domain::notification::model::{
    ATTACHMENT_NAME_BYTES_MAX, DeliveryId, MailAddress, NAME_CHARS_MAX, Name, TITLE_CHARS_MAX, Title, check_attachments,
};
use domain::ports::{Attachment, OutgoingMail};
use proptest::prelude::*;
use uuid::Uuid;

use super::compose::compose;
use super::sender::Sender;

/// RFC 5322, 2.1.1.
const LINE_BYTES_MAX: usize = 998;

/// The lines of the message, all of which are checked.
fn lines(mail: &OutgoingMail) -> Result<usize, String> {
    let sender = Sender::new("smartpulse@example.org", Some("SmartPulse"), None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let composed =
        runtime.block_on(compose(mail, &sender, Timestamp::UNIX_EPOCH)).map_err(|error| error.to_string())?;
    if !composed.bytes.is_ascii() {
        return Err("not ASCII".to_owned());
    }
    let text = String::from_utf8(composed.bytes).unwrap();
    match text.split("\r\n").find(|line| line.len() > LINE_BYTES_MAX || line.contains(['\r', '\n'])) {
        Some(line) => Err(format!("a line of {} bytes: {line:.100?}", line.len())),
        None => Ok(text.split("\r\n").count()),
    }
}

fn mail(to: &str, name: Option<&str>, subject: &str, attachments: Vec<Attachment>) -> OutgoingMail {
    OutgoingMail {
        message_id: DeliveryId(Uuid::max()).to_string(),
        to: to.to_owned(),
        to_name: name.map(str::to_owned),
        subject: subject.to_owned(),
        text: "text\u{2028}\r\n.\n".to_owned(),
        html: "<p>text</p>".to_owned(),
        attachments,
        unsubscribe: Some(format!("https://pulse.example/unsubscribe/{}", "0".repeat(32))),
    }
}

fn attachment(name: &str, content_type: &str) -> Attachment {
    Attachment { name: name.to_owned(), content_type: content_type.to_owned(), bytes: Bytes::from_static(b"x") }
}

#[test]
fn the_longest_of_everything() {
    let wide = "\u{1f343}";
    let name = Name::new(wide.repeat(NAME_CHARS_MAX)).unwrap();
    let title = Title::new(wide.repeat(TITLE_CHARS_MAX)).unwrap();
    let label = "b".repeat(63);
    let to = MailAddress::new(format!("{}@{label}.{label}.{}", "a".repeat(64), "c".repeat(61))).unwrap();
    let file = attachment(&wide.repeat(ATTACHMENT_NAME_BYTES_MAX / 4), &format!("application/{}", "x".repeat(188)));
    check_attachments(std::slice::from_ref(&file)).unwrap();
    lines(&mail(to.as_str(), Some(name.as_str()), title.as_str(), vec![file])).unwrap();
}

#[test]
fn files_that_cannot_travel_are_refused_when_they_are_handed_in() {
    for (name, content_type) in [
        ("a\"b.pdf", "application/pdf"),
        ("a\u{2028}.pdf", "application/pdf"),
        (&*"ä".repeat(101), "application/pdf"),
        ("a.eml", "message/rfc822"),
        ("a.eml", "Multipart/mixed"),
        ("a", "application/pdf; name=x"),
        ("a", &*format!("application/{}", "x".repeat(189))),
    ] {
        let file = attachment(name, content_type);
        assert!(check_attachments(std::slice::from_ref(&file)).is_err(), "{name:?} {content_type:?}");
        assert!(lines(&mail("a@example.org", None, "a", vec![file])).is_err() || content_type.contains(';'));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_it_takes(
        to in "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,20}@[a-zA-Z0-9-]{1,10}(\\.[a-zA-Z0-9-]{1,10}){0,3}",
        name in proptest::option::of("\\PC{1,60}|[\"\\\\(),:;<>@=?_. a-z]{1,40}|[😀é\u{2028}\u{2029}\u{feff}\u{202e}]{1,200}"),
        subject in "\\PC{1,200}|[=?\\w ]{1,60}|[😀é\u{2028}]{1,200}",
        file in proptest::option::of("\\PC{1,60}|[=?%'\"*; a-zé]{1,40}"),
        kind in "[a-z]{1,10}/[a-zA-Z0-9!#$&^_.+-]{1,30}",
    ) {
        let file = file.map(|name| attachment(&name, &kind)).filter(|file| check_attachments(std::slice::from_ref(file)).is_ok());
        let name = name.and_then(|name| Name::new(name).ok());
        if let (Ok(to), Ok(subject)) = (MailAddress::new(to), Title::new(subject)) {
            let mail = mail(to.as_str(), name.as_ref().map(Name::as_str), subject.as_str(), file.into_iter().collect());
            let travels = lines(&mail);
            prop_assert!(travels.is_ok(), "{travels:?}: {mail:?}");
        }
    }
}
