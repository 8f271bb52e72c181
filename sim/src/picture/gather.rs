//! From a run to a scene: what matters of the window, in the order of the log.

use std::collections::BTreeMap;

use super::scene::{Band, Scene, State, Stretch, Tone};
use super::subject::Subject;
use super::{Run, arrows, faults, requests};
use crate::log::{Event, Record, Ver};
use crate::run::Verdict;
use crate::world::{BUS, CLIENTS, SHARED, STORE, instance_name};

/// How many faults that are over before the window are named.
const EARLIER_MAX: usize = 6;

impl Scene {
    /// What there is to see of a run.
    pub fn of(run: &Run<'_>) -> Self {
        let subject = Subject::of(run);
        let instances = (0..run.plan.tuning.instances).map(instance_name);
        let backends = [STORE, BUS, SHARED].map(str::to_owned);
        let columns = [CLIENTS.to_owned()].into_iter().chain(instances).chain(backends).collect();
        let (from_ms, to_ms) = (subject.from_ms, subject.to_ms);
        let mut scene = Self { title: title(run), columns, from_ms, to_ms, ..Self::default() };
        let mut gather = Gather { run, subject: &subject, scene: &mut scene, since: BTreeMap::new() };
        for record in run.records.iter().take_while(|record| record.at_ms <= to_ms) {
            gather.record(record);
        }
        gather.close();
        if let Some(key) = subject.key {
            scene.notes.insert(0, format!("about the forecast {key}"));
        }
        let shown = requests::add(run, &subject, &mut scene);
        arrows::add(run, &subject, &shown, &mut scene);
        if let Verdict::Violated(violation) = &run.outcome.verdict {
            scene.violation = Some(format!("{}: {}", violation.invariant, violation.message));
        }
        scene
    }
}

fn title(run: &Run<'_>) -> String {
    let verdict = match &run.outcome.verdict {
        Verdict::Passed => "passed",
        Verdict::Violated(violation) => &violation.invariant,
        Verdict::Died(_) => "died",
    };
    format!("Seed {}: {verdict}", run.plan.seed)
}

/// What lasts, by column or by fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lasting {
    Down(usize),
    Suspect(usize),
    Fault(usize),
}

struct Gather<'g, 'r> {
    run: &'g Run<'r>,
    subject: &'g Subject,
    scene: &'g mut Scene,
    since: BTreeMap<Lasting, u64>,
}

impl Gather<'_, '_> {
    fn record(&mut self, record: &Record) {
        let at_ms = record.at_ms;
        let column = self.scene.column(&record.host);
        match (&record.event, column) {
            (Event::FaultBegan { id, .. }, _) => self.fault(*id, at_ms, ""),
            (Event::FaultEnded { id }, _) => {
                self.fault(*id, at_ms, "end of ");
                self.end(Lasting::Fault(*id), at_ms);
                self.starts_again(*id, at_ms);
            }
            (Event::Phase { name }, _) if self.scene.shows(at_ms) => self.scene.phases.push((at_ms, name.clone())),
            (Event::NotConverged { reasons }, _) => {
                for reason in reasons {
                    let of = self.scene.columns.iter().position(|host| reason.starts_with(host.as_str()));
                    self.say(at_ms, of.unwrap_or_default(), Tone::Violation, reason.clone());
                }
            }
            (Event::Down, Some(column)) => {
                self.end(Lasting::Suspect(column), at_ms);
                self.since.insert(Lasting::Down(column), at_ms);
                self.say(at_ms, column, Tone::Life, "down".to_owned());
            }
            (Event::Up, Some(column)) => {
                self.end(Lasting::Down(column), at_ms);
                self.since.insert(Lasting::Suspect(column), at_ms);
                self.say(at_ms, column, Tone::Life, "starts".to_owned());
            }
            (Event::Noticed { what }, Some(column)) => {
                match what.as_str() {
                    "trust_lost" => drop(self.since.entry(Lasting::Suspect(column)).or_insert(at_ms)),
                    "trust_regained" => self.end(Lasting::Suspect(column), at_ms),
                    _ => {}
                }
                self.say(at_ms, column, Tone::Notice, what.replace('_', " "));
            }
            (Event::Jumped { after, to, .. }, Some(column)) => {
                self.say(at_ms, column, Tone::Notice, format!("gap: {to} after {after}"));
            }
            (Event::Mark { name }, Some(column)) if is_worth_telling(name) => {
                self.say(at_ms, column, Tone::Notice, name.replace('_', " "));
            }
            (Event::Committed { key, version, digest, behind, .. }, Some(column)) if Some(*key) == self.subject.key => {
                self.say(at_ms, column, Tone::Commit, commit(*version, digest.is_none(), *behind));
            }
            _ => {}
        }
    }

