//! Forged reports, and what is said of them.

use std::fs;
use std::path::Path;

use bench::claims::{
    Claim, Counts, Evidence, Judged, Reports, Section, Source, Verdict, catalogue, judge, page, parse_tests, record,
};
use bench::figures::{Direction, Unit};
use serde_json::{Value, json};

const HOT: Source = Source::Bench("hot_path");

fn machine() -> Value {
    json!({"cpu": "EPYC | forged", "cpus": 2, "memoryBytes": 1_u64 << 33, "kernel": "6.1", "loadBefore": "0.10"})
}

fn put(reports: &Path, source: Source, report: &Value) {
    let path = reports.join(source.file());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, report.to_string()).unwrap();
}

fn bench(git_ref: &str, value: Value) -> Value {
    json!({
        "format": 1, "name": "hot_path", "about": "",
        "origin": {"gitRef": git_ref, "command": "cargo bench -p bench", "at": "2026-01-01T00:00:00Z", "machine": machine()},
        // It says of itself that the limit is met: nobody believes it.
        "figures": [{"name": "hit", "what": "hit", "value": value, "unit": "ratio",
                     "limit": {"direction": "atMost", "value": 9.0, "source": "forged"}}],
    })
}

fn suite(passed: &[&str], failed: &[&str]) -> Value {
    let mut record = bench("abc", json!(1.0));
    record["passed"] = json!(passed);
    record["failed"] = json!(failed);
    record
}

fn at_most(source: Source, name: &'static str, limit: f64) -> Evidence {
    Evidence::Figure { source, name, direction: Direction::AtMost, limit, unit: Unit::Ratio }
}

fn judged(reports: &Path, evidence: impl Into<Vec<Evidence>>) -> Judged {
    let claim = Claim { section: Section::Goal, id: "X", text: "a claim", evidence: evidence.into() };
    judge(vec![claim], &Reports::new(reports)).0.remove(0)
}

#[test]
fn a_figure_past_its_limit_does_not_hold_whatever_its_report_says() {
    let dir = tempfile::tempdir().unwrap();
    let hit = || [at_most(HOT, "hit", 1.15)];
    for (value, verdict) in
        [(json!(1.15), Verdict::Holds), (json!(1.150_001), Verdict::DoesNotHold), (json!(99), Verdict::DoesNotHold)]
    {
        put(dir.path(), HOT, &bench("abc", value.clone()));
        assert_eq!(judged(dir.path(), hit()).verdict, verdict, "{value}");
    }
    // One part that misses is enough.
    put(dir.path(), HOT, &bench("abc", json!(1.1)));
    assert_eq!(judged(dir.path(), [at_most(HOT, "hit", 1.15), at_most(HOT, "hit", 1.0)]).verdict, Verdict::DoesNotHold);
}

#[test]
fn what_is_not_there_is_not_measured() {
    let dir = tempfile::tempdir().unwrap();
    let missing = judged(dir.path(), [at_most(HOT, "hit", 1.15)]);
    assert_eq!(missing.verdict, Verdict::NotMeasured);
    assert!(missing.parts[0].text.contains("no report: data/bench/hot_path.json"), "{missing:?}");
    put(dir.path(), HOT, &bench("abc", json!(1.0)));
    assert_eq!(judged(dir.path(), [at_most(HOT, "another", 1.15)]).verdict, Verdict::NotMeasured);
    assert_eq!(judged(dir.path(), [Evidence::Missing("nobody does")]).verdict, Verdict::NotMeasured);
    assert_eq!(judged(dir.path(), []).verdict, Verdict::NotMeasured, "no evidence shows nothing");
    for broken in ["", "{", "[]", "{\"format\": 1}"] {
        fs::write(dir.path().join(HOT.file()), broken).unwrap();
        let unreadable = judged(dir.path(), [at_most(HOT, "hit", 1.15)]);
        assert_eq!(unreadable.verdict, Verdict::NotMeasured, "{broken}");
        assert!(unreadable.parts[0].text.contains("unreadable"), "{unreadable:?}");
    }
    let mut newer = bench("abc", json!(1.0));
    newer["format"] = json!(2);
    put(dir.path(), HOT, &newer);
    assert_eq!(judged(dir.path(), [at_most(HOT, "hit", 1.15)]).verdict, Verdict::NotMeasured);
    put(dir.path(), HOT, &bench("abc", Value::Null));
    assert_eq!(judged(dir.path(), [at_most(HOT, "hit", 1.15)]).verdict, Verdict::NotMeasured, "null is no figure");
}

