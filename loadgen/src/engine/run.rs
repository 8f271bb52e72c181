//! The loop.

use std::io;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use super::conn::{InFlight, Input, State};
use super::endpoint::Endpoint;
use super::pool::{CONNECT_TIMEOUT_NS, Pool};
use super::recorder::{Lost, Measured};
use super::schedule::Schedule;
use super::traffic::{Arrival, Job, Outcome, Times, Traffic};
use crate::http::parse;

/// So long before an arrival the loop stops sleeping: a wake-up is tens of microseconds late.
const SPIN_NS: u64 = 90_000;
/// Timeouts and reconnections are looked at this often.
const SWEEP_NS: u64 = 20_000_000;
/// Arrivals sent before replies are looked at again.
const BURST_MAX: usize = 16;
/// The same while all connections are busy.
const BURST_WAITING_MAX: usize = 1_024;
/// While all connections are busy nothing can be sent before a reply comes: so long is slept then, and not spun.
const BUSY_SLEEP_NS: u64 = 1_000_000;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// The longest reply that comes in parts.
const INPUT_BYTES_MAX: usize = 64 << 20;

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The targets.
    pub targets: Vec<Endpoint>,
    /// Keep-alive connections to each.
    pub connections: usize,
    /// When arrivals are due.
    pub schedule: Schedule,
    /// What is due before this long after the start is sent, but not measured.
    pub warm_up: Duration,
    /// A request without a reply for this long has failed.
    pub timeout: Duration,
    /// Arrivals that may wait for a connection; further ones are not sent, and counted.
    pub backlog_max: usize,
    /// After the last arrival, replies are waited for this long.
    pub drain: Duration,
}

/// A run that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The operating system refused something.
    #[error("the generator's own sockets failed: {0}")]
    Io(#[from] io::Error),
    /// A target takes no connections.
    #[error("target {0} takes no connections")]
    Unreachable(usize),
}

/// One run.
pub struct Engine {
    settings: Settings,
    pool: Pool,
    start: Instant,
    measured: Measured,
    scratch: Vec<u8>,
}

impl Engine {
    /// Opens the connections.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn connect(settings: Settings, kinds: &[&'static str]) -> Result<Self, EngineError> {
        // Timers of 50 us would be the default; where this is refused, the loop spins a little less precisely.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let pool = Pool::open(&settings.targets, settings.connections)?;
        let warm_up_ns = u64::try_from(settings.warm_up.as_nanos()).unwrap_or(u64::MAX);
        let measured = Measured::new(kinds, settings.targets.len(), warm_up_ns);
        let mut engine = Self { settings, pool, start: Instant::now(), measured, scratch: vec![0; READ_BYTES] };
        while !engine.pool.all_stand() && engine.now() < CONNECT_TIMEOUT_NS {
            let events = engine.pool.wait(Duration::from_millis(50))?;
            for number in 0..events {
                let Some((index, _)) = engine.pool.event(number) else { continue };
                if matches!(engine.pool.conns[index].state, State::Connecting { .. })
                    && engine.connected(index).is_err()
                {
                    engine.pool.end(index, engine.now());
                }
            }
            let now = engine.now();
            engine.pool.sweep(now, u64::MAX / 2)?;
        }
        match engine.pool.silent_target() {
            Some(target) => Err(EngineError::Unreachable(target)),
            None => Ok(engine),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Runs the plan. `each_second` sees what was measured so far, and may end the run with a reason.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn run<T: Traffic>(
        mut self,
        traffic: &mut T,
        each_second: &mut dyn FnMut(&Measured) -> Option<String>,
    ) -> Result<Measured, EngineError> {
        let mut schedule = self.settings.schedule.clone();
        self.start = Instant::now();
        self.measured.started = self.start;
        let mut next_due = schedule.next();
        let (mut index, mut next_sweep, mut next_second) = (0, SWEEP_NS, 1_000_000_000);
        let timeout_ns = u64::try_from(self.settings.timeout.as_nanos()).unwrap_or(u64::MAX / 2);
        let mut ends_at = None;
        loop {
            let mut now = self.now();
            let mut burst = 0;
            // Where no connection is free an arrival only joins those that wait, which is quick.
            let burst_max = if self.pool.is_busy() { BURST_WAITING_MAX } else { BURST_MAX };
            while let Some(due_ns) = next_due.filter(|due| *due <= now && burst < burst_max) {
                self.arrive(traffic, Arrival { index, due_ns }, now);
                index += 1;
                burst += 1;
                next_due = schedule.next();
                now = self.now();
            }
            if now >= next_sweep {
                next_sweep = now + SWEEP_NS;
                self.sweep(traffic, now, timeout_ns)?;
            }
            if now >= next_second {
                next_second += 1_000_000_000;
                self.measured.roll(now);
                self.measured.elapsed_ns = now;
                if let Some(reason) = each_second(&self.measured) {
                    self.measured.aborted = Some(reason);
                    break;
                }
            }
            if next_due.is_none() {
                let length = self.settings.schedule.length() + self.settings.drain;
                let end = *ends_at.get_or_insert(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX));
                if (self.pool.in_flight == 0 && self.pool.waiting == 0) || now >= end {
                    break;
                }
            }
            let next = next_due.unwrap_or(u64::MAX).min(next_sweep).min(next_second);
            let gap = next.saturating_sub(now);
            let wait = match gap {
                _ if self.pool.is_busy() => BUSY_SLEEP_NS,
                gap if gap > SPIN_NS + 30_000 => gap - SPIN_NS,
                _ => 0,
            };
            let events = self.pool.wait(Duration::from_nanos(wait))?;
            for number in 0..events {
                self.event(traffic, number);
            }
        }
        Ok(self.finish(traffic))
    }

