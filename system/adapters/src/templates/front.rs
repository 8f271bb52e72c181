//! The settings at the top of a text part, between two lines `---`.

use domain::ports::UnknownPolicy;

use super::error::TemplatesError;

const MARK: &str = "---";

/// A text part, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Front<'a> {
    /// What becomes of its mails whose fate is unknown.
    pub(super) unknown: UnknownPolicy,
    /// What is below the settings.
    pub(super) body: &'a str,
}

/// Takes the settings off; without any, all have their defaults.
pub(super) fn split<'a>(file: &str, text: &'a str) -> Result<Front<'a>, TemplatesError> {
    let failed = |reason: String| TemplatesError::Front { file: file.to_owned(), reason };
    let mut unknown = UnknownPolicy::Hold;
    let Some(mut rest) = after_mark(text) else { return Ok(Front { unknown, body: text }) };
    loop {
        if let Some(body) = after_mark(rest) {
            return Ok(Front { unknown, body });
        }
        let Some((line, after)) = rest.split_once('\n') else { return Err(failed(format!("no second line {MARK}"))) };
        rest = after;
        unknown = match line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) {
            Some(("unknown", "hold")) => UnknownPolicy::Hold,
            Some(("unknown", "resend")) => UnknownPolicy::Resend,
            _ => return Err(failed(format!("{:?} is not `unknown: hold` or `unknown: resend`", line.trim()))),
        };
    }
}

/// What follows the first line, if that is a mark.
fn after_mark(text: &str) -> Option<&str> {
    let (line, rest) = text.split_once('\n')?;
    (line.trim_end() == MARK).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_read_and_taken_off() {
        let policies = [("hold", UnknownPolicy::Hold), ("resend", UnknownPolicy::Resend)];
        for (word, unknown) in policies {
            let text = format!("---\r\nunknown: {word}\n---\nHello\n");
            assert_eq!(split("a.txt", &text).unwrap(), Front { unknown, body: "Hello\n" });
        }
        let bare = split("a.txt", "Hello\n---\n").unwrap();
        assert_eq!(bare, Front { unknown: UnknownPolicy::Hold, body: "Hello\n---\n" });
    }

    #[test]
    fn what_is_not_understood_is_refused_and_named() {
        for (text, named) in [
            ("---\nunknown: perhaps\n---\nHello\n", "perhaps"),
            ("---\nsubject: x\n---\nHello\n", "subject"),
            ("---\nunknown: hold\nHello", "second line"),
            ("---\nHello\n", "Hello"),
        ] {
            let error = split("a.txt", text).unwrap_err().to_string();
            assert!(error.contains("a.txt") && error.contains(named), "{error}");
        }
    }
}