fn load(figures: Value, aborted: Value) -> Value {
    json!({"schemaVersion": 1, "gitRef": "abc", "command": "loadgen reads", "startedAt": "2026-01-01T00:00:00Z",
           "machine": machine(), "aborted": aborted, "passed": true, "figures": figures})
}

#[test]
fn a_run_of_the_load_generator_is_judged_by_its_figures() {
    let dir = tempfile::tempdir().unwrap();
    let (reads, lag) = (Source::Load("reads"), Source::Load("lag"));
    put(dir.path(), reads, &load(json!({"errors": 0, "p99_ms": 30, "cpu": 10}), Value::Null));
    assert_eq!(judged(dir.path(), [at_most(reads, "p99_ms", 20.0)]).verdict, Verdict::DoesNotHold);
    assert_eq!(
        judged(dir.path(), [at_most(reads, "error_went_back", 0.0)]).verdict,
        Verdict::NotMeasured,
        "whoever looked for it says 0: a check that was renamed or did not run says nothing"
    );
    put(dir.path(), reads, &load(json!({"errors": 1, "error_went_back": 1, "cpu": 10}), Value::Null));
    assert_eq!(judged(dir.path(), [at_most(reads, "error_went_back", 0.0)]).verdict, Verdict::DoesNotHold);
    put(dir.path(), lag, &load(json!({"p99_ms": 3, "cpu": 13}), Value::Null));
    assert_eq!(
        judged(dir.path(), [at_most(lag, "error_went_back", 0.0)]).verdict,
        Verdict::NotMeasured,
        "it counts none"
    );
    let ratio = |at_most| [Evidence::Ratio { of: (lag, "cpu"), over: (reads, "cpu"), at_most }];
    assert_eq!(judged(dir.path(), ratio(1.3)).verdict, Verdict::Holds);
    assert_eq!(judged(dir.path(), ratio(1.29)).verdict, Verdict::DoesNotHold);
    put(dir.path(), lag, &load(json!({"p99_ms": 3}), json!("51 % of the replies are errors")));
    assert_eq!(judged(dir.path(), [at_most(lag, "p99_ms", 20.0)]).verdict, Verdict::DoesNotHold, "it ended early");
}

#[test]
fn tests_are_found_by_name_and_a_failed_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let source = Source::Suite("tests");
    put(dir.path(), source, &suite(&["a::b::one_thing", "two"], &["c::three"]));
    let named = |names| judged(dir.path(), [Evidence::Tests { suite: "tests", names }]).verdict;
    assert_eq!(named(&["one_thing", "two"]), Verdict::Holds);
    assert_eq!(named(&["thing"]), Verdict::NotMeasured, "half a name is none");
    assert_eq!(named(&["one_thing", "four"]), Verdict::NotMeasured);
    assert_eq!(named(&["one_thing", "three"]), Verdict::DoesNotHold);
}

#[test]
fn the_simulation_shows_a_guarantee_by_seeds_and_by_bugs_that_are_caught() {
    let dir = tempfile::tempdir().unwrap();
    let swarm = |seeds: u64, failures: Value| {
        json!({"git_ref": "abc", "command": "cargo sim swarm", "canary": "C1 monotonic", "seeds": seeds, "passed": seeds,
               "simulated_s": 1.0, "simulated_s_per_wall_s": 1.0, "marks_missed": [], "failures": failures})
    };
    let c3 = || judged(dir.path(), [Evidence::Invariant { name: "C3", seeds: 100 }]).verdict;
    let broken =
        |invariant: &str| json!([{"seed": 7, "verdict": {"Violated": {"invariant": invariant, "message": ""}}}]);
    for (report, verdict) in [
        (swarm(100, json!([])), Verdict::Holds),
        (swarm(99, json!([])), Verdict::NotMeasured),
        (swarm(100, broken("C3 bounded")), Verdict::DoesNotHold),
        (swarm(100, broken("C1 monotonic")), Verdict::Holds),
        (swarm(100, json!([{"seed": 7, "verdict": {"Died": "panicked"}}])), Verdict::DoesNotHold),
    ] {
        put(dir.path(), Source::Swarm, &report);
        assert_eq!(c3(), verdict, "{report}");
    }
    let mut blind = swarm(100, json!([]));
    blind["canary"] = json!("");
    put(dir.path(), Source::Swarm, &blind);
    assert_eq!(c3(), Verdict::NotMeasured, "checks that notice nothing show nothing");
    let row = |caught: Value| json!({"mutant": "x", "breaks": "C3", "caught": caught});
    let caught = |rows: Value, name| {
        put(dir.path(), Source::Mutants, &json!({"rows": rows, "median_seeds": 1}));
        judged(dir.path(), [Evidence::Caught { name }]).verdict
    };
    assert_eq!(caught(json!([row(json!("C3 bounded"))]), "C3"), Verdict::Holds);
    assert_eq!(caught(json!([row(json!("C3 bounded")), row(Value::Null)]), "C3"), Verdict::DoesNotHold);
    assert_eq!(caught(json!([row(json!("C3 bounded"))]), "C4"), Verdict::NotMeasured, "nothing was planted");
    assert_eq!(caught(json!([row(Value::Null)]), ""), Verdict::DoesNotHold);
}

