//! What the run does about notifications: it prepares their store, breaks one carrier alone, and sees to the end.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use uuid::Uuid;

use super::fixture::{USERS, prepare};
use crate::dice::Dice;
use crate::fault::{Kind, Plan};
use crate::log::{Event, MAIL, Notified, Record};
use crate::world::{Fleet, ORIGINS, Trouble};

/// Always.
const ALL: u64 = 1_000;
/// A mail server that is away for longer is asked for more and more rarely, also when it is back.
const LONG_MS: u64 = 2_000;

/// The course of the notifications.
pub(in crate::run) struct Course {
    fleet: Fleet,
    /// What breaks alone.
    broken: (String, Trouble),
    /// Whether the mail server was away for long.
    mails_are_slow: bool,
    told: BTreeSet<Uuid>,
    accepted: BTreeSet<Uuid>,
}

impl Course {
    /// Of a plan with notifications.
    pub(in crate::run) fn of(plan: &Plan, fleet: &Fleet) -> Option<Self> {
        plan.tuning.notify.as_ref()?;
        let dice = Dice::of(plan.seed, "notify/encore");
        let carriers = [ORIGINS[0], ORIGINS[1], ORIGINS[2], MAIL];
        let carrier = dice.pick(&carriers).copied().unwrap_or(MAIL).to_owned();
        let trouble = *dice.pick(&[Trouble::Dead, Trouble::Hangs, Trouble::Fails]).unwrap_or(&Trouble::Dead);
        let away = plan.faults.iter().filter(|fault| match &fault.kind {
            Kind::Provider { carrier, trouble, .. } => {
                carrier == MAIL && !matches!(trouble, Trouble::Throttles { .. } | Trouble::Fails | Trouble::Refuses)
            }
            _ => false,
        });
        let mails_are_slow = away.map(|fault| fault.duration_ms).sum::<u64>() > LONG_MS;
        let (told, accepted) = Default::default();
        Some(Self { fleet: fleet.clone(), broken: (carrier, trouble), mails_are_slow, told, accepted })
    }

    fn note(&self, what: Notified) {
        self.fleet.note(what);
    }

    /// The memory store never waits.
    fn now<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let done = self.fleet.net.time.inside(work).now_or_never();
        debug_assert!(done.is_some(), "the memory store does not wait");
        done
    }

    /// Who is there.
    pub(in crate::run) fn prepare(&self) {
        let prepared = self.now(prepare(self.fleet.backends.store.notify.clone()));
        debug_assert_eq!(prepared, Some(Ok(())), "the fixture is accepted");
    }

    /// The next record.
    pub(in crate::run) fn observe(&mut self, record: &Record) {
        match &record.event {
            Event::Notify(Notified::Told { event }) => self.told.extend([*event]),
            Event::Notify(Notified::Accepted(new)) => self.accepted.extend([new.event]),
            _ => {}
        }
    }

    /// One carrier breaks, and nothing else.
    pub(in crate::run) fn break_one(&self) {
        let (carrier, trouble) = &self.broken;
        self.note(Notified::Troubled { carrier: carrier.clone() });
        self.fleet.providers.begin(carrier, *trouble, ALL);
        let slow = self.mails_are_slow.then(|| MAIL.to_owned());
        self.note(Notified::OnlyBroken { carriers: [carrier.clone()].into_iter().chain(slow).collect() });
    }

    /// It works again; how far have the others come?
    pub(in crate::run) fn mend(&self) {
        let host = self.fleet.backends.store.notify.clone();
        self.now(async move { host.look(false).await });
        let (carrier, trouble) = &self.broken;
        self.fleet.providers.end(carrier, *trouble, ALL);
    }

    /// What is still to come.
    pub(in crate::run) fn pending(&self) -> Vec<String> {
        let host = self.fleet.backends.store.notify.clone();
        let backlog = self.now(async move { host.backlog().await }).unwrap_or_default();
        let unheard = self.told.difference(&self.accepted).count() as u64;
        let waits = [
            (unheard, "events that nobody is told of"),
            (backlog.pushes, "pushes"),
            (backlog.mail_intents, "mails to render"),
            (backlog.mails, "mails to send"),
        ];
        waits.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }

    /// Its time is over.
    pub(in crate::run) fn give_up(&self, reasons: Vec<String>) {
        self.note(Notified::Unsettled { reasons });
    }

    /// Writes down what came of everything.
    pub(in crate::run) fn tell_the_end(&self) {
        let host = self.fleet.backends.store.notify.clone();
        self.now(async move {
            host.look(true).await;
            for user in USERS {
                host.look_at_inbox(user).await;
            }
            host.look_at_inbox(crate::run::workload::CLIENT).await;
            host.close();
        });
    }
}