    fn say(&mut self, at_ms: u64, column: usize, tone: Tone, text: String) {
        if self.scene.shows(at_ms) {
            self.scene.mark(at_ms, column, tone, text);
        }
    }

    fn fault(&mut self, id: usize, at_ms: u64, prefix: &str) {
        let Some(fault) = self.run.plan.faults.get(id) else { return };
        let first = faults::hit(&fault.kind, &self.scene.columns).first().copied().unwrap_or_default();
        self.say(at_ms, first, Tone::Fault, format!("{prefix}{}", faults::name(&fault.kind)));
        self.since.entry(Lasting::Fault(id)).or_insert(at_ms);
    }

    /// A backend does not tell that it starts; it does so when the last fault that keeps it down ends.
    fn starts_again(&mut self, id: usize, at_ms: u64) {
        let faults = &self.run.plan.faults;
        let host_of = |id: usize| faults.get(id).and_then(|fault| faults::kills(&fault.kind));
        let Some(host) = host_of(id) else { return };
        let still =
            self.since.keys().any(|lasting| matches!(lasting, Lasting::Fault(id) if host_of(*id) == Some(host)));
        if let Some(column) = self.scene.column(host).filter(|_| !still) {
            self.end(Lasting::Down(column), at_ms);
        }
    }

    fn end(&mut self, lasting: Lasting, to_ms: u64) {
        let Some(from_ms) = self.since.remove(&lasting) else { return };
        let (window_from_ms, window_to_ms) = (self.scene.from_ms, self.scene.to_ms);
        if to_ms < window_from_ms {
            return self.earlier(lasting, from_ms, to_ms);
        }
        let clipped = (from_ms.max(window_from_ms), to_ms.min(window_to_ms));
        let stretch = |column, state| Stretch { from_ms: clipped.0, to_ms: clipped.1, column, state };
        match lasting {
            Lasting::Down(column) => self.scene.stretches.push(stretch(column, State::Down)),
            Lasting::Suspect(column) => self.scene.stretches.push(stretch(column, State::Suspect)),
            Lasting::Fault(id) => {
                let Some(fault) = self.run.plan.faults.get(id) else { return };
                let columns = faults::hit(&fault.kind, &self.scene.columns);
                if from_ms < window_from_ms {
                    let first = columns.first().copied().unwrap_or_default();
                    let text = format!("{} since {}", faults::name(&fault.kind), seconds(from_ms));
                    self.scene.mark(window_from_ms, first, Tone::Fault, text);
                }
                self.scene.bands.push(Band { from_ms: clipped.0, to_ms: clipped.1, columns, id });
            }
        }
    }

    /// Over before the window: told in words, if it is a fault.
    fn earlier(&mut self, lasting: Lasting, from_ms: u64, to_ms: u64) {
        let Lasting::Fault(id) = lasting else { return };
        let Some(fault) = self.run.plan.faults.get(id) else { return };
        let text = format!("before: {} from {} to {}", faults::name(&fault.kind), seconds(from_ms), seconds(to_ms));
        if self.scene.notes.len() < EARLIER_MAX {
            self.scene.notes.push(text);
        }
    }

    fn close(&mut self) {
        let to_ms = self.scene.to_ms;
        for lasting in self.since.keys().copied().collect::<Vec<_>>() {
            self.end(lasting, to_ms);
        }
    }
}

fn is_worth_telling(mark: &str) -> bool {
    mark.starts_with("lease_taken_over") || mark == "incarnation_raised" || mark == "replayed_from_stream"
}

fn commit(version: Ver, deleted: bool, behind: bool) -> String {
    let what = if deleted { "deletes" } else { "commits" };
    format!("{what} {version}{}", if behind { " (behind)" } else { "" })
}

/// Simulated time as the picture tells it.
pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}
