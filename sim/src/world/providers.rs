//! The push services and the mail server, which are nobody's host: what they have done is done, whoever crashes.
//!
//! Each goes wrong where the nemesis says so. What arrives at them, and which answer reaches whom, is in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::log::MAIL;

/// The origins of the push services: two of browsers, and that of apps.
pub const ORIGINS: [&str; 3] = ["https://one.test", "https://two.test", "https://fcm.test"];
/// An app's token begins with this.
const TOKEN: &str = "token-";

/// What goes wrong at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// It asks to be left alone for so long.
    Throttles {
        /// Milliseconds.
        after_ms: u64,
    },
    /// It answers that it fails.
    Fails,
    /// It takes what comes, and the connection breaks before its answer.
    TakesAndBreaks,
    /// It takes what comes, and does not answer.
    TakesAndHangs,
    /// It does not answer.
    Hangs,
    /// It refuses our credentials.
    Unauthorized,
    /// It says that the device is bound to somebody else; of mails: it refuses them for good.
    Refuses,
    /// It cannot be reached.
    Dead,
}

/// The providers. Clones share everything.
#[derive(Clone)]
pub struct Providers(Arc<Inner>);

struct Inner {
    dice: Dice,
    attempts: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By carrier: each trouble that is on, with its chance in a thousand.
    troubles: BTreeMap<String, Vec<(Trouble, u64)>>,
    gone: BTreeSet<String>,
}

/// What an attempt meets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meets {
    pub(super) trouble: Option<Trouble>,
    /// The way there, and the way back.
    pub(super) there: Duration,
    pub(super) back: Duration,
}

impl Providers {
    /// All is well.
    pub fn new(seed: u64) -> Self {
        let (dice, attempts) = (Dice::of(seed, "providers"), AtomicU64::new(0));
        Self(Arc::new(Inner { dice, attempts, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A trouble begins: so often in a thousand what goes to `carrier` meets it.
    pub fn begin(&self, carrier: &str, trouble: Trouble, permille: u64) {
        self.state().troubles.entry(carrier.to_owned()).or_default().push((trouble, permille));
    }

    /// It ends.
    pub fn end(&self, carrier: &str, trouble: Trouble, permille: u64) {
        let mut state = self.state();
        let Some(all) = state.troubles.get_mut(carrier) else { return };
        if let Some(at) = all.iter().position(|one| *one == (trouble, permille)) {
            all.remove(at);
        }
    }

    /// The device of this number is gone for good. Answers whose carriers have to do with it.
    pub fn is_gone(&self, device: u64) -> [String; 2] {
        let addresses = [browser(device), app(device)];
        self.state().gone.extend(addresses.clone());
        addresses.map(|address| carrier_of(&address))
    }

    pub(super) fn knows(&self, address: &str) -> bool {
        !self.state().gone.contains(address)
    }

    pub(super) fn next_attempt(&self) -> u64 {
        self.0.attempts.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn meets(&self, carrier: &str) -> Meets {
        const WAY_MS: u64 = 40;
        let dice = &self.0.dice;
        let (there, back) = (dice.millis(1, WAY_MS), dice.millis(1, WAY_MS));
        let troubles = self.state().troubles.get(carrier).cloned().unwrap_or_default();
        let trouble = troubles.into_iter().find(|(_, permille)| dice.permille(*permille)).map(|(trouble, _)| trouble);
        Meets { trouble, there, back }
    }
}

/// The endpoint of a browser.
pub fn browser(device: u64) -> String {
    format!("{}/{device}", ORIGINS[usize::from(device % 4 >= 2)])
}

/// The token of an app.
pub fn app(device: u64) -> String {
    format!("{TOKEN}{device}")
}

/// Who carries what goes to an address.
pub(super) fn carrier_of(address: &str) -> String {
    match address.rsplit_once('/') {
        _ if address.starts_with(TOKEN) => ORIGINS[2].to_owned(),
        Some((origin, _)) => origin.to_owned(),
        None => MAIL.to_owned(),
    }
}

/// A number as texts carry it.
pub fn text_of(number: u64) -> String {
    format!("#{number}#")
}

/// The number that a text carries.
pub(super) fn number_in(text: &str) -> Option<u64> {
    text.split('#').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_carrier_and_texts_their_number() {
        let carriers: BTreeSet<String> = (0..4).flat_map(|n| [browser(n), app(n)]).map(|a| carrier_of(&a)).collect();
        assert_eq!(carriers, ORIGINS.map(str::to_owned).into_iter().collect());
        assert_eq!(carrier_of("a@example.com"), MAIL);
        assert_eq!(number_in(&format!("Your forecast for {} is ready", text_of(17))), Some(17));
        assert_eq!(number_in("Your forecast is ready"), None);
    }

    #[test]
    fn a_trouble_that_ended_is_over_and_another_one_stays() {
        let providers = Providers::new(1);
        let trouble = || providers.meets(MAIL).trouble;
        providers.begin(MAIL, Trouble::Dead, 1_000);
        providers.begin(MAIL, Trouble::Fails, 1_000);
        assert_eq!(trouble(), Some(Trouble::Dead));
        providers.end(MAIL, Trouble::Dead, 1_000);
        assert_eq!(trouble(), Some(Trouble::Fails));
        providers.end(MAIL, Trouble::Fails, 1_000);
        assert_eq!(trouble(), None);
    }
}
