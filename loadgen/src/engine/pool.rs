//! The connections to all targets, and the requests that wait for one.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{Timespec, epoll};

use super::conn::{Conn, InFlight, State};
use super::endpoint::Endpoint;
use super::traffic::Job;

/// How long a connection may take to stand.
pub(super) const CONNECT_TIMEOUT_NS: u64 = 3_000_000_000;
/// How long after a failure the next attempt comes.
const RETRY_NS: u64 = 100_000_000;
/// Events taken at once.
const EVENTS_MAX: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Target {
    endpoint: Option<Endpoint>,
    pub(super) idle: VecDeque<usize>,
    /// Arrivals that wait for a connection, with their due times.
    pub(super) waiting: VecDeque<(Job, u64)>,
    /// Connections that stand or are being made.
    pub(super) alive: usize,
}

pub(super) struct Pool {
    epoll: OwnedFd,
    pub(super) conns: Vec<Conn>,
    pub(super) targets: Vec<Target>,
    pub(super) waiting: usize,
    pub(super) in_flight: usize,
    events: Vec<epoll::Event>,
}

impl Pool {
    /// Begins all connections.
    pub(super) fn open(endpoints: &[Endpoint], connections: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let targets = endpoints.iter().map(|endpoint| Target { endpoint: Some(endpoint.clone()), ..Target::default() });
        let mut pool = Self {
            epoll,
            // One of each target after another, so that events of all targets mix.
            conns: (0..connections * endpoints.len()).map(|index| Conn::new(index % endpoints.len())).collect(),
            targets: targets.collect(),
            waiting: 0,
            in_flight: 0,
            events: Vec::with_capacity(EVENTS_MAX),
        };
        for index in 0..pool.conns.len() {
            pool.begin(index, 0)?;
        }
        Ok(pool)
    }

    /// Begins a connection; a failure at once is tried again later.
    fn begin(&mut self, index: usize, now_ns: u64) -> io::Result<()> {
        let conn = &mut self.conns[index];
        let target = &mut self.targets[conn.target];
        let Some(endpoint) = &target.endpoint else { return Ok(()) };
        if conn.begin(endpoint, now_ns + CONNECT_TIMEOUT_NS).is_err() {
            conn.end(now_ns + RETRY_NS);
            return Ok(());
        }
        target.alive += 1;
        let Some(stream) = &conn.stream else { return Ok(()) };
        let name = (u64::from(conn.generation) << 32) | index as u64;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        epoll::add(&self.epoll, stream, epoll::EventData::new_u64(name), flags)?;
        Ok(())
    }

    /// Waits for events, at most this long. They are then taken by [`Self::event`].
    pub(super) fn wait(&mut self, at_most: Duration) -> io::Result<usize> {
        let timeout = Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(1),
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        self.events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(count) => Ok(count),
            Err(rustix::io::Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// The connection of an event, and whether it may be written; nothing for one that is gone.
    pub(super) fn event(&self, number: usize) -> Option<(usize, epoll::EventFlags)> {
        let event = self.events.get(number)?;
        let name = event.data.u64();
        let index = (name & 0xffff_ffff) as usize;
        let conn = self.conns.get(index)?;
        (u64::from(conn.generation) == name >> 32 && conn.stream.is_some()).then_some((index, event.flags))
    }

    /// Ends a connection; what was in flight on it is handed back.
    pub(super) fn end(&mut self, index: usize, now_ns: u64) -> Option<InFlight> {
        let conn = &mut self.conns[index];
        let target = &mut self.targets[conn.target];
        let lost = match conn.state {
            State::Down { .. } => return None,
            State::Busy(in_flight) => {
                self.in_flight -= 1;
                Some(in_flight)
            }
            State::Idle => {
                target.idle.retain(|idle| *idle != index);
                None
            }
            State::Connecting { .. } => None,
        };
        target.alive -= 1;
        conn.end(now_ns + RETRY_NS);
        lost
    }

    /// Begins again what was ended a while ago, gives up what takes too long to stand, and names the busy connections whose
    /// request is older than `timeout_ns`.
    pub(super) fn sweep(&mut self, now_ns: u64, timeout_ns: u64) -> io::Result<Vec<usize>> {
        let mut late = Vec::new();
        for index in 0..self.conns.len() {
            match self.conns[index].state {
                State::Down { retry_ns } if retry_ns <= now_ns => self.begin(index, now_ns)?,
                State::Connecting { until_ns } if until_ns <= now_ns => {
                    self.end(index, now_ns);
                }
                State::Busy(in_flight) if in_flight.sent_ns + timeout_ns <= now_ns => late.push(index),
                _ => {}
            }
        }
        Ok(late)
    }

    /// Whether no connection is free.
    pub(super) fn is_busy(&self) -> bool {
        self.targets.iter().all(|target| target.idle.is_empty())
    }

    /// Whether all connections stand.
    pub(super) fn all_stand(&self) -> bool {
        self.conns.iter().all(|conn| matches!(conn.state, State::Idle | State::Busy(_)))
    }

    /// The first target with no connection that stands.
    pub(super) fn silent_target(&self) -> Option<usize> {
        (0..self.targets.len()).find(|target| {
            let mut own = self.conns.iter().filter(|conn| conn.target == *target);
            !own.any(|conn| matches!(conn.state, State::Idle | State::Busy(_)))
        })
    }
}
