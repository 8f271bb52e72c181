//! Text that must fit into so many bytes of JSON.

use std::borrow::Cow;

/// What a cut text ends with.
const ELLIPSIS: &str = "…";
/// How far a cut moves back so as not to fall inside what is shown as one character.
const BACK_MAX: usize = 16;

const JOINER: char = '\u{200d}';

/// The bytes that `text` takes inside a JSON string, as `serde_json` writes it.
pub(crate) fn json_bytes(text: &str) -> usize {
    text.chars().map(bytes_of).sum()
}

/// As much of `text` as fits into `room` bytes of JSON, with an ellipsis where it was cut. It is cut between characters,
/// and not inside what is shown as one: a letter and its accents, an emoji and its tone, a flag, a family.
pub(crate) fn cut(text: &str, room: usize) -> Cow<'_, str> {
    if fits(text, room) {
        return Cow::Borrowed(text);
    }
    let Some(room) = room.checked_sub(ELLIPSIS.len()) else { return Cow::Borrowed("") };
    let mut used = 0;
    let inside = text.char_indices().find(|&(_, char)| {
        used += bytes_of(char);
        used > room
    });
    let end = inside.map_or(text.len(), |(at, _)| at);
    let mut kept = text[..whole(text, end)].trim_end().to_owned();
    kept.push_str(ELLIPSIS);
    Cow::Owned(kept)
}

/// As `json_bytes(text) <= room`, without reading a megabyte to learn that it is too long.
fn fits(text: &str, room: usize) -> bool {
    text.len() <= room && json_bytes(text) <= room
}

fn bytes_of(char: char) -> usize {
    match char {
        '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => 2,
        '\0'..='\u{1f}' => "\\u0000".len(),
        _ => char.len_utf8(),
    }
}

/// The last place at or before `end` that is not inside one shown character, as far as a short table knows.
fn whole(text: &str, end: usize) -> usize {
    let mut end = end;
    for _ in 0..BACK_MAX {
        let (Some(before), Some(after)) = (text[..end].chars().next_back(), text[end..].chars().next()) else { break };
        if !is_joined(&text[..end], before, after) {
            break;
        }
        end -= before.len_utf8();
    }
    end
}

fn is_joined(kept: &str, before: char, after: char) -> bool {
    let is_mark = |char: char| {
        matches!(char, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | JOINER)
    };
    let is_flag = |char: &char| ('\u{1f1e6}'..='\u{1f1ff}').contains(char);
    // Flags are pairs: an odd number of halves before the cut leaves one behind. Who sends hundreds gets any cut.
    let halves = || kept.chars().rev().take(BACK_MAX * 16).take_while(is_flag).count();
    is_mark(after) || before == JOINER || (before == '\r' && after == '\n') || (is_flag(&after) && halves() % 2 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_as_one_stays_whole() {
        let cases = [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc…"),
            ("ab cdefg", 6, "ab…"),
            ("", 0, ""),
            ("a", 0, ""),
            ("abcd", 3, "…"),
            ("a😀😀", 8, "a😀…"),
            ("a😀😀", 7, "a…"),
            ("ae\u{301}\u{302}xyz", 6, "a…"),
            ("a👍🏽bcd", 9, "a…"),
            ("a👩‍👩‍👧bcd", 15, "a…"),
            ("a❤\u{fe0f}bcd", 8, "a…"),
            ("🇩🇪🇫🇷x", 16, "🇩🇪…"),
            ("\"\"\"\"", 7, "\"\"…"),
        ];
        for (text, room, expected) in cases {
            assert_eq!(cut(text, room), expected, "{text} in {room}");
        }
        let dots = "a".to_owned() + &"\u{301}".repeat(100);
        assert!(cut(&dots, 50).len() > 10, "a text of nothing but marks is still cut near its end");
    }

    proptest! {
        #[test]
        fn it_fits_and_is_a_beginning(text in "\\PC{0,80}|[\"\\\\\u{0}-\u{20}😀👍🏽🇩🇪é]{0,80}", room in 0usize..200) {
            let kept = cut(&text, room);
            prop_assert!(json_bytes(&kept) <= room);
            prop_assert_eq!(json_bytes(&kept) + 2, serde_json::to_string(&kept).unwrap().len());
            if kept != text {
                prop_assert!(text.starts_with(kept.strip_suffix('…').unwrap_or("")));
                prop_assert!(json_bytes(&text) > room);
            }
        }
    }
}
