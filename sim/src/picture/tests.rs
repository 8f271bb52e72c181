//! A forged run, drawn.

use uuid::Uuid;

use super::{Run, Scene, draw};
use crate::check::Violation;
use crate::fault::{Fault, Kind, Plan, draw as draw_plan};
use crate::log::{Answer, Ask, Event, Message, Op, Record, Shown, Ver};
use crate::run::{Outcome, Verdict};

const KEY: Uuid = Uuid::from_u128(0xf0_0001);

#[derive(Default)]
struct Forge {
    records: Vec<Record>,
    messages: Vec<Message>,
}

impl Forge {
    fn event(mut self, at_ms: u64, host: &str, event: Event) -> Self {
        let ordinal = self.records.len() as u64;
        self.records.push(Record { ordinal, at_ms, host: host.to_owned(), cause: None, event });
        self
    }

    fn noticed(self, at_ms: u64, host: &str, what: &str) -> Self {
        self.event(at_ms, host, Event::Noticed { what: what.to_owned() })
    }

    fn commit(self, at_ms: u64, version: u64) -> Self {
        let (key, version, digest) = (KEY, Ver(1, version), Some(version));
        self.event(at_ms, "store", Event::Committed { key, company: None, version, digest, behind: false })
    }

    /// A reading of 10 ms.
    fn get(self, at_ms: u64, instance: usize, version: u64) -> Self {
        let request = at_ms;
        let ask = Ask { request, instance, op: Op::Get, key: Some(KEY), min: None, take: None };
        let shown = vec![Shown { key: KEY, version: Ver(1, version), digest: Some(version) }];
        let level = Some("L1".to_owned());
        let answer = Answer {
            age_s: None,
            request,
            status: 200,
            boot: format!("i{instance}-a"),
            level,
            stale: false,
            shown,
            whole: false,
            total: None,
        };
        self.event(at_ms, "clients", Event::Asked(ask)).event(at_ms + 10, "clients", Event::Answered(answer))
    }

    fn message(mut self, from: &str, to: &str, what: &str, sent_ms: u64, received_ms: Option<u64>) -> Self {
        let (id, about) = (self.messages.len() as u64, Some(KEY.to_string()));
        let (from, to, what) = (from.to_owned(), to.to_owned(), what.to_owned());
        self.messages.push(Message { id, from, to, what, about, sent_ms, received_ms, answers: None });
        self
    }

    fn fault(self, id: usize, from_ms: u64, to_ms: u64, inside: impl FnOnce(Self) -> Self) -> Self {
        let began = self.event(from_ms, "nemesis", Event::FaultBegan { id, what: "?".to_owned() });
        inside(began).event(to_ms, "nemesis", Event::FaultEnded { id })
    }

    fn draw(self, verdict: Verdict) -> String {
        let fault = |kind| Fault { start_ms: 0, duration_ms: 1, kind };
        let faults = vec![fault(Kind::BusCut), fault(Kind::Crash { host: "store".to_owned() })];
        let plan = Plan { faults, ..draw_plan(7) };
        let outcome = Outcome {
            converged_ms: None,
            converge_max_ms: None,
            seed: 7,
            verdict,
            digest: String::new(),
            simulated_ms: 20_000,
            records: self.records.len(),
            requests: 0,
            commits: 0,
            faults: 2,
            reached: 0,
            messages: 0,
            peak_kib: 0,
            marks: Default::default(),
        };
        draw(&Scene::of(&Run { plan: &plan, outcome: &outcome, records: &self.records, messages: &self.messages }))
    }
}

/// An instance shows an old version, since its change was lost.
fn old_answer() -> String {
    let history = Forge::default().commit(9_000, 1).get(9_100, 0, 1).get(9_200, 0, 1).get(9_300, 0, 1);
    let history = history.noticed(10_000, "i1", "trust_lost").fault(0, 10_000, 11_000, |history| {
        history.commit(10_100, 2).message("shared", "i0", "change 2", 10_110, None).message(
            "shared",
            "i1",
            "change 2",
            10_110,
            Some(10_120),
        )
    });
    let history = history.fault(1, 12_000, 12_500, |history| history.event(12_000, "store", Event::Down));
    let history = history.noticed(13_000, "i1", "trust_regained").get(15_300, 0, 1);
    let ordinal = history.records.len() as u64 - 1;
    let message = format!("i0-a showed 1.1 of {KEY}, but 1.2 was committed 5200 ms before the request");
    history.draw(Verdict::Violated(Violation { invariant: "C3 bounded".to_owned(), ordinal, message }))
}

fn count(svg: &str, what: &str) -> usize {
    // The styles name all classes.
    svg.split("</defs>").nth(1).map_or(0, |body| body.matches(what).count())
}

#[test]
fn a_picture_stands_alone_and_is_a_function_of_its_run() {
    let svg = old_answer();
    assert_eq!(svg, old_answer());
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("http").count(), 1, "nothing is loaded from elsewhere");
    assert!(!svg.contains("<script") && !svg.contains("@import") && !svg.contains("NaN"));
}

#[test]
fn the_violation_its_causes_and_what_was_lost_are_shown() {
    let svg = old_answer();
    for text in ["C3 bounded: i0-a showed 1.1", "commits 1.2", "change 2", "BusCut", "Crash store", "200 v1.1 L1"] {
        assert!(svg.contains(text), "no {text}");
    }
    assert_eq!(count(&svg, "class=\"ring\""), 1);
    // Beside the legend: one band each, one stretch each, one cross of two lines.
    assert_eq!((count(&svg, "\"band-0\""), count(&svg, "\"band-1\"")), (2, 1));
    assert_eq!((count(&svg, "class=\"down\""), count(&svg, "class=\"suspect\"")), (2, 2));
    assert_eq!(count(&svg, "class=\"lost\""), 4);
}

#[test]
fn answers_like_the_one_before_are_told_once() {
    let svg = old_answer();
    assert!(svg.contains("2 requests about the key are not shown"), "{svg}");
    // The first and the refused one.
    assert_eq!(count(&svg, ">GET</text>"), 2);
}

#[test]
fn what_did_not_converge_is_told_at_its_host_with_the_faults_before_it() {
    let reasons = vec!["i2 does not trust its tiers".to_owned(), "the outbox is not empty".to_owned()];
    let history = Forge::default().fault(0, 1_000, 2_000, |history| history);
    let history = history.event(19_000, "harness", Event::NotConverged { reasons });
    let message = "still pending".to_owned();
    let svg = history.draw(Verdict::Violated(Violation { invariant: "C7 converge".to_owned(), ordinal: 2, message }));
    assert!(svg.contains("i2 does not trust its tiers") && svg.contains("the outbox is not empty"), "{svg}");
    assert_eq!(count(&svg, "\"band-0\""), 2, "the fault is within the window");
}

#[test]
fn a_run_without_records_is_drawn_too() {
    assert!(Forge::default().draw(Verdict::Passed).contains("Seed 7: passed"));
}
