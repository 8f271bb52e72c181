//! S3 `announced`: an instance announces each change of a key once (`DataChanged`), on whichever road it comes first.

use std::collections::BTreeSet;

use super::checker::{Checker, Rules, Violation, violated};
use crate::log::{Event, Record, Ver};

const NAME: &str = "S3 announced";

/// The checker.
#[derive(Default)]
pub(super) struct Announced {
    rules: Rules,
    /// By host, since its start.
    heard: BTreeSet<(String, String, Ver)>,
}

impl Announced {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }
}

impl Checker for Announced {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        match &record.event {
            Event::Up | Event::Down => self.heard.retain(|(host, ..)| *host != record.host),
            Event::Announced { key, version } => {
                let is_new = self.heard.insert((record.host.clone(), key.clone(), *version));
                // Where the memory is too small for the rows, it says rather twice than never.
                if !is_new && !self.rules.forgets_announcements {
                    let message = format!("{} announces {version} of {key} twice", record.host);
                    return Err(violated(NAME, record, message));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::Forge;
    use super::*;

    fn announced(forge: Forge, at_ms: u64, host: &str, version: u64) -> Forge {
        forge.event(at_ms, host, Event::Announced { key: "k".to_owned(), version: Ver(1, version) })
    }

    #[test]
    fn what_is_announced_twice_is_refused() {
        let twice = || announced(announced(Forge::default(), 0, "i0", 4), 900, "i0", 4);
        assert!(twice().check(Announced::default()).is_err());
        let forgets = Rules { forgets_announcements: true, ..Rules::default() };
        assert_eq!(twice().check(Announced::new(forgets)), Ok(()));
    }

    #[test]
    fn by_each_instance_start_and_version_once_is_accepted() {
        let history = announced(announced(Forge::default(), 0, "i0", 4), 1, "i1", 4).event(2, "i0", Event::Up);
        let history = announced(announced(history, 3, "i0", 4), 4, "i0", 5);
        assert_eq!(history.check(Announced::default()), Ok(()));
    }
}
