//! The requests of a scenario, and the verdict on their replies.

use std::borrow::Cow;
use std::sync::Arc;

use super::checks::{Checked, Checks};
use super::file::{Mix, Scenario};
use super::observers::Sighting;
use super::planner::Planner;
use super::poller::Wanted;
use crate::engine::{Arrival, Job, Outcome, Times, Traffic};
use crate::http::{BaseUrl, Reply, Version};

/// Sightings that are kept; later ones are dropped, and that is said.
const SIGHTINGS_MAX: usize = 2_000_000;
/// How often an acknowledged write is remembered; the same.
const WRITES_MAX: usize = 500_000;
/// The page that a list asks for.
pub(super) const TAKE: usize = 20;

/// A write that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) item: usize,
    pub(super) version: Version,
    pub(super) sent_ns: u64,
    pub(super) acked_ns: u64,
}

/// Requests on forecasts.
#[derive(Debug)]
pub(super) struct ForecastTraffic {
    planner: Planner,
    /// What every request to a target ends its head with.
    tails: Vec<Vec<u8>>,
    ids: Vec<String>,
    company: String,
    checks: Checks,
    demand: u64,
    /// Who wants to know of each write.
    pub(super) wanted: Vec<Arc<Wanted>>,
    /// What was written, in order.
    pub(super) writes: Vec<Write>,
    /// Where a version of a written item was first seen in a reply.
    pub(super) polled: Vec<Sighting>,
    /// Whether something of these two was dropped for want of room.
    pub(super) dropped: bool,
    /// 503s to a minimum version that was not reached in time, which C4 allows.
    pub(super) not_reached: u64,
    /// Bodies of forecasts, and their bytes.
    pub(super) bodies: (u64, u64),
}

impl ForecastTraffic {
    pub(super) fn new(
        scenario: &Scenario,
        targets: &[BaseUrl],
        token: &str,
        ids: Vec<String>,
        company: String,
    ) -> Self {
        let tail = |target: &BaseUrl| {
            format!(" HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n", target.authority()).into_bytes()
        };
        Self {
            planner: Planner::new(scenario, targets.len(), ids.len()),
            tails: targets.iter().map(tail).collect(),
            checks: Checks::new(targets.len(), ids.len()),
            ids,
            company,
            demand: 0,
            wanted: Vec::new(),
            writes: Vec::new(),
            polled: Vec::new(),
            dropped: false,
            not_reached: 0,
            bodies: (0, 0),
        }
    }

    /// What was judged so far.
    pub(super) fn checked(&self) -> Checked {
        self.checks.checked
    }

    fn read(&mut self, job: &Job, reply: &Reply<'_>, times: &Times) -> Outcome {
        let is_304 = reply.status == 304;
        match reply.status {
            200 => {
                let id = self.ids[job.item].as_bytes();
                // `{"id":"` comes first in a document.
                if !reply.is_chunked && reply.body.get(7..7 + id.len()) != Some(id) {
                    return Outcome::Wrong("another_body".into());
                }
                self.bodies.0 += 1;
                self.bodies.1 += reply.body.len() as u64;
            }
            304 if job.kind != Mix::REVALIDATE => return Outcome::Wrong("unasked_304".into()),
            304 if reply.version.is_some_and(|version| version.id != job.note) => {
                return Outcome::Wrong("304_of_another_version".into());
            }
            304 => {}
            503 if job.kind == Mix::OWN_WRITE => {
                self.not_reached += 1;
                return Outcome::Wrong("version_not_reached".into());
            }
            status => return status_error(status),
        }
        let least = (job.kind == Mix::OWN_WRITE && job.note > 0).then_some(job.note);
        match self.checks.read(job.target, job.item, reply, times, least) {
            Ok(is_new) => {
                if let Some(version) = reply.version.filter(|_| is_new && self.checks.written(job.item).is_some()) {
                    self.see(job, version, times);
                }
                if is_304 { Outcome::NotModified(reply.level) } else { Outcome::Good(reply.level) }
            }
            Err(name) => Outcome::Wrong(name.into()),
        }
    }

