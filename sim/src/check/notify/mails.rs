//! Each user gets one mail of each event, unless nobody knows whether it was taken and its template says that it is sent
//! again.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::settled::Settled;
use crate::log::{Notified, Outcome, Work};

#[derive(Default)]
struct Mail {
    settled: Settled,
    resend: bool,
    taken: bool,
}

struct Attempt {
    mail: Uuid,
    to: String,
    about: Option<u64>,
}

#[derive(Default)]
pub(in crate::check) struct Mails {
    mails: BTreeMap<Uuid, Mail>,
    attempts: BTreeMap<u64, Attempt>,
    /// By address and number: the mail that was taken.
    got: BTreeMap<(String, u64), Uuid>,
}

impl Mails {
    pub(in crate::check) fn judge(&mut self, at_ms: u64, host: &str, what: &Notified) -> Result<(), String> {
        match what {
            Notified::Claimed { work, .. } => {
                for Work { delivery, resend, .. } in work.iter().filter(|work| work.push.is_none()) {
                    self.mails.entry(*delivery).or_default().resend = *resend;
                }
            }
            Notified::Reported { delivery, outcome, .. } => {
                if let Some(mail) = self.mails.get_mut(delivery) {
                    let is_sent_again = mail.resend && *outcome == Outcome::Unknown;
                    mail.settled.report(if is_sent_again { Outcome::Later } else { *outcome });
                }
            }
            Notified::MailHanded { attempt, mail, to, about } => {
                if let Some(why) = self.mails.get(mail).and_then(|mail| mail.settled.forbids(at_ms)) {
                    return Err(format!("{host} hands over mail {mail} again: {why}"));
                }
                self.attempts.insert(*attempt, Attempt { mail: *mail, to: to.clone(), about: *about });
            }
            Notified::MailTaken { attempt } => return self.taken(*attempt),
            Notified::MailAnswered { attempt, reply } => {
                if let Some(attempt) = self.attempts.get(attempt) {
                    self.mails.entry(attempt.mail).or_default().settled.answer(at_ms, *reply);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn taken(&mut self, attempt: u64) -> Result<(), String> {
        let Some(Attempt { mail: id, to, about }) = self.attempts.get(&attempt) else { return Ok(()) };
        let mail = self.mails.entry(*id).or_default();
        if std::mem::replace(&mut mail.taken, true) && !mail.resend {
            return Err(format!("{to} gets mail {id} twice"));
        }
        if let Some(about) = about {
            let first = self.got.entry((to.clone(), *about)).or_insert(*id);
            if first != id {
                return Err(format!("{to} gets two mails about number {about}: {first}, {id}"));
            }
        }
        Ok(())
    }
}
