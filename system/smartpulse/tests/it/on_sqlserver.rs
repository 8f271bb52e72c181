//! `store.kind = "sqlserver"` from the configuration to the roles, against a server that speaks TDS and runs no SQL: what is
//! asked of it, and what becomes of its answers. That the statements are right is for the suites on a real one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use adapters::sqlserver::testing::script::{self, Database};
use adapters::sqlserver::testing::{Cell, Fake, Kind, Reply, Request, Table};
use uuid::Uuid;

use super::running::{Running, command, until};

const PASSWORD: &str = "hunter2-of-the-database";
const ID: &str = "0b5d0000-0000-4000-8000-000000000007";

fn settings(fake: &Fake) -> Vec<String> {
    let url = format!("store.url={}", fake.connection(PASSWORD));
    ["store.kind=sqlserver", &url].into_iter().flat_map(|one| ["--set".to_owned(), one.to_owned()]).collect()
}

/// Runs a command on the side, so that the server can answer meanwhile.
async fn run(fake: &Fake, args: &[&str]) -> (Option<i32>, String) {
    let given = settings(fake);
    let args: Vec<String> = args.iter().map(|one| (*one).to_owned()).chain(given).collect();
    let output = tokio::task::spawn_blocking(move || {
        let dir = tempfile::tempdir().unwrap();
        command(dir.path(), &args.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("hunter2"), "{said}");
    (output.status.code(), said)
}

/// The row of one forecast, as `sql/store/get.sql` answers it.
fn row() -> Table {
    let id = |n: u128| Cell::Id(Some(Uuid::from_u128(n)));
    let at = || Cell::Time(Some("2026-01-01T00:00:00Z".parse().unwrap()));
    vec![vec![
        Cell::int(1),
        Cell::Int(None),
        Cell::Id(Some(ID.parse().unwrap())),
        id(1),
        id(2),
        Cell::Id(None),
        at(),
        Cell::Float(Some(42.5)),
        Cell::Float(None),
        Cell::Float(Some(0.5)),
        Cell::text("Pending"),
        Cell::text("[]"),
        at(),
        at(),
        Cell::int(7),
    ]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_works_on_the_server() {
    let found = Reply::Tables(vec![row()]);
    let rows = script::but("AS TombstoneVersion,\n    f.Id", found, Database::ready().script());
    // Something always seems to wait, so that it is asked for.
    let fake = Fake::listen(script::but("AS DueInUs", Reply::Number(0), rows)).await.unwrap();
    let args = settings(&fake);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let started = tokio::task::spawn_blocking(move || {
        Running::start(&path, &args.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let running = started.await.unwrap();
    // What each role asks for: forecasts, tracker and sync (their leases), relay, notifications, mails; and the prune job.
    for (role, part) in [
        ("tracker and sync", "UPDATE dbo.ForecastLeases\nSET Token = Token + 1"),
        ("relay", "FROM dbo.ForecastOutbox"),
        ("notification-worker", "dbo.SysUserDeviceInfo"),
        ("mail-send", "dbo.NheaMailQueue"),
    ] {
        let asked = || async { fake.of(Kind::Rpc).iter().any(|text| text.contains(part)) };
        let since = Instant::now();
        while !asked().await {
            assert!(since.elapsed() < Duration::from_secs(30), "{role} never asks: {}", running.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    until("an answer", || async {
        let got = running.request(reqwest::Method::GET, &format!("/api/forecasts/{ID}")).send().await.unwrap();
        got.status() == 200
    })
    .await;
    let got = running.request(reqwest::Method::GET, &format!("/api/forecasts/{ID}")).send().await.unwrap();
    assert_eq!(got.headers()["x-version"], "1.7");
    let document: serde_json::Value = got.json().await.unwrap();
    assert_eq!((&document["demand"], &document["versionId"]), (&serde_json::json!(42.5), &serde_json::json!(7)));
    assert!(!running.log().contains("hunter2") && !running.welcome.contains("hunter2"), "{}", running.log());
    assert!(running.welcome.contains("data in SQL Server"), "{}", running.welcome);
    running.signal("TERM");
    drop(running);
    let (made, _) = fake.counts();
    assert!(made <= 100, "{made} connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_ready_is_refused_with_what_to_do() {
    let ready = || Database::ready();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"];
    for (database, mode, expected) in [
        (Database { migrations: 0, ..ready() }, "change_tracking", "7 migrations are due: run smartpulse migrate"),
        (Database { migrations: 5, ..ready() }, "cdc", "2 migrations are due: run smartpulse migrate"),
        (Database { change_tracking: false, ..ready() }, "change_tracking", "CHANGE_TRACKING is off"),
        (Database { later: vec!["expand", "contract"], ..ready() }, "cdc", "is at migration 9, this release knows 7"),
        (Database { cdc: false, ..ready() }, "cdc", "CDC is off"),
        (Database { read_committed_snapshot: false, ..ready() }, "cdc", "READ_COMMITTED_SNAPSHOT is off"),
        (Database { compatibility: 120, ..ready() }, "change_tracking", "at least 130 is needed"),
    ] {
        let fake = Fake::listen(database.script()).await.unwrap();
        let mode = format!("cdc.mode={mode}");
        let (code, said) = run(&fake, &[&serve[..], &["--set", &mode]].concat()).await;
        assert!(code == Some(1) && said.contains(expected), "{expected}: {said}");
        let changed = |text: &String| text.contains("CREATE TABLE") || text.contains("ALTER ");
        assert!(!fake.of(Kind::Batch).iter().any(changed), "nothing migrates by itself");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_or_hangs_ends_the_start() {
    let fake = Fake::listen(|_| Reply::Error(18456, 14)).await.unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"];
    let (code, said) = run(&fake, &serve).await;
    assert!(code == Some(1) && said.contains("18456"), "{said}");
    let fake = Fake::listen(|_| Reply::HangUp).await.unwrap();
    let (code, said) = run(&fake, &serve).await;
    assert!(code == Some(1) && said.contains("looking at the database failed"), "{said}");
    let fake = Fake::listen(|_| Reply::Silence).await.unwrap();
    let since = Instant::now();
    let (code, said) = run(&fake, &serve).await;
    assert!(code == Some(1) && said.contains("took too long"), "{said}");
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_looks_before_it_acts() {
    let behind = || Database { migrations: 5, ..Database::ready() };
    let fake = Fake::listen(behind().script()).await.unwrap();
    let (code, said) = run(&fake, &["migrate", "--check"]).await;
    assert_eq!(code, Some(1), "{said}");
    for part in ["SQL Server 16.0.4131.2", "due (expand): 0006_notifications", "due (expand): 0007_", "2 steps are due"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    let (code, said) = run(&fake, &["migrate", "--dry-run"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("CREATE TABLE dbo.NheaMailQueue") && said.contains("\nGO\n"), "{said}");
    assert!(!said.contains("CREATE TABLE dbo.Forecasts\n"), "those that were applied are not shown");
    let touched = |text: &String| ["CREATE ", "ALTER ", "sp_getapplock"].iter().any(|word| text.contains(word));
    assert!(
        ![Kind::Batch, Kind::Rpc].iter().any(|kind| fake.of(*kind).iter().any(touched)),
        "neither changes anything"
    );
    // A lock first, then each migration in its transaction, noted in it.
    let fake = Fake::listen(script::but("sp_getapplock", Reply::Number(0), behind().script())).await.unwrap();
    let (code, said) = run(&fake, &["migrate"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(": 0006_notifications") && said.contains(": 0007_notification_procedures"), "{said}");
    let notes = fake.of(Kind::Rpc).iter().filter(|text| text.contains("INSERT INTO dbo.SmartPulseMigrations")).count();
    assert_eq!((notes, fake.of(Kind::Transaction).len()), (2, 4));
    let ready = Fake::listen(script::but("sp_getapplock", Reply::Number(0), Database::ready().script()));
    let (code, said) = run(&ready.await.unwrap(), &["migrate", "--phase", "contract"]).await;
    assert!(code == Some(0) && said.contains("nothing was due up to the phase contract"), "{said}");
}

/// The Agent refuses to start a job that is about to stop. It is asked again; and an earlier call that came no farther than
/// the instances left nothing else that is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_sets_the_jobs_whatever_else_is_due() {
    let (ready, starts) = (Database::ready().script(), AtomicU32::new(0));
    let script = move |request: &Request| match request.text.contains("sp_cdc_start_job") {
        true if starts.fetch_add(1, Ordering::Relaxed) == 0 => Reply::Error(22_022, 16),
        true => Reply::Done,
        false => ready(request),
    };
    let fake = Fake::listen(script::but("sp_getapplock", Reply::Number(0), script)).await.unwrap();
    let (code, said) = run(&fake, &["migrate", "--set", "cdc.mode=cdc"]).await;
    assert!(code == Some(0) && said.contains("the capture job looks each second"), "{said}");
    let asked = fake.of(Kind::Rpc);
    let count = |part: &str| asked.iter().filter(|text| text.contains(part)).count();
    assert_eq!((count("@pollinginterval = 1"), count("sp_cdc_stop_job"), count("sp_cdc_start_job")), (1, 1, 2));
}

/// A column more than the capture instance has, as after the next release's migration: the instance is renewed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_renews_the_capture_instance() {
    let outgrown = Reply::Tables(vec![vec![vec![Cell::text("dbo_Forecasts"), Cell::text("Id"), Cell::int(1)]]]);
    let script = script::but("FROM cdc.change_tables AS i\nINNER", outgrown, Database::ready().script());
    let fake = Fake::listen(script::but("sp_getapplock", Reply::Number(0), script)).await.unwrap();
    let cdc = ["--set", "cdc.mode=cdc"];
    let (code, said) = run(&fake, &[&["migrate", "--check"][..], &cdc].concat()).await;
    assert!(code == Some(1) && said.contains("due (expand): capture dbo.Forecasts as dbo_Forecasts_2"), "{said}");
    let (code, said) = run(&fake, &[&["migrate"][..], &cdc].concat()).await;
    assert!(code == Some(0) && said.contains("capture dbo.Forecasts as dbo_Forecasts_2"), "{said}");
    let asked = fake.of(Kind::Rpc);
    assert!(asked.iter().any(|text| text.contains("sp_cdc_enable_table") && text.contains("dbo_Forecasts_2")));
    assert!(asked.iter().any(|text| text.contains("@pollinginterval = 1")), "the jobs are set anew");
    let (code, said) = run(&fake, &[&["migrate", "--dry-run"][..], &cdc].concat()).await;
    assert_eq!(code, Some(0), "{said}");
    for part in ["@capture_instance = N'dbo_Forecasts_2'", "@pollinginterval = 1", "sp_cdc_start_job"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_judges_what_the_server_says() {
    let ready = || Database::ready();
    let verdict = |said: &str, what: &str| {
        let line = said.lines().find(|line| line.contains(&format!("sqlserver  {what:<16} ")));
        line.unwrap_or_else(|| panic!("no {what} in {said}")).split(' ').next().unwrap().to_owned()
    };
    for (database, mode, what, expected, code) in [
        (ready(), "change_tracking", "Change Tracking", "ok", 0),
        (ready(), "change_tracking", "migrations", "ok", 0),
        (ready(), "change_tracking", "clock", "ok", 0),
        (ready(), "change_tracking", "round trip", "ok", 0),
        (ready(), "cdc", "capture", "ok", 0),
        (ready(), "cdc", "capture jobs", "ok", 0),
        (Database { migrations: 6, ..ready() }, "change_tracking", "migrations", "failure", 1),
        (Database { snapshot_isolation: false, ..ready() }, "change_tracking", "settings", "failure", 1),
        (Database { change_tracking: false, ..ready() }, "change_tracking", "Change Tracking", "failure", 1),
        (Database { tracking_days: 2, ..ready() }, "change_tracking", "Change Tracking", "warning", 0),
        (Database { clock_ahead_s: -86_400, ..ready() }, "change_tracking", "clock", "failure", 1),
        (Database { cdc: false, ..ready() }, "cdc", "CDC", "failure", 1),
        (Database { edition: "Express Edition".to_owned(), ..ready() }, "cdc", "CDC", "failure", 1),
        (Database { capture_minutes: 4_320, ..ready() }, "cdc", "capture jobs", "warning", 0),
        (Database { captured_us_ago: Some(60_000_000), ..ready() }, "cdc", "capture", "warning", 0),
        (Database { captured_us_ago: None, ..ready() }, "cdc", "capture", "warning", 0),
    ] {
        let fake = Fake::listen(database.script()).await.unwrap();
        let mode = format!("cdc.mode={mode}");
        let (found, said) = run(&fake, &["doctor", "--set", &mode]).await;
        assert_eq!((verdict(&said, what).as_str(), found), (expected, Some(code)), "{what}: {said}");
        let changed =
            |text: &String| ["UPDATE ", "INSERT ", "CREATE ", "ALTER "].iter().any(|word| text.contains(word));
        assert!(!fake.of(Kind::Rpc).iter().any(changed), "it changes nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_does_not_wait_for_a_server_that_hangs() {
    for reply in [Reply::Silence, Reply::HangUp, Reply::Error(18456, 14)] {
        let fake = Fake::listen(move |_| reply.clone()).await.unwrap();
        let since = Instant::now();
        let (code, said) = run(&fake, &["doctor"]).await;
        assert!(code == Some(1) && said.contains("is store.url right, the server up"), "{said}");
        assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    }
}