    /// What is left at the end: in flight without a reply, or never sent.
    fn finish<T: Traffic>(mut self, traffic: &mut T) -> Measured {
        let now = self.now();
        for index in 0..self.pool.conns.len() {
            if let Some(lost) = self.pool.end(index, now) {
                self.fail_sent(traffic, &lost, "no_reply_at_end");
            }
        }
        for target in &mut self.pool.targets {
            for (_, due_ns) in target.waiting.drain(..) {
                self.measured.not_sent(due_ns);
            }
        }
        self.measured.close();
        self.measured.elapsed_ns = now;
        self.measured
    }

    fn arrive<T: Traffic>(&mut self, traffic: &mut T, arrival: Arrival, now: u64) {
        let due_ns = arrival.due_ns;
        self.measured.arrived(due_ns);
        let job = traffic.plan(arrival);
        let target = &mut self.pool.targets[job.target];
        if let Some(index) = target.idle.pop_front() {
            self.measured.late(due_ns, now);
            self.send(traffic, index, job, due_ns);
        } else if target.alive == 0 {
            self.fail_unsent(traffic, &job, due_ns, false);
        } else if self.pool.waiting >= self.settings.backlog_max {
            self.measured.not_sent(due_ns);
            traffic.failed(&job, now);
        } else {
            target.waiting.push_back((job, due_ns));
            self.pool.waiting += 1;
        }
    }

    fn send<T: Traffic>(&mut self, traffic: &mut T, index: usize, mut job: Job, due_ns: u64) {
        let conn = &mut self.pool.conns[index];
        conn.output.clear();
        traffic.write(&mut job, &mut conn.output);
        let sent_ns = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        conn.state = State::Busy(InFlight { job, due_ns, sent_ns });
        self.pool.in_flight += 1;
        self.measured.sent_to(job.target);
        if conn.send().is_err() {
            self.lose(traffic, index, "closed");
        }
    }

    /// A request was sent, and there will be no reply.
    fn fail_sent<T: Traffic>(&mut self, traffic: &mut T, request: &InFlight, name: &str) {
        let now = self.now();
        let (job, sent_ns) = (&request.job, Some(request.sent_ns));
        self.measured.failed(&Lost { job, due_ns: request.due_ns, sent_ns, name, has_waited: true }, now);
        traffic.failed(job, now);
    }

    /// There is nobody to send it to.
    fn fail_unsent<T: Traffic>(&mut self, traffic: &mut T, job: &Job, due_ns: u64, has_waited: bool) {
        let now = self.now();
        self.measured.failed(&Lost { job, due_ns, sent_ns: None, name: "no_connection", has_waited }, now);
        traffic.failed(job, now);
    }

    /// Ends a connection; its request, and those that wait for a target that has none left, have failed.
    fn lose<T: Traffic>(&mut self, traffic: &mut T, index: usize, name: &str) {
        let now = self.now();
        let target = self.pool.conns[index].target;
        if let Some(lost) = self.pool.end(index, now) {
            self.fail_sent(traffic, &lost, name);
        }
        if self.pool.targets[target].alive == 0 {
            while let Some((job, due_ns)) = self.pool.targets[target].waiting.pop_front() {
                self.pool.waiting -= 1;
                self.fail_unsent(traffic, &job, due_ns, true);
            }
        }
    }

