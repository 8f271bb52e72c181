//! What a server can do, as its answer to EHLO says (RFC 5321, 4.1.1.1).

use super::reply::Reply;

/// The extensions that matter to us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// RFC 2920: commands may be sent together.
    pub(super) pipelining: bool,
    /// RFC 1870: a mail's size may be told before it is sent.
    pub(super) size: bool,
    /// RFC 3207.
    pub(super) starttls: bool,
    /// RFC 4616.
    pub(super) auth_plain: bool,
    /// The older way, which some large providers still ask for.
    pub(super) auth_login: bool,
}

impl Extensions {
    /// Reads the answer; its first line is the server's name. Keywords are of any case (RFC 5321, 2.4).
    pub(super) fn of(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // "AUTH=" is how some old servers spell it.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("PIPELINING") => found.pipelining = true,
                Some("SIZE") => found.size = true,
                Some("STARTTLS") => found.starttls = true,
                Some("AUTH") => {
                    for mechanism in words {
                        found.auth_plain |= mechanism == "PLAIN";
                        found.auth_login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Extensions {
        Extensions::of(&Reply { code: 250, lines: lines.iter().map(|&line| line.to_owned()).collect() })
    }

    #[test]
    fn keywords_of_any_case_and_odd_lines() {
        let all = of(&["mx", "PipeLining", "size 10240000", "STARTTLS", "auth=LOGIN PLAIN", "8BITMIME", " ", ""]);
        let expected = Extensions { pipelining: true, size: true, starttls: true, auth_plain: true, auth_login: true };
        assert_eq!(all, expected);
        assert_eq!(of(&["STARTTLS"]), Extensions::default(), "the first line is the server's name");
        assert_eq!(of(&["mx", "AUTH CRAM-MD5", "XSTARTTLS"]), Extensions::default());
    }
}