#[test]
fn the_page_shows_what_misses_and_what_is_of_other_code() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), HOT, &bench("abc", json!(1.5)));
    let claim =
        Claim { section: Section::Goal, id: "P1", text: "fast | cheap", evidence: vec![at_most(HOT, "hit", 1.15)] };
    let (all, read) = judge(vec![claim], &Reports::new(dir.path()));
    let text = page(&all, &read, Some("abc"), "now");
    let row = text.lines().find(|line| line.starts_with("| P1")).unwrap();
    assert!(row.contains("**does not hold**") && row.contains("`cargo bench -p bench`, `abc`"), "{row}");
    assert!(row.contains("fast \\| cheap") && row.contains("A (load 0.10)"), "{row}");
    assert!(!text.contains("stale") && text.contains("1 claims: 0 hold, 1 do not hold"), "{text}");
    let text = page(&all, &read, Some("def"), "now");
    assert!(text.contains("`abc` **stale**") && text.contains("1 of the reports are **stale**"), "{text}");
    assert!(page(&all, &read, Some("abc+"), "now").contains("**stale**"), "uncommitted code is other code");
}

/// `abc+` twice may be two codes.
#[test]
fn what_is_not_committed_is_stale_and_stale_is_counted_apart() {
    let dir = tempfile::tempdir().unwrap();
    let of = |reported: &str, now: Option<&str>| {
        put(dir.path(), HOT, &bench(reported, json!(1.1)));
        let claim =
            |limit| Claim { section: Section::Goal, id: "X", text: "x", evidence: vec![at_most(HOT, "hit", limit)] };
        let missing = Claim { evidence: vec![Evidence::Missing("nobody does")], ..claim(1.0) };
        let (all, read) = judge(vec![claim(1.15), claim(1.0), missing], &Reports::new(dir.path()));
        let counts = Counts::of(&all, &read, now);
        assert!(!counts.all_hold());
        let text = page(&all, &read, now, "now");
        let said = format!("{} hold, 1 do not hold, 1 are not measured, {} would hold", counts.hold, counts.stale);
        assert!(text.contains(&said), "{text}");
        assert_eq!(text.contains("| holds, **stale** |"), counts.stale == 1, "{text}");
        (counts.hold, counts.stale)
    };
    assert_eq!(of("abc", Some("abc")), (1, 0));
    for (reported, now) in [("abc", Some("def")), ("abc+", Some("abc+")), ("abc+", Some("abc")), ("abc", None)] {
        assert_eq!(of(reported, now), (0, 1), "{reported} {now:?}");
    }
    put(dir.path(), HOT, &bench("abc", json!(1.1)));
    let claim = Claim { section: Section::Goal, id: "X", text: "x", evidence: vec![at_most(HOT, "hit", 1.15)] };
    let (all, read) = judge(vec![claim], &Reports::new(dir.path()));
    assert!(Counts::of(&all, &read, Some("abc")).all_hold());
    assert!(!Counts::of(&all, &read, Some("abc+")).all_hold(), "--strict fails");
}

#[test]
fn every_claim_can_be_shown_by_something_and_without_reports_nothing_holds() {
    let dir = tempfile::tempdir().unwrap();
    let all = catalogue::all();
    assert!(all.len() >= 60, "{}", all.len());
    assert!(all.iter().all(|claim| !claim.evidence.is_empty()));
    for id in ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8"] {
        assert_eq!(all.iter().filter(|claim| claim.id == id).count(), 1, "{id}");
    }
    let (judged, read) = judge(all, &Reports::new(dir.path()));
    assert!(judged.iter().all(|judged| judged.verdict == Verdict::NotMeasured));
    let text = page(&judged, &read, None, "now");
    assert!(judged.iter().all(|judged| text.contains(judged.claim.text)));
}

