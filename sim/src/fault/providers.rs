//! The faults of push services and the mail server.

use super::plan::{Family, Kind};
use crate::dice::Dice;
use crate::log::MAIL;
use crate::world::{ORIGINS, Trouble};

/// The devices of these numbers are there from the begin on.
const FIRST_DEVICES: u64 = 8;

/// Whether the family is of use only where there are notifications.
pub(super) fn is_about_notifications(family: Family) -> bool {
    matches!(family, Family::PushTrouble | Family::MailTrouble | Family::DevicesGone)
}

pub(super) fn draw(family: Family, dice: &Dice) -> Kind {
    match family {
        Family::DevicesGone => Kind::DeviceGone { device: dice.below(FIRST_DEVICES) },
        Family::MailTrouble => trouble(MAIL, dice),
        _ => trouble(dice.pick(&ORIGINS).copied().unwrap_or(ORIGINS[0]), dice),
    }
}

fn trouble(carrier: &str, dice: &Dice) -> Kind {
    let trouble = match dice.below(8) {
        // Shorter than is waited for in place, and longer.
        0 => Trouble::Throttles { after_ms: dice.between(0, 5_000) },
        1 => Trouble::Fails,
        2 => Trouble::TakesAndBreaks,
        3 => Trouble::TakesAndHangs,
        4 => Trouble::Hangs,
        5 => Trouble::Unauthorized,
        6 => Trouble::Refuses,
        _ => Trouble::Dead,
    };
    let permille = *dice.pick(&[200, 600, 1_000]).unwrap_or(&600);
    Kind::Provider { carrier: carrier.to_owned(), trouble, permille }
}
