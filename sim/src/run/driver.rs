//! Steps the world through the phases and checks what happens.

use domain::ports::{ChangeFeed, Outbox};
use futures_util::FutureExt;

use super::dba::Dba;
use super::notify::{Course, guest, with_publisher};
use super::outcome::{Outcome, Verdict};
use super::phase::{Control, Phase};
use super::rows::{Directory, first_rows};
use super::rules;
use super::workload::clients;
use crate::check::{Checkers, FINAL, Marks, Violation};
use crate::fault::{Nemesis, Plan};
use crate::log::{Event, Message, Record, narrow};
use crate::world::{Fleet, Millis, Need, STORE, World};

/// By then everything runs and trusts, without faults.
const WARM_MAX_MS: u64 = 12_000;
/// How often the driver looks whether something is pending.
const LOOK_MS: u64 = 50;
/// An unmarked answer may be 5 s old: so long after the last write, none is.
const QUIET_MIN_MS: u64 = 5_000;
/// Claims of a host that died end, then what it held is tried again; a mail server that was away is asked for again.
const NOTIFY_MAX_MS: u64 = 75_000;
/// A stream that nobody woke asks after 15 s; the last faults ended more than 11 s ago.
const NOTIFY_MIN_MS: u64 = 4_000;
/// By then everything is read.
const FINAL_MAX_MS: u64 = 20_000;

/// Why a run ends early.
pub(super) enum Stop {
    Violated(Violation),
    Died(String),
}

pub(super) struct Run {
    pub(super) world: World,
    control: Control,
    checkers: Checkers,
    marks: Marks,
    pub(super) course: Option<Course>,
    seen: usize,
    counts: [u64; 3],
    /// How far along the feed the stream is.
    streamed: u64,
    converged_ms: Option<u64>,
    converge_max_ms: Option<u64>,
}

/// Runs a plan, while `now` tells the simulated time; the log with it.
///
/// # Errors
/// The world cannot be built: a defect of the harness.
pub fn run(plan: &Plan, now: Millis) -> Result<(Outcome, Vec<Record>), String> {
    run_with(plan, now, false).map(|(outcome, records, _)| (outcome, records))
}

/// The same with the messages between the hosts, which change nothing of it.
///
/// # Errors
/// As [`run`].
pub fn run_with_messages(plan: &Plan, now: Millis) -> Result<(Outcome, Vec<Record>, Vec<Message>), String> {
    run_with(plan, now, true)
}

fn run_with(plan: &Plan, now: Millis, messages: bool) -> Result<(Outcome, Vec<Record>, Vec<Message>), String> {
    let (control, directory) = (Control::new(plan.canary), Directory::default());
    let software = (control.clone(), directory.clone());
    let hurt = plan.hurt().map(str::to_owned);
    let seed = plan.seed;
    let notify = plan.tuning.notify.clone();
    let callers = notify.as_ref().map(|tuning| guest(seed, control.clone(), tuning));
    let software = move |fleet: Fleet| {
        let (net, (control, directory)) = (fleet.net.clone(), software);
        with_publisher(seed, notify, net, control.clone(), clients(seed, fleet, control, directory, hurt))
    };
    let world = World::build(seed, &plan.tuning, now, software, callers)?;
    if messages {
        world.fleet.net.slab.record(std::sync::Arc::clone(&world.fleet.net.time));
    }
    let checkers = Checkers::new(rules::rules(plan)?);
    let course = Course::of(plan, &world.fleet);
    let (marks, seen, counts, streamed) = (Marks::default(), 0, [0; 3], 0);
    let (converged_ms, converge_max_ms) = (None, None);
    let mut run =
        Run { world, control, checkers, marks, course, seen, counts, streamed, converged_ms, converge_max_ms };
    let ended = run.phases(plan, &directory);
    let verdict = match ended {
        Ok(()) => Verdict::Passed,
        Err(Stop::Violated(violation)) => Verdict::Violated(violation),
        Err(Stop::Died(why)) => Verdict::Died(why),
    };
    let log = &run.world.fleet.net.log;
    let [requests, commits, faults] = run.counts;
    let outcome = Outcome {
        seed,
        verdict,
        digest: log.digest(),
        simulated_ms: run.world.fleet.net.time.now_ms(),
        records: log.len(),
        requests,
        commits,
        faults,
        reached: reached(),
        messages: run.world.fleet.net.slab.stored(),
        peak_kib: 0,
        converged_ms: run.converged_ms,
        converge_max_ms: run.converge_max_ms,
        marks: run.marks.counts().clone(),
    };
    let (records, messages) = (log.from(0), run.world.fleet.net.slab.messages());
    // Dropping the hosts one by one would only cost time and trace more; the process ends anyway.
    std::mem::forget(run.world);
    Ok((outcome, records, messages))
}

