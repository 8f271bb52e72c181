//! Addresses and the texts beside them: what may stand in a header or in a command.

use lettre::Address;
use lettre::message::Mailbox;

/// RFC 5321, 4.5.3.1.3: a path has at most 256 octets, the angle brackets included.
const ADDRESS_BYTES_MAX: usize = 254;

/// RFC 5321, 4.5.3.1.1.
const LOCAL_PART_BYTES_MAX: usize = 64;

/// The longest display name: 200 characters of any kind, as the directory has them.
const NAME_BYTES_MAX: usize = 800;

/// The address, if it is one that a mail server can be given.
pub(crate) fn checked(text: &str) -> Result<Address, String> {
    if text.len() > ADDRESS_BYTES_MAX {
        return Err(format!("an address has at most {ADDRESS_BYTES_MAX} bytes"));
    }
    // Without SMTPUTF8 (RFC 6531), which few servers of recipients offer, such an address cannot travel.
    if !text.is_ascii() {
        return Err("an address of other than ASCII characters cannot be written to".to_owned());
    }
    if text.bytes().any(|byte| byte.is_ascii_control() || byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>')) {
        return Err("an address holds no spaces, angle brackets or control characters".to_owned());
    }
    let address: Address = text.parse().map_err(|_| "not an address".to_owned())?;
    match address.user().len() > LOCAL_PART_BYTES_MAX {
        true => Err(format!("the part before the @ has at most {LOCAL_PART_BYTES_MAX} bytes")),
        false => Ok(address),
    }
}

/// The address with its name, which is left out if it is empty.
pub(super) fn mailbox(address: Address, name: Option<&str>) -> Result<Mailbox, String> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    if let Some(name) = name {
        line("the recipient's name", name, NAME_BYTES_MAX)?;
    }
    Ok(Mailbox::new(name.map(str::to_owned), address))
}

/// Checks that a text is one line of a bounded length.
pub(super) fn line(what: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    if text.len() > bytes_max {
        return Err(format!("{what} has at most {bytes_max} bytes"));
    }
    // The separators of lines and paragraphs are no control characters, and yet some readers break lines at them.
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(format!("{what} holds a line break or a control character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_travel() {
        for good in ["a@example.org", "o'brien+tag@mail.example.co.uk", "a@[192.0.2.1]", "a_b-c.d@x.example"] {
            assert_eq!(checked(good).unwrap().to_string(), good);
        }
    }

    #[test]
    fn addresses_that_cannot() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long = format!("a@{}.example.org", "b.".repeat(130));
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@example.org",
            "a@example.org\r\nRCPT TO:<b@example.org>",
            "a@example.org> SIZE=1",
            "a b@example.org",
            "\"a b\"@example.org",
            "a@exa\u{0}mple.org",
            "jörg@example.org",
            "a@münchen.example",
            "a@b@c",
            "a@example..org",
            &long_local,
            &long,
        ] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
    }
}
