//! What every reply must be, and what it must not go back on.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::Times;
use crate::http::{Level, Reply, Version};

/// C3: an unmarked answer is at most this far behind the last commit.
const BOUND_NS: u64 = 5_000_000_000;
/// Writes of one item that are remembered: more than five seconds of the hottest.
const ACKS_MAX: usize = 4_096;

/// Versions of an item on a target that are remembered, newest last. Of a hotter item, a request that is under way while more
/// than these are shown is bound by none of them.
const SHOWN_MAX: usize = 16;

/// How many replies each guarantee was judged by, and how many broke it; warm-up included. Nothing broken means nothing where
/// nothing was judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Replies to requests that were sent after another reply had shown a version of the same item on the same target (C1).
    pub monotonic: u64,
    /// Those that showed an older one.
    pub went_back: u64,
    /// Unmarked replies about items that were written more than the bound before (C3).
    pub age: u64,
    /// Those that showed what was there before the write.
    pub too_old: u64,
    /// Replies to requests with a minimum version (C4).
    pub minimum: u64,
    /// Those that were below it.
    pub below_minimum: u64,
}

/// What was shown, and what was written. Replies pass each other on the way, so only what was there before a request was
/// sent binds its reply.
#[derive(Debug)]
pub(super) struct Checks {
    targets: usize,
    /// For each item and target: each version that was higher than those before, and when its reply was there. A request is
    /// bound by the last one that was there when it was sent, and not by one that came meanwhile.
    shown: Vec<VecDeque<(Version, u64)>>,
    /// For each item: the entity tag of the highest version.
    tags: Vec<(Version, u128)>,
    /// Writes by item, as acknowledged.
    acks: BTreeMap<usize, VecDeque<(Version, u64)>>,
    /// The instance behind each target.
    instances: Vec<Option<Box<[u8]>>>,
    /// What was judged.
    pub(super) checked: Checked,
}

/// An entity tag as the server writes it: 128 bits in hex, in quotes.
fn tag_of(text: &[u8]) -> Option<u128> {
    let digits = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if digits.len() != 32 {
        return None;
    }
    digits.iter().try_fold(0_u128, |sum, digit| Some(sum << 4 | u128::from(char::from(*digit).to_digit(16)?)))
}

impl Checks {
    pub(super) fn new(targets: usize, items: usize) -> Self {
        Self {
            targets,
            shown: vec![VecDeque::new(); targets * items],
            tags: vec![(Version::default(), 0); items],
            acks: BTreeMap::new(),
            instances: vec![None; targets],
            checked: Checked::default(),
        }
    }

    /// The entity tag of an item that was shown last, with its version.
    pub(super) fn tag(&self, item: usize) -> Option<(Version, u128)> {
        self.tags.get(item).copied().filter(|(version, _)| version.id > 0)
    }

    /// The version of the last acknowledged write of an item.
    pub(super) fn written(&self, item: usize) -> Option<Version> {
        self.acks.get(&item).and_then(|acks| acks.back()).map(|(version, _)| *version)
    }

    /// A write was acknowledged by a target: that instance shows it from now on (C4), every one within the bound (C3).
    pub(super) fn acknowledged(&mut self, target: usize, item: usize, version: Version, at_ns: u64) {
        let acks = self.acks.entry(item).or_default();
        if acks.back().is_none_or(|(last, _)| *last < version) {
            if acks.len() >= ACKS_MAX {
                acks.pop_front();
            }
            acks.push_back((version, at_ns));
        }
        self.show(target, item, version, at_ns);
    }

    fn show(&mut self, target: usize, item: usize, version: Version, at_ns: u64) {
        let Some(shown) = self.shown.get_mut(item * self.targets + target) else { return };
        if shown.back().is_none_or(|(last, _)| *last < version) {
            if shown.len() >= SHOWN_MAX {
                shown.pop_front();
            }
            shown.push_back((version, at_ns));
        }
    }

    /// The highest version that was shown, and the highest of those that were there at a time.
    fn shown(&self, target: usize, item: usize, at_ns: u64) -> [Option<Version>; 2] {
        let Some(shown) = self.shown.get(item * self.targets + target) else { return [None; 2] };
        let bound = shown.iter().rev().find(|(_, was_ns)| *was_ns <= at_ns);
        [shown.back(), bound].map(|found| found.map(|(version, _)| *version))
    }

