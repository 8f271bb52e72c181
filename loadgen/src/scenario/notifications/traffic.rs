//! The requests that make notifications.

use std::borrow::Cow;

use jiff::{Timestamp, ToSpan as _};
use serde_json::json;
use uuid::Uuid;

use super::super::file::{Mix, Scenario};
use super::super::planner::Planner;
use super::people::Person;
use crate::engine::{Arrival, Job, Outcome, Times, Traffic};
use crate::http::{BaseUrl, Reply};
use crate::seed::TAG;

/// A request that was accepted, and so must reach its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) person: usize,
    /// Whether it was a message, and not an event.
    pub(super) is_message: bool,
    pub(super) sent_ns: u64,
    pub(super) acked_ns: u64,
}

/// Events and messages.
pub(super) struct NotificationTraffic<'a> {
    planner: Planner,
    people: &'a [Person],
    company: Uuid,
    /// Whose token sends messages.
    sender: String,
    hosts: Vec<String>,
    /// How many of the hosts are notification APIs; the others, after them, are forecast APIs.
    notifying: usize,
    count: u64,
    /// The first hour that a forecast of this run is about.
    first: Timestamp,
    pub(super) accepted: Vec<Accepted>,
}

impl<'a> NotificationTraffic<'a> {
    /// `urls`: the notification APIs, `notifying` of them, then the forecast APIs.
    pub(super) fn new(
        scenario: &Scenario,
        people: &'a [Person],
        company: Uuid,
        sender: String,
        urls: &[BaseUrl],
        notifying: usize,
    ) -> Self {
        // To the hour: another run's forecasts are of other hours, or their natural keys would be the same.
        let hour = Timestamp::now().as_second() / 3_600 * 3_600;
        Self {
            planner: Planner::new(scenario, 1, people.len()),
            people,
            company,
            sender,
            hosts: urls.iter().map(BaseUrl::authority).collect(),
            notifying,
            count: 0,
            first: Timestamp::from_second(hour).unwrap_or(Timestamp::UNIX_EPOCH),
            accepted: Vec::new(),
        }
    }

    fn event(&self, count: u64) -> String {
        let hours = i64::try_from(count).unwrap_or(0);
        let date = self.first.checked_add(hours.seconds()).unwrap_or(self.first);
        json!({
            "companyId": self.company, "productionUnitId": Uuid::from_u128(0x10ad_0000_0000_4000_a000_0000_0000_0000),
            "forecastDate": date.to_string(), "demand": 450.5, "supply": 480.0, "confidence": 0.95, "tags": [TAG],
        })
        .to_string()
    }
}

impl Traffic for NotificationTraffic<'_> {
    fn kinds(&self) -> Vec<&'static str> {
        Mix::NAMES.to_vec()
    }

    fn plan(&mut self, arrival: Arrival) -> Job {
        let planned = self.planner.next(arrival.index);
        let person = (arrival.index % self.people.len() as u64) as usize;
        let (first, among) = match planned.kind {
            Mix::SEND => (0, self.notifying),
            _ => (self.notifying, self.hosts.len() - self.notifying),
        };
        let target = first + (arrival.index % among.max(1) as u64) as usize;
        Job { target, kind: planned.kind, item: person, note: 0 }
    }

    fn write(&mut self, job: &mut Job, out: &mut Vec<u8>) {
        self.count += 1;
        let person = &self.people[job.item];
        let (path, token, body) = if job.kind == Mix::SEND {
            let body = json!({
                "userId": person.user, "title": "Production Alert", "body": format!("Demand dropped 30% ({})", self.count),
                "channels": "All",
            });
            ("/api/notifications", &self.sender, body.to_string())
        } else {
            ("/api/forecasts", &person.token, self.event(self.count))
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.hosts[job.target],
            body.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(body.as_bytes());
    }

    fn reply(&mut self, job: &Job, reply: &Reply<'_>, times: &Times) -> Outcome {
        let is_message = job.kind == Mix::SEND;
        match (is_message, reply.status) {
            (true, 202) | (false, 201) => {
                let (sent_ns, acked_ns) = (times.sent_ns, times.done_ns);
                self.accepted.push(Accepted { person: job.item, is_message, sent_ns, acked_ns });
                Outcome::Good(None)
            }
            (_, status) => Outcome::Wrong(Cow::Owned(format!("status_{status}"))),
        }
    }
}
