//! C8 `notify_once`: each accepted event leads to at least one attempt and at most one visible effect per user, channel and
//! device; a broken channel delays only itself, and nothing that was acknowledged is lost.

use super::checker::{Checker, Rules, Violation, violated};
use super::notify::{Accepted, Ended, Held, Live, Mails, Pushes};
use crate::log::{Event, Notified, Record};
use crate::world::instance_name;

const NAME: &str = "C8 notify_once";

/// The checker.
#[derive(Default)]
pub(super) struct NotifyOnce {
    accepted: Accepted,
    held: Held,
    pushes: Pushes,
    mails: Mails,
    ended: Ended,
    live: Live,
    /// The host that a permanent fault hurts.
    hurt: Option<String>,
}

impl NotifyOnce {
    pub(super) fn new(rules: Rules) -> Self {
        Self { pushes: Pushes::new(rules.clocks_step), ..Self::default() }
    }

    fn judge(&mut self, record: &Record) -> Result<(), String> {
        let (at_ms, host) = (record.at_ms, &*record.host);
        match &record.event {
            Event::Up | Event::Down => {
                self.held.forget(host);
                self.pushes.forget(host);
                self.live.forget(host);
                Ok(())
            }
            Event::Permanent { hurt, .. } => {
                self.hurt = hurt.map(instance_name);
                Ok(())
            }
            Event::Mark { name } if name == "device_taken_away" => {
                self.ended.device_goes();
                Ok(())
            }
            Event::Notify(what) => self.judge_notified(at_ms, host, what),
            _ => Ok(()),
        }
    }

    fn judge_notified(&mut self, at_ms: u64, host: &str, what: &Notified) -> Result<(), String> {
        self.accepted.judge(what)?;
        self.held.judge(at_ms, host, what)?;
        self.pushes.judge(at_ms, host, what)?;
        self.mails.judge(at_ms, host, what)?;
        self.ended.judge(at_ms, what)?;
        self.live.judge(host, what)?;
        match what {
            Notified::Closed => self.live.close(|host| self.hurt.as_deref() == Some(host)),
            _ => Ok(()),
        }
    }
}

impl Checker for NotifyOnce {
    fn observe(&mut self, record: &Record) -> Result<(), Violation> {
        self.judge(record).map_err(|message| violated(NAME, record, message))
    }
}