#[cfg(feature = "mutants")]
fn reached() -> u64 {
    coherence::mutants::reached()
}

#[cfg(not(feature = "mutants"))]
const fn reached() -> u64 {
    0
}

impl Run {
    fn phases(&mut self, plan: &Plan, directory: &Directory) -> Result<(), Stop> {
        self.enter("warm", Phase::Warm);
        self.insert_first_rows(directory);
        self.course.iter().for_each(Course::prepare);
        self.until_nothing_is_pending(plan, WARM_MAX_MS)?;
        self.enter("storm", Phase::Storm);
        if let Some(kind) = &plan.permanent {
            let hurt = self.world.fleet.instances.iter().position(|i| plan.hurt() == Some(&*i.net.host));
            let what = format!("{kind:?}");
            self.world.fleet.net.log.record("harness", None, Event::Permanent { what, hurt });
        }
        let mut nemesis = Nemesis::new(plan, self.world.fleet.clone());
        let dba = Dba::new(plan.seed, self.world.fleet.clone(), directory.clone(), plan.behind_every_ms);
        let weather = std::sync::Arc::clone(&self.world.fleet.net.weather);
        weather.set_hiccups(plan.tuning.hiccups_permille, plan.tuning.hiccup_max_ms);
        weather.set_hiccup_max(STORE, plan.tuning.store_hiccup_max_ms);
        for since_ms in 0..plan.storm_ms {
            nemesis.act(&mut self.world.sim, since_ms);
            dba.act();
            self.step()?;
        }
        nemesis.heal(&mut self.world.sim);
        weather.set_hiccups(0, 0);
        self.enter("quiet", Phase::Quiet);
        self.converge(plan)?;
        if plan.tuning.newcomer {
            self.restart_one(plan, &mut nemesis);
            self.until_nothing_is_pending(plan, rules::converge_max_ms(plan, 0))?;
        }
        self.enter(FINAL, Phase::Final);
        self.until_everything_is_read(1)?;
        self.encore(plan, &dba)?;
        self.until_everybody_is_notified()
    }

    /// With empty tiers and no floors an instance shows what the shared tier holds.
    fn restart_one(&mut self, plan: &Plan, nemesis: &mut Nemesis) {
        let fleet = self.world.fleet.clone();
        let Some(instance) = fleet.whole(plan.hurt()).next_back() else { return };
        fleet.net.mark("newcomer");
        nemesis.restart(&mut self.world.sim, &instance.net.host);
    }

    pub(super) fn until_everything_is_read(&mut self, times: usize) -> Result<(), Stop> {
        for _ in 0..FINAL_MAX_MS {
            self.step()?;
            if self.control.finished() == times * self.world.fleet.instances.len() {
                return Ok(());
            }
        }
        self.not_converged(vec!["not everything was read".to_owned()])
    }

    /// Every channel comes to its end; then all is told about it.
    fn until_everybody_is_notified(&mut self) -> Result<(), Stop> {
        if self.course.is_none() {
            return Ok(());
        }
        let pending = |run: &Self| run.course.as_ref().map(Course::pending).unwrap_or_default();
        // Streams that missed something ask by themselves.
        let mut waited_ms = 0;
        while waited_ms < NOTIFY_MIN_MS || (waited_ms < NOTIFY_MAX_MS && !pending(self).is_empty()) {
            for _ in 0..LOOK_MS {
                self.step()?;
            }
            waited_ms += LOOK_MS;
        }
        let (course, reasons) = (self.course.as_ref(), pending(self));
        match reasons.is_empty() {
            true => course.into_iter().for_each(Course::tell_the_end),
            false => course.into_iter().for_each(|course| course.give_up(reasons.clone())),
        }
        self.observe()
    }

    pub(super) fn enter(&self, name: &str, phase: Phase) {
        self.control.enter(phase);
        self.world.fleet.net.log.record("harness", None, Event::Phase { name: name.to_owned() });
    }

