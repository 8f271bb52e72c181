//! Which arrival belongs to which notification.

use std::collections::BTreeMap;
use std::time::Instant;

use hdrhistogram::Histogram;

use super::traffic::Accepted;
use crate::engine::{Percentiles, histogram};
use crate::sinks::{Channel, Landed};

/// Times of one channel.
#[derive(Debug, Clone)]
pub struct ChannelTimes {
    /// Its name.
    pub name: &'static str,
    /// Of events and messages.
    pub all: Percentiles,
    /// Of events alone.
    pub events: Percentiles,
    /// Of messages alone.
    pub messages: Percentiles,
}

/// What became of the notifications.
#[derive(Debug, Clone)]
pub struct Notified {
    /// Requests that were accepted after the warm-up.
    pub notifications: u64,
    /// From the sending of a message to its answer: it is stored by then.
    pub stored: Percentiles,
    /// From the sending of the request to each channel.
    pub channels: Vec<ChannelTimes>,
    /// To the last of a person's devices.
    pub all_devices: Percentiles,
    /// To the last channel.
    pub all_channels: Percentiles,
    /// Pairs of notification and channel that did not arrive, warm-up included.
    pub missing: u64,
    /// Arrivals that belong to no notification: something came twice.
    pub extra: u64,
    /// Streams of inboxes that ended before the run did.
    pub streams_lost: u64,
}

#[derive(Clone)]
struct Times {
    all: Histogram<u64>,
    events: Histogram<u64>,
    messages: Histogram<u64>,
}

impl Times {
    fn new() -> Self {
        Self { all: histogram(3), events: histogram(3), messages: histogram(3) }
    }

    fn put(&mut self, is_message: bool, ns: u64) {
        self.all.saturating_record(ns);
        let own = if is_message { &mut self.messages } else { &mut self.events };
        own.saturating_record(ns);
    }

    fn named(&self, name: &'static str) -> ChannelTimes {
        let [all, events, messages] = [&self.all, &self.events, &self.messages].map(Percentiles::of);
        ChannelTimes { name, all, events, messages }
    }
}

/// Joins what was accepted with what arrived over the `channels` that were to be used. What was sent before `warm_up_ns` is
/// not timed.
pub(super) fn join(
    accepted: &[Accepted],
    landed: &[Landed],
    channels: &[Channel],
    started: Instant,
    warm_up_ns: u64,
) -> Notified {
    let mut arrivals: BTreeMap<(Channel, usize), Vec<u64>> = BTreeMap::new();
    for one in landed {
        let at_ns = u64::try_from(one.at.saturating_duration_since(started).as_nanos()).unwrap_or(u64::MAX);
        arrivals.entry((one.channel, one.person)).or_default().push(at_ns);
    }
    let mut by_person: BTreeMap<usize, Vec<&Accepted>> = BTreeMap::new();
    for one in accepted {
        by_person.entry(one.person).or_default().push(one);
    }
    let mut times: BTreeMap<Channel, Times> = channels.iter().map(|channel| (*channel, Times::new())).collect();
    let (mut stored, mut devices, mut everything) = (histogram(3), histogram(3), histogram(3));
    let (mut missing, mut count, mut matched) = (0, 0, 0);
    for (person, mut own) in by_person {
        own.sort_by_key(|one| one.sent_ns);
        for (number, one) in own.iter().enumerate() {
            let until = own.get(number + 1).map_or(u64::MAX, |next| next.sent_ns);
            let is_timed = one.sent_ns >= warm_up_ns;
            count += u64::from(is_timed);
            if is_timed && one.is_message {
                stored.saturating_record(one.acked_ns.saturating_sub(one.sent_ns).max(1));
            }
            let mut last = [None; 2];
            for (channel, times) in &mut times {
                let came = arrivals.get(&(*channel, person)).map_or(&[][..], Vec::as_slice);
                let Some(at_ns) = came.iter().copied().find(|at_ns| (one.sent_ns..until).contains(at_ns)) else {
                    missing += 1;
                    continue;
                };
                matched += 1;
                let ns = at_ns.saturating_sub(one.sent_ns).max(1);
                last[1] = last[1].max(Some(ns));
                if matches!(channel, Channel::WebPush | Channel::Fcm) {
                    last[0] = last[0].max(Some(ns));
                }
                if is_timed {
                    times.put(one.is_message, ns);
                }
            }
            for (histogram, ns) in [&mut devices, &mut everything].into_iter().zip(last) {
                if let Some(ns) = ns.filter(|_| is_timed) {
                    histogram.saturating_record(ns);
                }
            }
        }
    }
    let came = landed.iter().filter(|one| channels.contains(&one.channel)).count() as u64;
    Notified {
        notifications: count,
        stored: Percentiles::of(&stored),
        channels: times.iter().map(|(channel, times)| times.named(channel.name())).collect(),
        all_devices: Percentiles::of(&devices),
        all_channels: Percentiles::of(&everything),
        missing,
        extra: came.saturating_sub(matched),
        streams_lost: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: u64 = 1_000_000;

    #[test]
    fn what_is_missing_and_what_came_twice_is_told() {
        let started = Instant::now();
        let sent = |person, sent_ms: u64, is_message| Accepted {
            person,
            is_message,
            sent_ns: sent_ms * MS,
            acked_ns: (sent_ms + 2) * MS,
        };
        let landed = |channel, person, at_ms| Landed { channel, person, at: started + Duration::from_millis(at_ms) };
        let accepted = [sent(0, 100, true), sent(1, 150, false), sent(0, 5_000, false)];
        let came = [
            landed(Channel::InApp, 0, 110),
            landed(Channel::Mail, 0, 300),
            landed(Channel::InApp, 1, 170),
            // Person 1 gets no mail; person 0 one of the second twice, and nothing in the inbox.
            landed(Channel::Mail, 0, 5_100),
            landed(Channel::Mail, 0, 5_200),
        ];
        let found = join(&accepted, &came, &[Channel::InApp, Channel::Mail], started, 0);
        assert_eq!((found.notifications, found.missing, found.extra), (3, 2, 1));
        let [in_app, mail] = &found.channels[..] else { panic!("{found:?}") };
        assert_eq!((in_app.all.count, in_app.messages.count, in_app.events.count), (2, 1, 1));
        assert!(in_app.all.max / MS >= 19 && in_app.all.max / MS <= 21, "{in_app:?}");
        assert_eq!((mail.all.count, mail.all.max / MS), (2, 200), "from the sending of its own");
        assert_eq!((found.stored.count, found.stored.max / MS), (1, 2));
        assert_eq!((found.all_channels.count, found.all_devices.count), (3, 0));
        let late = join(&accepted, &came, &[Channel::InApp, Channel::Mail], started, 200 * MS);
        assert_eq!((late.notifications, late.missing), (1, 2), "the warm-up is not timed, but must arrive");
    }
}