    fn sweep<T: Traffic>(&mut self, traffic: &mut T, now: u64, timeout_ns: u64) -> Result<(), EngineError> {
        for index in self.pool.sweep(now, timeout_ns)? {
            self.lose(traffic, index, "timeout");
        }
        Ok(())
    }

    /// Whether a connection that was being made stands now.
    fn connected(&mut self, index: usize) -> io::Result<bool> {
        let conn = &mut self.pool.conns[index];
        let stands = conn.stands()?;
        if stands {
            conn.state = State::Idle;
            self.pool.targets[conn.target].idle.push_back(index);
        }
        Ok(stands)
    }

    fn event<T: Traffic>(&mut self, traffic: &mut T, number: usize) {
        let Some((index, flags)) = self.pool.event(number) else { return };
        if matches!(self.pool.conns[index].state, State::Connecting { .. }) {
            match self.connected(index) {
                Ok(true) => self.take_waiting(traffic, index),
                Ok(false) => {}
                Err(_) => self.lose(traffic, index, "closed"),
            }
            return;
        }
        if flags.contains(EventFlags::OUT)
            && matches!(self.pool.conns[index].state, State::Busy(_))
            && self.pool.conns[index].flush().is_err()
        {
            return self.lose(traffic, index, "closed");
        }
        if flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
            self.read(traffic, index);
        }
    }

    /// Reads until there is nothing more: the events tell of changes only.
    fn read<T: Traffic>(&mut self, traffic: &mut T, index: usize) {
        loop {
            let input = self.pool.conns[index].read(&mut self.scratch);
            match input {
                Ok(Input::Bytes(count)) => {
                    if !self.replied(traffic, index, count) {
                        return;
                    }
                    // A short read has emptied a plain socket; what comes later is a new event.
                    if !self.pool.conns[index].may_hold_more(count, READ_BYTES) {
                        return;
                    }
                }
                Ok(Input::Nothing) => return,
                Ok(Input::Closed) | Err(_) => return self.lose(traffic, index, "closed"),
            }
        }
    }

    /// Takes bytes that came; whether the connection stands.
    fn replied<T: Traffic>(&mut self, traffic: &mut T, index: usize, count: usize) -> bool {
        let done_ns = self.now();
        let conn = &mut self.pool.conns[index];
        let State::Busy(in_flight) = conn.state else {
            self.lose(traffic, index, "unasked_reply");
            return false;
        };
        let whole = if conn.input.is_empty() {
            &self.scratch[..count]
        } else {
            conn.input.extend_from_slice(&self.scratch[..count]);
            &conn.input[..]
        };
        let (outcome, closes) = match parse(whole) {
            Ok(None) if whole.len() < INPUT_BYTES_MAX => {
                if conn.input.is_empty() {
                    conn.input.extend_from_slice(&self.scratch[..count]);
                }
                return true;
            }
            Ok(Some((reply, size))) if size == whole.len() => {
                let times = Times { due_ns: in_flight.due_ns, sent_ns: in_flight.sent_ns, done_ns };
                (traffic.reply(&in_flight.job, &reply, &times), reply.closes)
            }
            _ => {
                self.lose(traffic, index, "malformed");
                return false;
            }
        };
        conn.input.clear();
        let job = in_flight.job;
        let times = Times { due_ns: in_flight.due_ns, sent_ns: in_flight.sent_ns, done_ns };
        self.measured.answered(&job, &times, outcome);
        self.pool.in_flight -= 1;
        conn.state = State::Idle;
        self.pool.targets[job.target].idle.push_back(index);
        if closes {
            self.lose(traffic, index, "closed");
            return false;
        }
        self.take_waiting(traffic, index);
        true
    }

    /// Gives a connection that has just become idle the next request that waits, if one does.
    fn take_waiting<T: Traffic>(&mut self, traffic: &mut T, index: usize) {
        let target = &mut self.pool.targets[self.pool.conns[index].target];
        if let Some((job, due_ns)) = target.waiting.pop_front() {
            target.idle.pop_back();
            self.pool.waiting -= 1;
            self.send(traffic, index, job, due_ns);
        }
    }
}

impl Outcome {
    /// For traffic with nothing else to check: 200s are good, everything else is wrong by its status.
    pub fn of_status(reply: &crate::http::Reply<'_>) -> Self {
        match reply.status {
            200..=299 => Self::Good(reply.level),
            304 => Self::NotModified(reply.level),
            status => Self::Wrong(format!("status_{status}").into()),
        }
    }
}
