//! How things are called in Redis.

use std::borrow::Cow;

use coherence::{Key, Section};

/// The two keys of one cached thing: its value, and its versions. Both are on one slot of a cluster.
///
/// A key of Redis is the cached thing's own key, so that other programs find it. Braces in it would move one of the two to
/// another slot: they (and `%`) are percent-encoded.
pub(crate) fn of_key(key: &Key) -> [String; 2] {
    let value = escaped(key.as_str());
    let versions = format!("{{{value}}}:versions");
    [value.into_owned(), versions]
}

fn escaped(key: &str) -> Cow<'_, str> {
    if !key.contains(['{', '}', '%']) {
        return Cow::Borrowed(key);
    }
    let encoded = key.chars().fold(String::with_capacity(key.len() + 8), |mut text, character| {
        match character {
            '{' => text.push_str("%7B"),
            '}' => text.push_str("%7D"),
            '%' => text.push_str("%25"),
            other => text.push(other),
        }
        text
    });
    Cow::Owned(encoded)
}

/// The key of a section's state: term, epoch, sequence. On one slot with its head and its stream.
pub(crate) fn state(section: &Section) -> String {
    format!("{{{section}}}:__state")
}

/// The pattern of the channels of a section's things. The names of a section hold nothing that a pattern gives a meaning.
pub(crate) fn pattern(section: &Section) -> String {
    section.channel("*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::slot;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_those_of_the_design() {
        let [value, versions] = of_key(&Key::new("forecast:6f96").unwrap());
        assert_eq!((value.as_str(), versions.as_str()), ("forecast:6f96", "{forecast:6f96}:versions"));
        let section = Section::new("production", "forecast").unwrap();
        assert_eq!(state(&section), "{__dataChanged:production:forecast}:__state");
        assert_eq!(pattern(&section), "__dataChanged:production:forecast:*");
    }

    #[test]
    fn all_keys_of_a_script_are_on_one_slot_and_nobody_elses() {
        let mut seen = BTreeSet::new();
        for key in ["a", "{a}", "a{b}c", "}{", "{}x", "{a}:versions", "a:versions", "%7Ba%7D", "%", "ключ{я}"] {
            let names = of_key(&Key::new(key).unwrap());
            assert_eq!(slot(names[0].as_bytes()), slot(names[1].as_bytes()), "{key}");
            for name in names {
                assert!(seen.insert(name.clone()), "{name} is of two things");
            }
        }
        let section = Section::new("p", "s").unwrap();
        let [state, head, stream] = [state(&section), section.head_name(), section.stream_name()];
        assert_eq!(slot(state.as_bytes()), slot(head.as_bytes()));
        assert_eq!(slot(state.as_bytes()), slot(stream.as_bytes()));
    }
}