    /// Judges the reply to a read; `least` is the version that the request asked for. Answers whether the version is new on
    /// this target.
    pub(super) fn read(
        &mut self,
        target: usize,
        item: usize,
        reply: &Reply<'_>,
        times: &Times,
        least: Option<u64>,
    ) -> Result<bool, &'static str> {
        let version = reply.version.ok_or("no_version")?;
        self.headers(target, item, reply, version)?;
        let is_below = least.is_some_and(|least| version.id < least);
        self.checked.minimum += u64::from(least.is_some());
        self.checked.below_minimum += u64::from(is_below);
        let [highest, bound] = self.shown(target, item, times.sent_ns);
        let went_back = bound.is_some_and(|bound| version < bound);
        self.checked.monotonic += u64::from(bound.is_some());
        self.checked.went_back += u64::from(went_back);
        let due = if reply.is_stale { None } else { self.due(item, times.sent_ns) };
        let is_too_old = due.is_some_and(|due| version < due);
        self.checked.age += u64::from(due.is_some());
        self.checked.too_old += u64::from(is_too_old);
        // A reply may break several: each was counted.
        if is_below {
            return Err("below_minimum_version");
        }
        if went_back {
            return Err("went_back");
        }
        if is_too_old {
            return Err("older_than_5s");
        }
        self.show(target, item, version, times.done_ns);
        Ok(highest.is_none_or(|highest| highest < version))
    }

    fn headers(&mut self, target: usize, item: usize, reply: &Reply<'_>, version: Version) -> Result<(), &'static str> {
        let tag = reply.etag.and_then(tag_of).ok_or("no_etag")?;
        let level = reply.level.ok_or("no_cache_level")?;
        let status = reply.cache_status.ok_or("no_cache_status")?;
        let is_hit = level != Level::L4;
        let says = |word: &str| status.windows(word.len()).any(|part| part == word.as_bytes());
        if reply.is_hit != is_hit || says("; hit") != is_hit || !status.ends_with(level.name().as_bytes()) {
            return Err("cache_headers_disagree");
        }
        let known = self.tags.get_mut(item).ok_or("no_item")?;
        if known.0 == version && known.1 != tag {
            return Err("etag_differs");
        }
        if known.0 < version {
            *known = (version, tag);
        }
        let instance = reply.instance.ok_or("no_instance")?;
        match self.instances.get_mut(target).ok_or("no_instance")? {
            Some(before) if **before != *instance => Err("instance_changed"),
            Some(_) => Ok(()),
            unknown => {
                *unknown = Some(instance.into());
                Ok(())
            }
        }
    }

    /// The last write that was acknowledged more than the bound before a request: its reply shows at least that.
    fn due(&mut self, item: usize, sent_ns: u64) -> Option<Version> {
        let acks = self.acks.get_mut(&item)?;
        let is_due = |ack: &(Version, u64)| ack.1 + BOUND_NS <= sent_ns;
        while acks.get(1).is_some_and(is_due) {
            acks.pop_front();
        }
        acks.front().filter(|ack| is_due(ack)).map(|ack| ack.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::parse;

    fn reply(version: u64, tag: char, level: &str) -> Vec<u8> {
        let (hit, status) = if level == "L4" { ("", "fwd=miss") } else { ("x-cache-hit: true\r\n", "hit") };
        let tag: String = std::iter::repeat_n(tag, 32).collect();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: \"{tag}\"\r\nx-version: 1.{version}\r\n{hit}x-cache-level: {level}\r\n\
             cache-status: SmartPulse; {status}; detail={level}\r\nx-instance: i\r\n\r\n"
        )
        .into_bytes()
    }

    fn read(checks: &mut Checks, target: usize, bytes: &[u8], sent_ns: u64) -> Result<bool, &'static str> {
        let times = Times { due_ns: sent_ns, sent_ns, done_ns: sent_ns + 10 };
        checks.read(target, 0, &parse(bytes).unwrap().unwrap().0, &times, None)
    }

    #[test]
    fn a_version_may_not_fall_but_replies_may_pass_each_other() {
        let mut checks = Checks::new(2, 1);
        assert_eq!(read(&mut checks, 0, &reply(2, 'b', "L1"), 100), Ok(true));
        assert_eq!(read(&mut checks, 0, &reply(2, 'b', "L4"), 200), Ok(false));
        assert_eq!(read(&mut checks, 0, &reply(1, 'a', "L1"), 300), Err("went_back"));
        assert_eq!(
            read(&mut checks, 0, &reply(1, 'a', "L1"), 50),
            Ok(false),
            "it was sent before the other's reply was there"
        );
        assert_eq!(read(&mut checks, 1, &reply(1, 'a', "L1"), 300), Ok(true), "another instance may lag");
        assert_eq!(read(&mut checks, 1, &reply(2, 'c', "L1"), 400), Err("etag_differs"));
    }

    #[test]
    fn a_write_shows_at_once_where_it_was_made_and_everywhere_within_five_seconds() {
        let mut checks = Checks::new(2, 1);
        checks.acknowledged(0, 0, Version { incarnation: 1, id: 2 }, 1_000);
        assert_eq!(read(&mut checks, 0, &reply(1, 'a', "L1"), 1_000), Err("went_back"));
        assert_eq!(read(&mut checks, 1, &reply(1, 'a', "L1"), 1_000 + BOUND_NS - 1), Ok(true));
        assert_eq!(read(&mut checks, 1, &reply(1, 'a', "L1"), 1_000 + BOUND_NS), Err("older_than_5s"));
        checks.acknowledged(0, 0, Version { incarnation: 1, id: 3 }, 2_000 + BOUND_NS);
        assert_eq!(read(&mut checks, 1, &reply(2, 'b', "L1"), 3_000 + BOUND_NS), Ok(true), "the newest is not due yet");
    }

    /// A write was shown while the request was on its way: the version before it binds the reply all the same.
    #[test]
    fn what_was_shown_before_binds_also_around_a_write() {
        let mut checks = Checks::new(1, 1);
        assert_eq!(read(&mut checks, 0, &reply(1, 'a', "L1"), 10), Ok(true));
        assert_eq!(read(&mut checks, 0, &reply(3, 'c', "L1"), 100), Ok(true));
        checks.acknowledged(0, 0, Version { incarnation: 1, id: 4 }, 500);
        assert_eq!(read(&mut checks, 0, &reply(2, 'b', "L1"), 300), Err("went_back"), "3 was there at 110");
        assert_eq!(read(&mut checks, 0, &reply(3, 'c', "L1"), 300), Ok(false), "4 came at 500");
        assert_eq!(read(&mut checks, 0, &reply(3, 'c', "L1"), 500), Err("went_back"));
        for id in 5..200 {
            checks.acknowledged(0, 0, Version { incarnation: 1, id }, 1_000 + id);
        }
        assert_eq!(checks.shown[0].len(), SHOWN_MAX);
        assert_eq!(read(&mut checks, 0, &reply(190, 'd', "L1"), 1_191), Err("went_back"));
    }

    #[test]
    fn what_was_judged_is_counted_beside_what_was_broken() {
        let mut checks = Checks::new(1, 1);
        assert_eq!(read(&mut checks, 0, &reply(2, 'b', "L1"), 100), Ok(true));
        assert_eq!(checks.checked, Checked::default(), "a first reply binds the next ones, and is bound by nothing");
        assert_eq!(read(&mut checks, 0, &reply(2, 'b', "L1"), 100), Ok(false));
        assert_eq!(checks.checked, Checked::default(), "it was sent before the other's reply was there");
        assert_eq!(read(&mut checks, 0, &reply(1, 'a', "L1"), 200), Err("went_back"));
        checks.acknowledged(0, 0, Version { incarnation: 1, id: 3 }, 1_000);
        let times = Times { due_ns: 0, sent_ns: 2_000 + BOUND_NS, done_ns: 3_000 + BOUND_NS };
        let bytes = reply(2, 'b', "L1");
        let parsed = parse(&bytes).unwrap().unwrap().0;
        assert_eq!(checks.read(0, 0, &parsed, &times, Some(3)), Err("below_minimum_version"));
        let all = Checked { monotonic: 2, went_back: 2, age: 1, too_old: 1, minimum: 1, below_minimum: 1 };
        assert_eq!(checks.checked, all, "one reply may break all three");
    }

    #[test]
    fn headers_must_agree() {
        let mut checks = Checks::new(1, 1);
        let text = String::from_utf8(reply(1, 'a', "L2")).unwrap();
        for (from, to, error) in [
            ("x-cache-hit: true\r\n", "", "cache_headers_disagree"),
            ("detail=L2", "detail=L3", "cache_headers_disagree"),
            ("x-cache-level: L2\r\n", "", "no_cache_level"),
            ("x-version: 1.1\r\n", "", "no_version"),
            ("etag: \"a", "etag: \"x", "no_etag"),
            ("x-instance: i\r\n", "", "no_instance"),
        ] {
            assert_eq!(read(&mut checks, 0, text.replace(from, to).as_bytes(), 0), Err(error), "{from}");
        }
        assert_eq!(read(&mut checks, 0, text.as_bytes(), 0), Ok(true));
        assert_eq!(
            read(&mut checks, 0, text.replace("x-instance: i", "x-instance: j").as_bytes(), 0),
            Err("instance_changed")
        );
    }
}