    fn see(&mut self, job: &Job, version: Version, times: &Times) {
        if self.polled.len() >= SIGHTINGS_MAX {
            self.dropped = true;
            return;
        }
        self.polled.push(Sighting { target: job.target, item: job.item, version, at_ns: times.done_ns });
    }

    fn written(&mut self, job: &Job, reply: &Reply<'_>, times: &Times) -> Outcome {
        if reply.status != 200 {
            return status_error(reply.status);
        }
        let Some(version) = reply.version else { return Outcome::Wrong("no_version".into()) };
        if reply.etag.is_none() {
            return Outcome::Wrong("no_etag".into());
        }
        self.checks.acknowledged(job.target, job.item, version, times.done_ns);
        self.wanted.iter().for_each(|wanted| wanted.want(job.item, version));
        if self.writes.len() < WRITES_MAX {
            let (sent_ns, acked_ns) = (times.sent_ns, times.done_ns);
            self.writes.push(Write { item: job.item, version, sent_ns, acked_ns });
        } else {
            self.dropped = true;
        }
        Outcome::Good(None)
    }
}

fn status_error(status: u16) -> Outcome {
    let known: Option<&'static str> = match status {
        401 => Some("status_401"),
        404 => Some("status_404"),
        409 => Some("status_409"),
        429 => Some("status_429"),
        500 => Some("status_500"),
        503 => Some("status_503"),
        504 => Some("status_504"),
        _ => None,
    };
    Outcome::Wrong(known.map_or_else(|| format!("status_{status}").into(), Cow::Borrowed))
}

impl Traffic for ForecastTraffic {
    fn kinds(&self) -> Vec<&'static str> {
        Mix::NAMES.to_vec()
    }

    fn plan(&mut self, arrival: Arrival) -> Job {
        let planned = self.planner.next(arrival.index);
        Job { target: planned.target, kind: planned.kind, item: planned.item, note: 0 }
    }

    fn write(&mut self, job: &mut Job, out: &mut Vec<u8>) {
        let (id, tail) = (self.ids[job.item].as_bytes(), &self.tails[job.target]);
        match job.kind {
            Mix::LIST => {
                let path = format!("GET /api/forecasts?companyId={}&take={TAKE}", self.company);
                out.extend_from_slice(path.as_bytes());
                out.extend_from_slice(tail);
            }
            Mix::PATCH => {
                self.demand += 1;
                // Each write changes the forecast: the number counts up, and so never repeats.
                let body = format!("{{\"demand\":{}.5}}", 1_000 + self.demand);
                out.extend_from_slice(b"PATCH /api/forecasts/");
                out.extend_from_slice(id);
                out.extend_from_slice(tail);
                let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(body.as_bytes());
                return;
            }
            _ => {
                out.extend_from_slice(b"GET /api/forecasts/");
                out.extend_from_slice(id);
                out.extend_from_slice(tail);
            }
        }
        match job.kind {
            Mix::REVALIDATE => {
                if let Some((version, tag)) = self.checks.tag(job.item) {
                    job.note = version.id;
                    out.extend_from_slice(format!("If-None-Match: \"{tag:032x}\"\r\n").as_bytes());
                }
            }
            Mix::OWN_WRITE => {
                if let Some(version) = self.checks.written(job.item) {
                    job.note = version.id;
                    out.extend_from_slice(format!("X-Min-Version: {version}\r\n").as_bytes());
                }
            }
            _ => {}
        }
        out.extend_from_slice(b"\r\n");
    }

    fn reply(&mut self, job: &Job, reply: &Reply<'_>, times: &Times) -> Outcome {
        match job.kind {
            Mix::PATCH => self.written(job, reply, times),
            // Lists come from the output cache, which is none of the four tiers: they are counted without a level.
            Mix::LIST => match reply.status {
                200 if reply.etag.is_some() && reply.level.is_some() => Outcome::Good(None),
                200 => Outcome::Wrong("no_etag".into()),
                status => status_error(status),
            },
            _ => self.read(job, reply, times),
        }
    }
}