    fn insert_first_rows(&self, directory: &Directory) {
        let fleet = &self.world.fleet;
        for row in first_rows() {
            directory.add(row.id.0);
            let store = fleet.backends.store.clone();
            let inserted = fleet.net.time.inside(async move { store.bare_insert(row).await }).now_or_never();
            debug_assert!(inserted.is_some(), "the memory store does not wait");
        }
    }

    /// What is still to come, except what the permanent fault spares an instance.
    fn pending(&self, plan: &Plan) -> Vec<String> {
        let fleet = &self.world.fleet;
        let missing = fleet.instances.iter().flat_map(|instance| {
            let is_due = |(need, _): &(Need, String)| !plan.spares(&instance.net.host, *need);
            instance.pending().into_iter().filter(is_due).map(|(_, what)| what)
        });
        let mut reasons: Vec<String> = missing.collect();
        let store = fleet.backends.store.store.clone();
        let outbox = fleet.net.time.inside(async move { store.pending(1).await }).now_or_never();
        if !matches!(outbox, Some(Ok(rows)) if rows.is_empty()) {
            reasons.push("the outbox is not empty".to_owned());
        }
        if fleet.backends.store.is_put_back_unnoticed() {
            reasons.push("nobody noticed that the store was put back".to_owned());
        }
        reasons
    }

    /// Everything is as it should be within the time that there is for it, and stays so.
    fn converge(&mut self, plan: &Plan) -> Result<(), Stop> {
        let max_ms = rules::converge_max_ms(plan, self.backlog());
        self.converge_max_ms = Some(max_ms);
        let (mut converged_ms, mut reasons, mut since_ms) = (0, Vec::new(), 0);
        while since_ms < QUIET_MIN_MS.max(max_ms) && (since_ms < QUIET_MIN_MS || !reasons.is_empty()) {
            for _ in 0..LOOK_MS {
                self.step()?;
            }
            since_ms += LOOK_MS;
            reasons = self.pending(plan);
            if !reasons.is_empty() {
                converged_ms = since_ms + LOOK_MS;
            }
        }
        if !reasons.is_empty() {
            return self.not_converged(reasons);
        }
        self.converged_ms = Some(converged_ms);
        Ok(())
    }

    /// How many changes the stream does not tell of yet.
    fn backlog(&self) -> u64 {
        let store = self.world.fleet.backends.store.store.clone();
        let end = self.world.fleet.net.time.inside(async move { store.end().await }).now_or_never();
        let end = end.and_then(Result::ok).unwrap_or_default();
        narrow(end.0).saturating_sub(self.streamed)
    }

    fn until_nothing_is_pending(&mut self, plan: &Plan, max_ms: u64) -> Result<(), Stop> {
        let mut reasons = Vec::new();
        for _ in 0..max_ms / LOOK_MS {
            for _ in 0..LOOK_MS {
                self.step()?;
            }
            reasons = self.pending(plan);
            if reasons.is_empty() {
                return Ok(());
            }
        }
        self.not_converged(reasons)
    }

    fn not_converged(&mut self, reasons: Vec<String>) -> Result<(), Stop> {
        self.world.fleet.net.log.record("harness", None, Event::NotConverged { reasons });
        self.observe()
    }

    pub(super) fn step(&mut self) -> Result<(), Stop> {
        self.world.step().map_err(Stop::Died)?;
        let net = &self.world.fleet.net;
        net.weather.take_hits().into_iter().for_each(|mark| net.mark(mark));
        self.observe()
    }

    /// Holds what is new in the log against the invariants.
    fn observe(&mut self) -> Result<(), Stop> {
        if self.world.fleet.net.log.len() == self.seen {
            return Ok(());
        }
        let new = self.world.fleet.net.log.from(self.seen);
        self.seen += new.len();
        for record in &new {
            match record.event {
                Event::Asked(_) => self.counts[0] += 1,
                Event::Committed { .. } => self.counts[1] += 1,
                Event::FaultBegan { .. } => self.counts[2] += 1,
                Event::Streamed(streamed) => self.streamed = streamed.position,
                _ => {}
            }
            self.marks.observe(record);
            self.course.iter_mut().for_each(|course| course.observe(record));
            self.checkers.observe(record).map_err(Stop::Violated)?;
        }
        Ok(())
    }
}