/// A claim that rests on a test that was renamed would be "not measured" for ever, and nobody would look.
#[test]
fn the_tests_that_claims_rest_on_are_there() {
    fn texts(folder: &Path, into: &mut String) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.extension().and_then(|ending| ending.to_str()) {
                Some("rs") => into.push_str(&fs::read_to_string(entry).unwrap()),
                None if entry.is_dir() && !entry.ends_with("target") => texts(&entry, into),
                _ => {}
            }
        }
    }
    let mut source = String::new();
    for folder in ["system", "loadgen", "bench", "testcontainers"] {
        texts(&bench::figures::root().join(folder), &mut source);
    }
    for claim in catalogue::all() {
        for evidence in claim.evidence {
            if let Evidence::Tests { names, .. } = evidence {
                for name in names {
                    // Cases against real backends are named by texts.
                    let is_there =
                        source.contains(&format!("fn {name}(")) || source.contains(&format!("(\"{name}\", &"));
                    assert!(is_there, "{}: there is no test {name}", claim.id);
                }
            }
        }
    }
}

/// What was measured on the embedded road says nothing about Pulsar, Redis or SQL Server.
#[test]
fn what_names_a_backend_rests_on_that_backend() {
    let dir = tempfile::tempdir().unwrap();
    let mut figures = serde_json::Map::new();
    for claim in catalogue::all() {
        for evidence in &claim.evidence {
            if let Evidence::Figure { source: Source::Load(_) | Source::Bench(_), name, limit, .. } = evidence {
                figures.insert((*name).to_owned(), json!(limit));
            }
        }
    }
    for source in [Source::Load("propagation"), Source::Load("reads")] {
        put(dir.path(), source, &load(figures.clone().into(), Value::Null));
    }
    let mut record = bench("abc", json!(1.0));
    record["figures"] =
        figures.iter().map(|(name, value)| json!({"name": name, "what": "", "value": value, "unit": "ms"})).collect();
    put(dir.path(), Source::Bench("propagation"), &record);
    let (all, _) = judge(catalogue::all(), &Reports::new(dir.path()));
    let named = |name: &str| all.iter().filter(|judged| judged.claim.text.contains(name)).collect::<Vec<_>>();
    for name in ["Pulsar", "Redis", "SQL Server"] {
        let claims = named(name);
        assert!(!claims.is_empty(), "{name}");
        for judged in claims {
            assert_eq!(judged.verdict, Verdict::NotMeasured, "{}", judged.claim.text);
        }
    }
    assert!(named("embedded backplane").iter().all(|judged| judged.verdict == Verdict::Holds));
    // A debug build of the real road is no evidence either.
    let road = |is_release: f64| {
        let mut record = suite(&[], &[]);
        record["figures"] = ["is_release", "bus_p99"]
            .map(|name| {
                let value = if name == "is_release" { is_release } else { 3.0 };
                json!({"name": name, "what": "", "value": value, "unit": "ms"})
            })
            .to_vec()
            .into();
        put(dir.path(), Source::Suite("road"), &record);
        let (all, _) = judge(catalogue::all(), &Reports::new(dir.path()));
        all.iter().find(|judged| judged.claim.text.starts_with("Pulsar propagation")).unwrap().verdict
    };
    assert_eq!((road(1.0), road(0.0)), (Verdict::Holds, Verdict::DoesNotHold));
}

