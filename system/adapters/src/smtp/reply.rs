//! Replies (RFC 5321, 4.2): read from lines, and what a refusal means.

use domain::ports::MailError;

use super::error::SmtpFault;

/// The longest line of a reply. RFC 5321, 4.5.3.1.5 allows 512 octets, and some servers are chattier.
pub(super) const LINE_BYTES_MAX: usize = 4_096;

/// The most lines that a reply may have.
const LINES_MAX: usize = 100;

/// How much of a server's words is kept.
const ANSWER_CHARACTERS_MAX: usize = 500;

/// The server is going away (RFC 5321, 3.8).
const CLOSING: u16 = 421;

/// What a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Recipient,
    Other,
}

/// A whole reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Takes one line, without its end; answers whether it is the last one.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<bool, SmtpFault> {
        let wrong = || SmtpFault::Protocol(printable(&String::from_utf8_lossy(line)));
        let (code, rest) = line.split_at_checked(3).ok_or_else(wrong)?;
        let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok()).ok_or_else(wrong)?;
        let is_first = self.lines.is_empty();
        if !(200..=599).contains(&code) || !is_first && code != self.code || self.lines.len() >= LINES_MAX {
            return Err(wrong());
        }
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(wrong()),
        };
        self.code = code;
        self.lines.push(String::from_utf8_lossy(text).into_owned());
        Ok(is_last)
    }

    pub(super) fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    pub(super) fn is_closing(&self) -> bool {
        self.code == CLOSING
    }

    /// The same reply, without these words.
    pub(super) fn without(mut self, secrets: &[&str]) -> Self {
        for line in &mut self.lines {
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                *line = line.replace(secret, "***");
            }
        }
        self
    }

    /// Its words on one line, cut.
    pub(super) fn answer(&self) -> String {
        printable(&self.lines.join(" "))
    }

    /// What a reply means that is not the one hoped for.
    pub(super) fn refusal(&self, to: Command) -> MailError {
        match self.code {
            400..500 => MailError::Transient { code: self.code, answer: self.answer() },
            500..600 => MailError::Permanent {
                code: self.code,
                answer: self.answer(),
                recipient: to == Command::Recipient && self.blames_recipient(),
            },
            code => SmtpFault::Protocol(format!("{code} {}", self.answer())).into(),
        }
    }

    /// Whether a permanent refusal of RCPT is about the recipient. It often is not: servers wait for RCPT to say that
    /// they do not like our address or want a login, and for all recipients alike. The enhanced code (RFC 3463) tells:
    /// x.1.y is the address, but 7 and 8 the sender's; x.2.1 a mailbox that is closed. Without one, the reply codes that
    /// RFC 5321, 4.2.2 and RFC 7504 have for mailboxes.
    fn blames_recipient(&self) -> bool {
        match self.enhanced() {
            Some((1, detail)) => !matches!(detail, 7 | 8),
            Some((subject, detail)) => (subject, detail) == (2, 1),
            None => matches!(self.code, 550 | 551 | 553 | 556),
        }
    }

    /// Subject and detail of the enhanced code, if there is one.
    fn enhanced(&self) -> Option<(u16, u16)> {
        let mut numbers = self.lines.first()?.split_ascii_whitespace().next()?.splitn(3, '.');
        let class: u16 = numbers.next()?.parse().ok()?;
        let subject = numbers.next()?.parse().ok()?;
        let detail = numbers.next()?.parse().ok()?;
        (class == self.code / 100).then_some((subject, detail))
    }
}

/// Words of a stranger, for logs and tables.
fn printable(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(ANSWER_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Result<Reply, SmtpFault> {
        let mut reply = Reply::default();
        let mut lines = text.split('\n');
        while !reply.push(lines.next().unwrap().as_bytes())? {}
        assert_eq!(lines.next(), None);
        Ok(reply)
    }

    #[test]
    fn one_line_and_several() {
        assert_eq!(reply("250").unwrap(), Reply { code: 250, lines: vec![String::new()] });
        let several = reply("250-one\n250-\n250 two three").unwrap();
        assert_eq!((several.code, several.answer().as_str()), (250, "one  two three"));
        let shown = reply("550 a\u{7}b").unwrap().answer();
        assert_eq!(shown, "a b");
        assert_eq!(reply(&format!("550 {}", "ä".repeat(4_000))).unwrap().answer().chars().count(), 500);
    }

    #[test]
    fn what_is_no_reply() {
        for bad in ["", "25", "abc ok", "250ok", "150 ok", "600 ok", "+50 ok", "250-a\n550 b", "é50 ok"] {
            assert!(matches!(reply(bad), Err(SmtpFault::Protocol(_))), "{bad:?}");
        }
        assert!(reply(&["250-x"; 200].join("\n")).is_err());
        assert!(Reply::default().push(b"\xff\xfe\xfd ok").is_err());
    }

    #[test]
    fn a_recipient_is_blamed_only_for_what_it_is() {
        let blamed = |text: &str, to| match reply(text).unwrap().refusal(to) {
            MailError::Permanent { recipient, .. } => recipient,
            other => panic!("{other:?}"),
        };
        for yes in ["550 no such user", "550 5.1.1 unknown", "556 5.1.10 null MX", "553 bad name", "550 5.2.1 disabled"]
        {
            assert!(blamed(yes, Command::Recipient), "{yes}");
            assert!(!blamed(yes, Command::Other), "{yes}");
        }
        for no in [
            "554 5.7.1 your address is on a list",
            "550 5.7.1 relaying denied",
            "530 5.7.0 log in first",
            "550 5.1.8 sender's domain does not exist",
            "552 5.2.2 mailbox full",
            "554 transaction failed",
            "503 5.5.1 MAIL first",
        ] {
            assert!(!blamed(no, Command::Recipient), "{no}");
        }
    }

    #[test]
    fn the_classes() {
        assert!(matches!(reply("450 later").unwrap().refusal(Command::Other), MailError::Transient { code: 450, .. }));
        assert!(matches!(reply("354 go").unwrap().refusal(Command::Other), MailError::Unreachable(Some(_))));
        assert!(reply("421 bye").unwrap().is_closing());
    }
}