/// Good times of a part of the requests, or of what came twice, are no good times.
#[test]
fn times_of_requests_that_were_not_all_sent_and_answered_show_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let verdicts = |source: Source, base: &[(&str, f64)], ids: &str, also: &[(&str, f64)]| {
        let figures: serde_json::Map<_, _> =
            base.iter().chain(also).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        put(dir.path(), source, &load(figures.into(), Value::Null));
        let (all, _) = judge(catalogue::all(), &Reports::new(dir.path()));
        all.iter().filter(|judged| judged.claim.text.contains(ids)).map(|judged| judged.verdict).collect::<Vec<_>>()
    };
    let reads = [("p50_ms", 1.0), ("p99_ms", 2.0), ("errors", 0.0), ("not_sent", 0.0)];
    let of_reads = |also: &[(&str, f64)]| verdicts(Source::Load("reads"), &reads, "receives a forecast", also);
    assert_eq!(of_reads(&[]), [Verdict::Holds]);
    assert_eq!(of_reads(&[("not_sent", 1.0)]), [Verdict::DoesNotHold]);
    let push = [
        ("web_push_p99_ms", 5.0),
        ("errors", 0.0),
        ("not_sent", 0.0),
        ("missing", 0.0),
        ("extra", 0.0),
        ("notifications", 300.0),
    ];
    let of_push = |also: &[(&str, f64)]| verdicts(Source::Load("notifications"), &push, "Web Push takes", also);
    assert_eq!(of_push(&[]), [Verdict::Holds]);
    for name in ["errors", "not_sent", "missing", "extra"] {
        assert_eq!(of_push(&[(name, 1.0)]), [Verdict::DoesNotHold], "{name}");
    }
    let once = verdicts(Source::Load("notifications"), &push, "notify_once", &[("extra", 1.0)]);
    assert_eq!(once, [Verdict::DoesNotHold], "something came twice");
}

#[test]
fn figures_that_tests_leave_are_recorded() {
    let run = |script: &str| record("forged", &["sh", "-c", script].map(str::to_owned), &mut |_| {});
    let script =
        r#"echo '{"figures":[{"name":"bus_p99","what":"x","value":2.5,"unit":"ms"}]}' > "$FIGURES_DIR/road.json""#;
    let (all, _) = run(script).unwrap();
    let found = all.figures.iter().find(|figure| figure.name == "bus_p99").unwrap();
    assert_eq!((found.value, found.unit), (2.5, Unit::Ms));
    assert!(run(r#"echo '{' > "$FIGURES_DIR/road.json""#).is_err(), "half a file is none");
}

#[test]
fn what_a_test_program_prints_is_read_and_a_suite_is_recorded() {
    let printed = "running 4 tests\ntest a::one ... ok\ntest two ... FAILED\ntest three ... ignored, no Redis\n\
                   test four - should panic ... ok\ntest result: FAILED. 2 passed\n";
    let (passed, failed) = parse_tests(printed.lines());
    assert_eq!((passed, failed), (vec!["a::one".to_owned(), "four".to_owned()], vec!["two".to_owned()]));
    // The suites against real backends capture nothing.
    let printed = "test one ... it took 3 ms\n  ok then\nok\ntest two ... 5 ms\nok\nFAILED\ntest three ... 7 ms ... 8 ms\n\
                   test four ... ok\nok\ntest five ... ignored, no broker\nok\n";
    let (passed, failed) = parse_tests(printed.lines());
    assert_eq!((passed, failed), (vec!["one".to_owned(), "four".to_owned()], vec!["two".to_owned()]));
    let run = |script: &str| record("forged", &["sh", "-c", script].map(str::to_owned), &mut |_| {}).unwrap();
    let (all, succeeded) = run("echo 'test a ... ok'; echo 'test b ... ok' >&2");
    assert_eq!((all.passed.len(), all.failed.len(), succeeded), (2, 0, true));
    let (all, succeeded) = run("echo 'test a ... FAILED'; exit 101");
    assert_eq!((all.passed.len(), all.failed, succeeded), (0, vec!["a".to_owned()], false));
    // An abort prints no name, and must not look like a success.
    for (script, code) in [("echo 'test a ... ok'; exit 101", 101.0), ("echo 'test a ... ok'; kill -ABRT $$", 255.0)] {
        let (all, succeeded) = run(script);
        let ended = all.figures.iter().find(|figure| figure.name == "exit_code").unwrap();
        assert_eq!((all.failed.len(), ended.value, succeeded), (0, code, false), "{script}");
        let dir = tempfile::tempdir().unwrap();
        let mut record = serde_json::to_value(&all).unwrap();
        record["figures"][0]["value"] = json!(2_000);
        put(dir.path(), Source::Suite("tests"), &record);
        let (judged, _) = judge(catalogue::all(), &Reports::new(dir.path()));
        let all_pass = judged.iter().find(|judged| judged.claim.text == "all tests pass").unwrap();
        assert_eq!(all_pass.verdict, Verdict::DoesNotHold, "{script}");
    }
    assert!(record("forged", &["/nowhere/at/all".to_owned()], &mut |_| {}).is_err());
}
